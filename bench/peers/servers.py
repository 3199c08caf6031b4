"""Starting, watching and stopping the servers."""

from __future__ import annotations

import ctypes
import http.client
import os
import signal
import socket
import string
import subprocess
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
USER, PASSWORD = "bench", "correct-horse-battery"
_TICKS = os.sysconf("SC_CLK_TCK")
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


class _Template(string.Template):
    delimiter = "@"  # nginx has its own use for $


def fill(template: str, target: Path, **values: object) -> Path:
    """Writes peers/TEMPLATE with each @{name} replaced to `target`."""
    target.write_text(_Template((HERE / template).read_text()).substitute(values))
    return target


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def group_cpu(group: int) -> float:
    """User and system seconds of all processes of a process group, ended children included."""
    ticks = 0
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            stat = Path("/proc", entry, "stat").read_text()
        except OSError:
            continue  # it ended meanwhile
        # proc(5): after the name, which may hold spaces, the fields from state (3) on.
        fields = stat[stat.rindex(")") + 2:].split()
        if int(fields[2]) == group:
            ticks += sum(int(field) for field in fields[11:15])
    return ticks / _TICKS


class Server:
    """One program in a process group of its own, which ends with the benchmark."""

    def __init__(self, name: str, command: list[str | Path], directory: Path) -> None:
        self.name, self._log = name, directory / f"{name}.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
                preexec_fn=lambda: _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM))

    @property
    def pid(self) -> int:
        return self._process.pid

    def cpu(self) -> float:
        return group_cpu(self.pid)

    def wait_ready(self, port: int | Path, target: str = "/v2/", timeout: float = 20.0) -> None:
        """Until an HTTP answer that is no 5xx comes from a loopback port or a unix socket."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            try:
                if _status(port, target) < 500:
                    return
            except OSError:
                pass
            time.sleep(0.05)
        raise RuntimeError(f"{self.name} did not start:\n{self._log.read_text()[-2000:]}")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """By its own pid; the whole group by force if it does not end."""
        if self._process.poll() is None:
            self._process.send_signal(number)
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(self.pid, signal.SIGKILL)
                self._process.wait()


def _status(port: int | Path, target: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", 0 if isinstance(port, Path) else port,
                                            timeout=5)
    if isinstance(port, Path):
        connection.sock = socket.socket(socket.AF_UNIX)
        try:
            connection.sock.connect(str(port))
        except OSError:
            connection.close()
            raise
    try:
        connection.request("GET", target)
        return connection.getresponse().status
    finally:
        connection.close()


class Peer:
    """A door to the registry: where it is, and whose CPU time it costs."""

    def __init__(self, name: str, port: int, registry: Server, proxy: Server | None = None) -> None:
        self.name, self.registry, self.proxy = name, registry, proxy
        self.url = f"http://127.0.0.1:{port}"


class Field:
    """All servers of one comparison, over one storage directory. A context manager."""

    def __init__(self, root: Path, program: Path) -> None:
        self.root, self.storage = root, root / "storage"
        self._program, self._servers = program, []
        self.storage.mkdir()
        self._socket = root / "registry.sock"
        self._htpasswds()

    def __enter__(self) -> "Field":
        return self

    def __exit__(self, *_: object) -> None:
        for server in reversed(self._servers):
            server.stop()

    def _start(self, name: str, *command: str | Path) -> Server:
        server = Server(name, list(command), self.root)
        self._servers.append(server)
        return server

    def _htpasswds(self) -> None:
        for cost in (5, 10):
            line = subprocess.run(["htpasswd", "-niBC", str(cost), USER], input=PASSWORD.encode(),
                                  check=True, capture_output=True).stdout
            (self.root / f"htpasswd-{cost}").write_bytes(line)

    def start_registries(self) -> None:
        """One on TCP, one on a unix socket; both serve the same storage."""
        self._port = free_port()
        self.registry = self._registry("registry", "tcp", f"127.0.0.1:{self._port}")
        self.registry.wait_ready(self._port)
        self._registry_unix = self._registry("registry-unix", "unix", str(self._socket))
        self._registry_unix.wait_ready(self._socket)
        self.bare = Peer("registry", self._port, self.registry)

    def _registry(self, name: str, net: str, address: str) -> Server:
        file = fill("registry.yml", self.root / f"{name}.yml", storage=self.storage, net=net,
                    address=address)
        return self._start(name, "docker-registry", "serve", file)

    def start_peers(self) -> dict[str, Peer]:
        """Every door by its name, the bare registry first."""
        peers = [self.bare,
                 self._layergate("layergate", f"http://127.0.0.1:{self._port}", self.registry),
                 self._layergate("layergate-unix", f"unix://{self._socket}", self._registry_unix),
                 *self._nginx(), self._haproxy()]
        return {peer.name: peer for peer in peers}

    def _layergate(self, name: str, upstream: str, registry: Server) -> Peer:
        conf = self.root / name
        conf.mkdir()
        port, admin = free_port(), free_port()
        fill("layergate.yml", conf / "layergate.yml", port=port, admin=admin, upstream=upstream,
             state=self.root / f"{name}-state")
        fill("acl.yml", conf / "acl.yml")
        (conf / "htpasswd").write_bytes((self.root / "htpasswd-10").read_bytes())
        server = self._start(name, self._program, "serve", "--config-dir", conf)
        server.wait_ready(admin, "/readyz")
        return Peer(name, port, registry, server)

    def _nginx(self) -> list[Peer]:
        streaming, buffered, costly = free_port(), free_port(), free_port()
        file = fill("nginx.conf", self.root / "nginx.conf", dir=self.root, registry=self._port,
                    streaming=streaming, buffered=buffered, costly=costly,
                    user="user root;" if os.geteuid() == 0 else "")
        server = self._start("nginx", "/usr/sbin/nginx", "-c", file, "-e",
                             self.root / "nginx-error.log")
        server.wait_ready(buffered)
        return [Peer("nginx-streaming", streaming, self.registry, server),
                Peer("nginx-256k", buffered, self.registry, server),
                Peer("nginx-cost10", costly, self.registry, server)]

    def _haproxy(self) -> Peer:
        port = free_port()
        file = fill("haproxy.cfg", self.root / "haproxy.cfg", port=port, registry=self._port,
                    password=PASSWORD)
        server = self._start("haproxy", "/usr/sbin/haproxy", "-db", "-f", file)
        server.wait_ready(port)
        return Peer("haproxy", port, self.registry, server)
