"""How many system calls one transfer costs a proxy."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable

from peers.peer import Peer
from peers.process import Server

from .case import GIB
from .clients import Failed
from .images import Images


def syscalls(images: Images, peer: Peer, size: int, transfer: Callable[[], object]
             ) -> dict[str, float]:
    """System calls a GiB of a transfer of `size` bytes under strace, by name."""
    assert peer.proxy
    output = images.field.root / "strace"
    tracer = Server("strace-attach", ["strace", "-c", "-f", "-o", output, "-p",
                                      str(peer.proxy.pid)], images.field.root)
    try:
        time.sleep(1)  # until it has attached to all threads
        transfer()
    finally:
        tracer.stop(signal.SIGINT)
    counts = re.findall(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$",
                        output.read_text(), re.MULTILINE)
    if not counts:
        raise Failed(f"strace saw nothing:\n{output.read_text()}")
    return {name: int(calls) * GIB / size for calls, name in counts if name != "total"}
