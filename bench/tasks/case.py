"""One thing to measure on several peers in turn."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from peers.peer import Peer

from .clients import log_in

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30

# What one measurement gave, by name: rates, seconds, CPU for each GiB or request.
Sample = dict[str, float]


@dataclass(frozen=True)
class Case:
    task: str                  # as --only names it
    name: str                  # unique: "pull, 1 GiB, 8 clients"
    unit: str                  # "GiB", "request", "handshake" or "pull": what rate and CPU count
    peers: list[str]
    action: Callable[[Peer, int], Sample]  # the second is the round's number, from 1
    seconds: float             # about how long one peer takes
    size: int = 0              # bytes of the layer
    clients: int = 0
    slow: dict[str, float] = field(default_factory=dict)  # peers that take much longer: seconds

    def estimate(self, peer: str) -> float:
        return self.slow.get(peer, self.seconds)


def size_name(size: int) -> str:
    for unit, word in ((GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
        if size % unit == 0:
            return f"{size // unit} {word}"
    return f"{size} bytes"


def clients_name(clients: int) -> str:
    return "1 client" if clients == 1 else f"{clients} clients"


class Meter:
    """CPU seconds of a peer's proxy and registry, from its making to read()."""

    def __init__(self, peer: Peer) -> None:
        self._peer, self._before = peer, peer.cpu()
        self.proxy = self.registry = 0.0

    def read(self) -> None:
        now = self._peer.cpu()
        self.proxy, self.registry = now[0] - self._before[0], now[1] - self._before[1]

    def per(self, amount: float, scale: float = 1.0) -> Sample:
        """CPU for each unit of `amount`, and the seconds themselves: few of them say little."""
        return {"proxy_cpu": scale * self.proxy / amount,
                "registry_cpu": scale * self.registry / amount,
                "server_cpu": scale * (self.proxy + self.registry) / amount,
                "proxy_seconds": self.proxy, "server_seconds": self.proxy + self.registry}


@contextmanager
def metered(peer: Peer) -> Iterator[Meter]:
    """Reads the meter when the servers have come to rest after the block: what follows the last
    byte belongs to it, and may not fall to the next peer. nginx hashes on for clients that left.

    The peer has been asked with the password before: Layergate remembers one that was right for five
    minutes, and to hash it anew costs as much as a quarter of a GiB.
    """
    if peer.login:
        log_in(peer)
    meter = Meter(peer)
    yield meter
    deadline, before = time.monotonic() + 5, -1.0
    while meter.proxy + meter.registry > before + 0.01 and time.monotonic() < deadline:
        before = meter.proxy + meter.registry
        time.sleep(0.05)
        meter.read()
