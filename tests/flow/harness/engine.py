"""A real Docker engine in a network namespace of its own.

The namespace has no name and the engine is the first process of a PID namespace with mounts of its
own: when either holder ends, even by SIGKILL, the kernel takes containers, mounts and interfaces
with it, and nothing is left to clean up.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from .process import Process, run

# Debian's client; another docker earlier on the PATH may lack the builder that this engine has.
_DOCKER = "/usr/bin/docker"


class NetworkNamespace:
    """A nameless network namespace with a loopback interface, alive as long as its holder."""

    def __init__(self, root: Path) -> None:
        self._holder = Process(["unshare", "--net", "sleep", "infinity"], root / "netns.log")
        self.path = Path(f"/proc/{self._holder.pid}/ns/net")
        ours = os.readlink("/proc/self/ns/net")
        self._holder.wait_until(lambda: os.readlink(self.path) != ours, 5, "network namespace")
        run("ip", "link", "set", "lo", "up", namespace=self.path)

    def __enter__(self) -> "NetworkNamespace":
        return self

    def __exit__(self, *_: object) -> None:
        self._holder.stop()


class OwnNetwork:
    """The network that this process is in: an engine there must leave it alone, see `options`."""

    path = Path("/proc/self/ns/net")


class DockerEngine:
    """dockerd with the vfs driver (no overlay inside overlay), reached by docker()."""

    def __init__(self, root: Path, namespace: NetworkNamespace | OwnNetwork,
                 options: Sequence[str] = ()) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.namespace = namespace
        self._home = root / "home"
        self._home.mkdir()
        self._socket = f"unix://{root / 'docker.sock'}"
        self._process = Process(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
             "dockerd", "--data-root", root / "data", "--exec-root", root / "exec",
             "--host", self._socket, "--pidfile", root / "dockerd.pid",
             "--storage-driver", "vfs", *options],
            root / "dockerd.log",
            namespace=namespace.path,
        )
        self._process.wait_until(self._answers, 60, "answer to docker info")

    def _answers(self) -> bool:
        return self.docker("info", check=False).returncode == 0

    def docker(self, *arguments: str | Path, stdin: bytes = b"",
               check: bool = True) -> subprocess.CompletedProcess[bytes]:
        """The docker client, with a configuration that is only this engine's."""
        environment = {
            "DOCKER_HOST": self._socket,
            "DOCKER_CONFIG": str(self._home),
            "DOCKER_BUILDKIT": "0",  # Debian ships no buildx
        }
        return run(_DOCKER, *arguments, stdin=stdin, check=check, environment=environment,
                   namespace=self.namespace.path)

    def stop(self) -> None:
        """SIGTERM to dockerd itself: unshare, its parent, does not pass signals on."""
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for child in children:
            os.kill(int(child), signal.SIGTERM)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.stop()

    def __enter__(self) -> "DockerEngine":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
