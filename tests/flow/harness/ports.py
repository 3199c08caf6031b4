"""Free TCP ports on 127.0.0.1."""

from __future__ import annotations

import os
import random
import socket

# Below the kernel's ephemeral range (32768 up), so that no outgoing connection of another test can
# take a port between its choice and its use. Each xdist worker has a slice of its own: the program
# listens with SO_REUSEPORT, and two of them on one port would share it without an error.
_FIRST, _SLICE = 12000, 2000
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 10
_start = random.randrange(_SLICE)


def free_port() -> int:
    """A port that nothing listens on, and that is not given twice in this process."""
    global _start
    for _ in range(_SLICE):
        _start = (_start + 1) % _SLICE
        port = _FIRST + _WORKER * _SLICE + _start
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no free port")
