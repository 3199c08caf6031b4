"""All servers of one comparison, over one storage directory."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from .peer import PASSWORD, USER, Peer
from .process import DidNotStart, Server, compile_c, fill, find, free_port

# Every name that --peers takes, in the order of the tables.
NAMES = ["registry", "splice-loop", "layergate", "layergate-unix", "layergate-storage",
         "layergate-storage-off", "layergate-write", "layergate-asked", "nginx-streaming",
         "nginx-256k", "nginx-cost10", "nginx-sendfile", "haproxy", "haproxy-static", "caddy"]


class Field:
    """A context manager: whatever was started ends with it.

    First start_registries(), then images are made, then start_peers(): a Layergate learns what
    the registry holds when it starts.
    """

    def __init__(self, root: Path, program: Path) -> None:
        self.root, self.storage = root, root / "storage"
        self.notes: list[str] = []  # who does not take part, and why
        self._program = program
        self._servers: list[Server] = []
        self._static: tuple[int, Server] | None = None  # nginx with the manifest as a file
        self.storage.mkdir()
        self._socket = root / "registry.sock"
        self._htpasswds()
        self._certificate()

    def __enter__(self) -> "Field":
        return self

    def __exit__(self, *_: object) -> None:
        for server in reversed(self._servers):
            server.stop()

    def _start(self, name: str, *command: str | Path,
               environment: Mapping[str, str] | None = None) -> Server:
        server = Server(name, command, self.root, environment)
        self._servers.append(server)
        return server

    def _htpasswds(self) -> None:
        for cost in (5, 10):
            line = subprocess.run(["htpasswd", "-niBC", str(cost), USER], input=PASSWORD.encode(),
                                  check=True, capture_output=True).stdout
            (self.root / f"htpasswd-{cost}").write_bytes(line)

    def _certificate(self) -> None:
        """One for all peers, ECDSA on P-256; HAProxy wants certificate and key in one file."""
        certificate, key = self.root / "server.crt", self.root / "server.key"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
             "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
             "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", certificate],
            check=True, capture_output=True)
        key.chmod(0o600)
        (self.root / "server.pem").write_bytes(certificate.read_bytes() + key.read_bytes())
        (self.root / "server.pem").chmod(0o600)

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

    def start_peers(self, wanted: list[str]) -> dict[str, Peer]:
        """The wanted ones that this machine has, by name, in the order of NAMES."""
        peers = {"registry": self.bare}
        for start in (self._splice_loop, self._layergates, self._nginx, self._haproxy, self._caddy):
            for peer in start(wanted):
                peers[peer.name] = peer
        return {name: peers[name] for name in NAMES if name in wanted and name in peers}

    def _installed(self, program: str, package: str, wanted: list[str]) -> str | None:
        path = find(program)
        if path is None and wanted:
            self.notes.append(f"{', '.join(wanted)}: skipped, {package} is not installed")
        return path

    def _splice_loop(self, wanted: list[str]) -> list[Peer]:
        if "splice-loop" not in wanted or not self._installed("cc", "gcc", ["splice-loop"]):
            return []
        port = free_port()
        program = compile_c("splice_loop.c", self.root / "splice_loop")
        server = self._start("splice-loop", program, str(port), str(self._port))
        server.wait_ready(port)
        return [Peer("splice-loop", port, self.registry, server)]

    def _layergates(self, wanted: list[str]) -> list[Peer]:
        tcp, unix = f"url: 'http://127.0.0.1:{self._port}'", f"url: 'unix://{self._socket}'"
        files = f"{tcp}, storage: {self.storage}"
        peers = []
        for name, upstream, extra in (
                ("layergate", tcp, ""),
                ("layergate-unix", unix, ""),
                ("layergate-storage", f"{files}, storage_verify: first", ""),
                ("layergate-storage-off", f"{files}, storage_verify: off", ""),
                ("layergate-write", f"{files}, storage_mode: write", ""),
                ("layergate-asked", f"{tcp}, exclusive: false", "")):
            if name not in wanted:
                continue
            registry = self._registry_unix if upstream is unix else self.registry
            try:
                peers.append(self._layergate(name, upstream, extra, registry))
            except DidNotStart as reason:
                if name != "layergate-write":  # which older programs do not have
                    raise
                lines = [line for line in str(reason).splitlines()[1:] if line.strip()]
                self.notes.append(f"{name}: skipped, this program refuses `storage_mode: write`: "
                                  + (lines or ["no reason given"])[-1].replace(str(self.root), ""))
        return peers

    def _layergate(self, name: str, upstream: str, extra: str, registry: Server) -> Peer:
        conf = self.root / name
        conf.mkdir()
        port, tls_port, admin = free_port(), free_port(), free_port()
        fill("layergate.yml", conf / "layergate.yml", port=port, tls_port=tls_port, admin=admin,
             upstream=upstream, extra=extra, dir=self.root, state=self.root / f"{name}-state")
        fill("acl.yml", conf / "acl.yml")
        (conf / "htpasswd").write_bytes((self.root / "htpasswd-10").read_bytes())
        server = self._start(name, self._program, "serve", "--config-dir", conf)
        server.wait_ready(admin, "/readyz")
        return Peer(name, port, registry, server, tls_port, login=True, admin=admin)

    def _nginx(self, wanted: list[str]) -> list[Peer]:
        ours = [name for name in wanted if name.startswith("nginx-") or name == "haproxy-static"]
        path = self._installed("nginx", "nginx-light", ours)
        if path is None or not ours:
            return []
        plain = {name: free_port() for name in ("streaming", "buffered", "costly", "sendfile")}
        tls = {name: free_port() for name in ("streaming_tls", "buffered_tls", "sendfile_tls")}
        file = fill("nginx.conf", self.root / "nginx.conf", dir=self.root, registry=self._port,
                    storage=self.storage, **plain, **tls,
                    user="user root;" if os.geteuid() == 0 else "")
        server = self._start("nginx", path, "-c", file, "-e", self.root / "nginx-error.log")
        server.wait_ready(plain["buffered"])
        self._static = (plain["sendfile"], server)
        registry = self.registry
        return [Peer("nginx-streaming", plain["streaming"], registry, server, tls["streaming_tls"],
                     login=True),
                Peer("nginx-256k", plain["buffered"], registry, server, tls["buffered_tls"]),
                Peer("nginx-cost10", plain["costly"], registry, server, login=True),
                Peer("nginx-sendfile", plain["sendfile"], registry, server, tls["sendfile_tls"])]

    def _haproxy(self, wanted: list[str]) -> list[Peer]:
        ours = [name for name in wanted if name in ("haproxy", "haproxy-static")]
        path = self._installed("haproxy", "haproxy", ours)
        if path is None or not ours:
            return []
        port, tls_port, static = free_port(), free_port(), free_port()
        nginx = self._static
        file = fill("haproxy.cfg", self.root / "haproxy.cfg", port=port, tls_port=tls_port,
                    registry=self._port, password=PASSWORD, dir=self.root, static=static,
                    nginx_static=nginx[0] if nginx else self._port)
        server = self._start("haproxy", path, "-db", "-f", file)
        server.wait_ready(port)
        peers = [Peer("haproxy", port, self.registry, server, tls_port, login=True)]
        if nginx:  # which takes the registry's place behind it
            peers.append(Peer("haproxy-static", static, nginx[1], server))
        return peers

    def _caddy(self, wanted: list[str]) -> list[Peer]:
        path = self._installed("caddy", "caddy", ["caddy"]) if "caddy" in wanted else None
        if path is None:
            return []
        port, tls_port = free_port(), free_port()
        file = fill("Caddyfile", self.root / "Caddyfile", port=port, tls_port=tls_port,
                    registry=self._port, dir=self.root)
        home = {"HOME": str(self.root), "XDG_DATA_HOME": str(self.root),
                "XDG_CONFIG_HOME": str(self.root), "GOMAXPROCS": "2"}
        server = self._start("caddy", path, "run", "--adapter", "caddyfile", "--config", file,
                             environment=home)
        server.wait_ready(port)
        return [Peer("caddy", port, self.registry, server, tls_port)]
