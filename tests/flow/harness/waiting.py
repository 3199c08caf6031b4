"""Waiting for what a program does in its own time."""

from __future__ import annotations

import time
from collections.abc import Callable

from harness.gate import is_sanitized

SOON = 20.0 if is_sanitized() else 10.0  # seconds


def wait(condition: Callable[[], bool], what: str, seconds: float = SOON) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)
