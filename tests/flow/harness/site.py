"""One host with everything on it: a Docker engine, a gate and a registry."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .client import Client
from .engine import DockerEngine, NetworkNamespace
from .gate import Gate
from .images import MANIFEST
from .process import run
from .registry import Registry

# What docker pushes is in Docker's own media type; others push OCI's.
ANY_MANIFEST = [("Accept", MANIFEST), ("Accept", "application/vnd.docker.distribution.manifest.v2+json")]


@dataclass
class Site:
    """One host: an engine, a gate and a registry that see each other and nothing else."""

    engine: DockerEngine
    gate: Gate
    registry: Registry
    root: Path

    @property
    def host(self) -> str:
        return "%s:%d" % self.gate.address

    def run(self, *arguments: str | Path, stdin: bytes = b"", check: bool = True) -> str:
        """A command on that host, with a home of its own."""
        home = self.root / "home"
        home.mkdir(exist_ok=True)
        environment = {"HOME": str(home), "XDG_RUNTIME_DIR": str(home),
                       "REGISTRY_AUTH_FILE": str(home / "auth.json")}
        result = run(*arguments, stdin=stdin, environment=environment, check=check,
                     namespace=self.engine.namespace.path)
        return (result.stdout + result.stderr).decode()

    def log_in(self, user: str, password: str | None = None) -> int:
        """docker login; its exit code."""
        secret = self.gate.passwords[user] if password is None else password
        return self.engine.docker("login", "--username", user, "--password-stdin", self.host,
                                  stdin=secret.encode(), check=False).returncode

    def digest_in_registry(self, name: str, tag: str) -> str:
        """What the registry itself says, asked around the gate."""
        with Client(self.registry.connect) as client:
            response = client.expect(200, "HEAD", f"/v2/{name}/manifests/{tag}", ANY_MANIFEST)
            return response["docker-content-digest"]


@contextlib.contextmanager
def open_site(root: Path, policy: str, passwords: dict[str, str]) -> Iterator[Site]:
    with (
        NetworkNamespace(root) as namespace,
        Registry(root / "registry", namespace=namespace.path) as registry,
        Gate(root / "gate", registry.url, policy, passwords, namespace=namespace.path) as gate,
        DockerEngine(root / "engine", namespace) as engine,
    ):
        yield Site(engine, gate, registry, root)


def write_build_context(directory: Path) -> Path:
    """What `docker build` needs no network for: FROM scratch with a static busybox."""
    directory.mkdir()
    shutil.copy("/bin/busybox", directory / "busybox")
    (directory / "weights").write_bytes(bytes(range(256)) * 8192)
    (directory / "Dockerfile").write_text(
        "FROM scratch\nCOPY busybox /busybox\nCOPY weights /weights\n"
        'CMD ["/busybox", "echo", "telechat speaks"]\n'
    )
    return directory
