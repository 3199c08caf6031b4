"""Password files by Apache's htpasswd, which is what operators use."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from .process import run


@functools.cache
def line(user: str, password: str, cost: int = 5) -> str:
    """One "user:hash" line. Cost 5 unless the cost is the point: a hash of cost 10 takes 60 ms."""
    arguments = ["htpasswd", "-niB", "-C", str(cost), user]
    return run(*arguments, stdin=password.encode()).stdout.decode().strip()


def text(passwords: Mapping[str, str], cost: int = 5) -> str:
    return "".join(line(user, password, cost) + "\n" for user, password in passwords.items())
