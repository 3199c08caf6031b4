"""The page of one run: goals, plots, and each case with its medians and ranges."""

from __future__ import annotations

from typing import Any

from . import goals
from .numbers import spread, table

_HEADS: dict[str, str | dict[str, str]] = {
    "rate": {"GiB": "GiB/s", "request": "requests/s", "handshake": "handshakes/s",
             "pull": "pulls/s"},
    "tickets": {"handshake": "new tickets/handshake"},
    "p99_ms": "p99, ms", "wall": "time, s", "stream_rate": "streams, GiB/s",
    "proxy_cpu": {"GiB": "proxy CPU, s/GiB", "request": "proxy CPU, ms/request",
                  "handshake": "CPU, ms/handshake", "pull": "proxy CPU, s/GiB"},
    "registry_cpu": {"GiB": "registry CPU, s/GiB", "request": "registry CPU, ms/request",
                     "pull": "registry CPU, s/GiB"},
}


def _case(case: dict[str, Any], samples: dict[str, list[dict[str, float] | None]]) -> str:
    rows, keys = [], [key for key in _HEADS if any(
        sample and key in sample for of_peer in samples.values() for sample in of_peer)]
    heads = {key: head if isinstance(head, str) else head.get(case["unit"])
             for key, head in _HEADS.items()}
    keys = [key for key in keys if heads[key]]
    for peer, of_peer in samples.items():
        good = [sample for sample in of_peer if sample is not None]
        row = [peer]
        for key in keys:
            bare = key == "proxy_cpu" and peer == "registry"
            row.append("–" if bare or not good else spread([sample[key] for sample in good]))
        rows.append(row)
    title = case["name"][0].upper() + case["name"][1:]
    return f"### {title}\n\n" + table(["", *(str(heads[key]) for key in keys)], rows)


def _calls(calls: dict[str, dict[str, float]]) -> str:
    rows = []
    for name, counts in calls.items():
        most = sorted(counts.items(), key=lambda item: -item[1])
        rows.append([name, f"{sum(counts.values()):,.0f}",
                     ", ".join(f"{call} {count:,.0f}" for call, count in most[:6])])
    return table(["one transfer", "calls a GiB", "most of them"], rows)


def _list(title: str, lines: list[str]) -> str:
    return f"\n## {title}\n\n" + "".join(f"- {line}\n" for line in lines) if lines else ""


def page(result: dict[str, Any], plots: list[str]) -> str:
    machine, program = result["machine"], result["program"]
    note = f"- {result['note']}\n" if result["note"] else ""
    text = f"""# {result['started'][:10]}: {result['rounds']} rounds

- Command: `{result['command']}`, started {result['started']}
- Program: `{program['path']}`, {program['version']}, commit {program['commit']}
- Machine: {machine['cpus']} CPUs, {machine['model']}, Linux {machine['kernel']}, \
{machine['memory_mib']:,} MiB
- Load averages before and after: {', '.join(f'{x:.1f}' for x in result['load_before'])}; \
{', '.join(f'{x:.1f}' for x in result['load_after'])}
- Peers: {', '.join(f'{name} {said}' for name, said in machine['peers'].items())}
{note}
Each cell is the median and, in brackets, the least and the most of all rounds. Only ratios of one
run count. [README](../README.md) says what each number is.

{goals.page(result['cases'], result['samples'])}"""
    text += _list("Who does not take part", result["notes"])
    text += _list("What failed", result["failures"])
    text += "".join(f"\n![{plot.rsplit('-', 1)[1][:-4]}]({plot})\n" for plot in plots)
    text += "\n## Everything measured\n\n"
    text += "\n".join(_case(case, result["samples"][case["name"]]) for case in result["cases"]
                      if case["name"] in result["samples"])
    if result["syscalls_per_gib"]:
        text += ("\n## System calls\n\nCounted by `strace -c -f` in one transfer that is slowed "
                 "down by it: the counts are an estimate.\n\n" + _calls(result["syscalls_per_gib"]))
    return text
