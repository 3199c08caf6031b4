"""The verbs that manage accounts, images and grants, and when what they change is in force."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from .gate import Gate

ACCEPT = [("Accept", "application/vnd.oci.image.manifest.v1+json")]
PASSWORD = "Granite-Harbour-42"


def say(gate: Gate, *words: str, code: int = 0, stdin: bytes = b"") -> str:
    """One verb; what it printed. The exit code has to be as expected."""
    result = gate.run_verb(*words, stdin=stdin, check=False)
    printed = result.stdout.decode() + result.stderr.decode()
    assert result.returncode == code, f"{words}: {result.returncode}\n{printed}"
    return printed


def add_account(gate: Gate, name: str, permissions: str, *more: str, password: str = PASSWORD) -> None:
    say(gate, "user", "add", name, "--permissions", permissions, "--password-stdin", *more,
        stdin=password.encode() + b"\n")
    gate.passwords[name] = password


def pull_status(gate: Gate, user: str, name: str, tag: str, password: str | None = None) -> int:
    return gate.ask("GET", f"/v2/{name}/manifests/{tag}", user=user, password=password, fields=ACCEPT).status


def wait_for(expected: Any, ask: Callable[[], Any], what: str, timeout: float = 15.0) -> None:
    """Until `ask` answers as expected: what was changed has come into force."""
    deadline = time.monotonic() + timeout
    while (got := ask()) != expected:
        assert time.monotonic() < deadline, f"{what}: still {got}, not {expected}"
        time.sleep(0.25)


def policy_files(gate: Gate) -> dict[str, bytes]:
    """All that a refused change must leave as it was."""
    return {str(file.relative_to(gate.config)): file.read_bytes()
            for file in sorted(gate.config.rglob("*")) if file.is_file() and not file.name.endswith(".lock")}
