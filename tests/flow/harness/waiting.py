"""Waiting for what a program does in its own time."""

from __future__ import annotations

import time
from collections.abc import Callable


def wait(condition: Callable[[], bool], what: str, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)
