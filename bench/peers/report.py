"""The page of one run: medians, ranges, and ratios beside the goals."""

from __future__ import annotations

import base64
import os
import platform
import re
import subprocess
from pathlib import Path
from statistics import median
from typing import Any

# (what, task, key, peer, than, at most or at least, goal)
_GOALS = [
    ("pull, proxy CPU per GiB", "pull", "proxy_cpu", "layergate", "haproxy", "≤", 0.5),
    ("8 pulls, proxy CPU per GiB", "pull-8", "proxy_cpu", "layergate", "haproxy", "≤", 0.5),
    ("pull, throughput", "pull", "rate", "layergate", "haproxy", "≥", None),
    ("pull, throughput", "pull", "rate", "layergate", "registry", "≥", None),
    ("8 pulls, throughput", "pull-8", "rate", "layergate", "haproxy", "≥", None),
    ("8 pulls, throughput", "pull-8", "rate", "layergate", "registry", "≥", None),
    ("push, proxy CPU per GiB", "push", "proxy_cpu", "layergate", "haproxy", "≤", 0.5),
    ("push, whole time", "push", "wall", "layergate", "registry", "≤", None),
    ("manifest GET, requests/s", "manifest", "rate", "layergate", "registry", "≥", 0.9),
    ("manifest GET, requests/s", "manifest", "rate", "layergate", "haproxy", "≥", None),
    ("manifest GET, requests/s", "manifest", "rate", "layergate", "nginx-cost10", "≥", None),
    ("manifest GET, p99", "manifest", "p99_ms", "layergate", "registry", "≤", None),
]

_TASKS = {
    "pull": ("Pull of one layer", ["proxy_cpu", "registry_cpu", "wall", "rate"]),
    "pull-8": ("Eight pulls of it at once", ["proxy_cpu", "registry_cpu", "wall", "rate"]),
    "push": ("Push of one layer, one PUT", ["proxy_cpu", "registry_cpu", "wall", "rate"]),
    "manifest": ("GET of a manifest by tag, wrk, 32 connections",
                 ["rate", "p99_ms", "proxy_cpu", "registry_cpu"]),
}

_HEADS = {"proxy_cpu": "proxy CPU, s/GiB", "registry_cpu": "registry CPU, s/GiB", "wall": "time, s",
          "rate": "GiB/s", "p99_ms": "p99, ms"}
_MANIFEST_HEADS = {"rate": "requests/s", "proxy_cpu": "proxy CPU, ms/request",
                   "registry_cpu": "registry CPU, ms/request"}


_LEAST_CPU_SECONDS = 0.2


def basic(credential: str) -> str:
    return "Basic " + base64.b64encode(credential.encode()).decode()


def machine() -> dict[str, Any]:
    model = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    memory = re.search(r"^MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())
    return {"cpus": len(os.sched_getaffinity(0)), "model": model[1] if model else "unknown",
            "kernel": platform.release(), "memory_mib": int(memory[1]) >> 10 if memory else 0,
            "peers": {name: _first_line(*words) for name, words in {
                "registry": ("docker-registry", "--version"), "nginx": ("/usr/sbin/nginx", "-v"),
                "haproxy": ("/usr/sbin/haproxy", "-v"), "curl": ("curl", "--version")}.items()}}


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


def _number(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def _spread(values: list[float]) -> str:
    return f"{_number(median(values))} ({_number(min(values))}–{_number(max(values))})"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def _task(name: str, samples: dict[str, list[dict[str, float]]]) -> str:
    title, keys = _TASKS[name]
    heads = {**_HEADS, **(_MANIFEST_HEADS if name == "manifest" else {})}
    rows = []
    for peer, of_peer in samples.items():
        row = [peer]
        for key in keys:
            bare = key == "proxy_cpu" and peer == "registry"
            row.append("–" if bare else _spread([sample[key] for sample in of_peer]))
        rows.append(row)
    return f"## {title}\n\n" + _table(["", *(heads[key] for key in keys)], rows)


def _too_short(key: str, task: str, values: list[float], result: dict[str, Any]) -> bool:
    """Whether CPU time is so little that the kernel's ticks of 10 ms decide the ratio."""
    clients = result["parallel"] if task == "pull-8" else 1
    return (key == "proxy_cpu"
            and min(values) * result["size_mib"] * clients / 1024 < _LEAST_CPU_SECONDS)


def _goals(result: dict[str, Any]) -> str:
    rows, samples = [], result["samples"]
    for what, task, key, peer, than, sign, goal in _GOALS:
        of_task = samples.get(task, {peer: [], than: []})
        pairs = zip(of_task[peer], of_task[than])
        ratios = [ours[key] / theirs[key] for ours, theirs in pairs if theirs[key] > 0]
        if not ratios:
            continue
        if _too_short(key, task, [sample[key] for sample in of_task[than]], result):
            verdict = "too little CPU time to tell"
        elif goal is None:
            verdict = "–"
        else:
            missed = median(ratios) > goal if sign == "≤" else median(ratios) < goal
            verdict = "**missed**" if missed else "met"
        rows.append([what, f"{peer} ÷ {than}", _spread(ratios),
                     "–" if goal is None else f"{sign} {goal}", verdict])
    return _table(["", "ratio", "median (range)", "goal", ""], rows)


def _calls(calls: dict[str, dict[str, float]]) -> str:
    rows = []
    for name, counts in calls.items():
        most = sorted(counts.items(), key=lambda item: -item[1])
        rows.append([name, f"{sum(counts.values()):,.0f}",
                     ", ".join(f"{call} {count:,.0f}" for call, count in most[:6])])
    return _table(["one transfer", "calls a GiB", "most of them"], rows)


def page(result: dict[str, Any]) -> str:
    machine_, program_ = result["machine"], result["program"]
    note = f"- {result['note']}\n" if result["note"] else ""
    text = f"""# {result['started'][:10]}: a {result['size_mib']} MiB layer, {result['rounds']} rounds

- Command: `{result['command']}`, started {result['started']}
- Program: `{program_['path']}`, {program_['version']}, commit {program_['commit']}
- Machine: {machine_['cpus']} CPUs, {machine_['model']}, Linux {machine_['kernel']}, \
{machine_['memory_mib']:,} MiB
- Load averages before and after: {', '.join(f'{x:.1f}' for x in result['load_before'])}; \
{', '.join(f'{x:.1f}' for x in result['load_after'])}
- Peers: {'; '.join(machine_['peers'].values())}
{note}
Each cell is the median and, in brackets, the least and the most of all rounds. Only ratios of one
run count. [README](../README.md) says what each number is.

## Ratios

Each taken within a round, against the goal where this comparison has one.

{_goals(result)}
"""
    text += "\n".join(_task(name, samples) for name, samples in result["samples"].items())
    if result["syscalls_per_gib"]:
        text += ("\n## System calls\n\nCounted by `strace -c -f` in one transfer that is slowed "
                 "down by it: the counts are an estimate.\n\n" + _calls(result["syscalls_per_gib"]))
    return text
