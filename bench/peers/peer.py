"""A door to the registry: where it is, what it asks for, and whose CPU time it costs."""

from __future__ import annotations

import http.client
from dataclasses import dataclass

from .process import Server

USER, PASSWORD = "bench", "correct-horse-battery"


@dataclass(frozen=True)
class Peer:
    name: str
    port: int
    registry: Server
    proxy: Server | None = None
    tls_port: int | None = None
    login: bool = False        # it asks for the password
    admin: int | None = None   # Layergate's admin port

    def url(self, tls: bool = False) -> str:
        return f"https://127.0.0.1:{self.tls_port}" if tls else f"http://127.0.0.1:{self.port}"

    def cpu(self) -> tuple[float, float]:
        """Seconds of the proxy and of the registry behind it, so far."""
        return (self.proxy.cpu() if self.proxy else 0.0), self.registry.cpu()

    def served_from_files(self) -> float:
        """How many blobs a Layergate with `storage` has sent from the registry's files."""
        assert self.admin
        connection = http.client.HTTPConnection("127.0.0.1", self.admin, timeout=10)
        try:
            connection.request("GET", "/metrics")
            lines = connection.getresponse().read().decode().splitlines()
        finally:
            connection.close()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines
                   if line.startswith("layergate_storage_served_total"))
