"""What a run was made on, and of which program."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from pathlib import Path
from typing import Any

from peers.process import find

_VERSIONS = {"registry": ("docker-registry", "--version"), "nginx": ("nginx", "-v"),
             "haproxy": ("haproxy", "-v"), "caddy": ("caddy", "version"),
             "curl": ("curl", "--version"), "wrk": ("wrk", "-v"), "docker": ("dockerd", "--version"),
             "skopeo": ("skopeo", "--version"), "openssl": ("openssl", "version")}


def machine() -> dict[str, Any]:
    model = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    memory = re.search(r"^MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())
    return {"cpus": len(os.sched_getaffinity(0)), "model": model[1] if model else "unknown",
            "kernel": platform.release(), "memory_mib": int(memory[1]) >> 10 if memory else 0,
            "peers": {name: _short(_first_line(path, *words[1:]))
                      for name, words in _VERSIONS.items() if (path := find(words[0]))}}


def program(binary: Path, root: Path) -> dict[str, str]:
    """Which program it was: the path, its version, the checkout's commit."""
    try:
        path = str(binary.resolve().relative_to(root))
    except ValueError:
        path = binary.name
    return {"path": path, "version": _first_line(str(binary), "--version"),
            "commit": _first_line("git", "-C", str(root), "describe", "--always", "--dirty")}


def _first_line(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return ((done.stdout + done.stderr).splitlines() or ["unknown"])[0]


def _short(text: str) -> str:
    """The version's number alone: the libraries that it was built with do not matter."""
    match = re.search(r"\d+\.\d[^\s,]*", text)
    return match[0] if match else text
