"""Debian's docker-registry, the real thing that stands behind the gate."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from .certificates import Authority
from .ports import free_port
from .process import Process, run
from .rawhttp import Address, Connection

_PROGRAM = "/usr/bin/docker-registry"
V2 = "docker/registry/v2"  # below the root directory
# By their URLs, the root directories of the registries that were started.
STORAGES: dict[str, Path] = {}


class Registry:
    """An unauthenticated registry with deletes enabled, on a unix socket or a loopback port."""

    def __init__(
        self,
        root: Path,
        *,
        unix: bool = True,
        storage: Path | None = None,
        namespace: Path | None = None,
        tls: Authority | None = None,  # https, by a certificate of this authority
        more: Mapping[str, Any] | None = None,  # further sections of its configuration
    ) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.storage = storage or root / "storage"
        self.storage.mkdir(parents=True, exist_ok=True)
        self.namespace = namespace
        self.address: Address | Path
        # A socket's path is at most 107 bytes, and pytest's directories are long.
        self._tls = tls.client() if tls else None
        if unix and tls is None and len(str(root)) < 90:
            self.address = root / "registry.sock"
            http: dict[str, Any] = {"net": "unix", "addr": str(self.address)}
            self.url = f"unix://{self.address}"
        else:
            self.address = ("127.0.0.1", free_port())
            http = {"addr": "%s:%d" % self.address}
            self.url = "%s://%s:%d" % ("https" if tls else "http", *self.address)
            if tls:
                http["tls"] = tls.issue().keys
        STORAGES[self.url] = self.storage
        self._config = root / "registry.yml"
        self._config.write_text(
            yaml.safe_dump(
                {
                    "version": "0.1",
                    "log": {"level": "info"},
                    "storage": {
                        "filesystem": {"rootdirectory": str(self.storage)},
                        "delete": {"enabled": True},
                        "cache": {"blobdescriptor": "inmemory"},
                    },
                    "http": {**http, "secret": "a secret for tests"},
                    **(more or {}),
                }
            )
        )
        self._log = root / "registry.log"
        self.start()

    def start(self) -> None:
        """Starts it (again) on the same address and storage, and waits until it answers."""
        if isinstance(self.address, Path):
            self.address.unlink(missing_ok=True)
        self.process = Process(
            [_PROGRAM, "serve", self._config],
            self._log,
            environment={"OTEL_TRACES_EXPORTER": "none"},
            namespace=self.namespace,
        )
        self.process.wait_until(self._answers, 20, "answer to GET /v2/")

    def collect_garbage(self) -> str:
        """Stops it, as its manual wants, collects, and starts it again; what was said."""
        self.stop()
        said = run(_PROGRAM, "garbage-collect", self._config).stdout.decode()
        self.start()
        return said

    def file_of(self, digest: str) -> Path:
        """Where the bytes of a blob are."""
        algorithm, hex_digits = digest.split(":")
        return self.storage / V2 / "blobs" / algorithm / hex_digits[:2] / hex_digits / "data"

    def link_of(self, name: str, digest: str) -> Path:
        """Where it is said that the repository has it."""
        layers = self.storage / V2 / "repositories" / name / "_layers"
        return layers / digest.replace(":", "/") / "link"

    def connect(self) -> Connection:
        """A connection that goes around the gate."""
        return Connection(
            self.address,
            namespace=None if isinstance(self.address, Path) else self.namespace,
            tls=self._tls,
        )

    def _answers(self) -> bool:
        try:
            with self.connect() as connection:
                return connection.request("GET", "/v2/").status == 200
        except OSError:
            return False

    def stop(self) -> None:
        self.process.stop()

    def __enter__(self) -> "Registry":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
