"""Pushes of one layer: a POST, then one PUT."""

from __future__ import annotations

from peers.peer import Peer

from .case import GIB, Case, Sample, metered, size_name
from .images import Images

PEERS = ["registry", "layergate", "layergate-write", "nginx-streaming", "haproxy", "caddy"]
_FEW = PEERS[:-1]  # where a push takes long


def cases(images: Images, sizes: list[int], quick: bool) -> list[Case]:
    return [_case(images, size, quick) for size in sizes]


def _case(images: Images, size: int, quick: bool) -> Case:
    # A small one alone is too short for the clock that counts CPU time.
    times = 1 if quick else max(1, min(4, GIB // 4 // size))
    gib = size * times / GIB

    def push(peer: Peer, turn: int) -> Sample:
        seconds = 0.0
        with metered(peer) as meter:
            for number in range(times):
                seconds += images.push(peer, size, f"bench/push-{peer.name}-{turn}-{number}")
        return {**meter.per(gib), "wall": seconds / times, "rate": gib / seconds}

    return Case("push", f"push, {size_name(size)}", "GiB", _FEW if size >= GIB else PEERS,
                push, 0.3 + 8 * gib, size, 1, slow={"layergate-write": 0.3 + 2 * gib})
