"""Which plots a run has, and what is in them."""

from __future__ import annotations

from typing import Any

from tasks.case import clients_name, size_name

from .plot import Panel, figure

_CASES = dict[str, Any]


def _values(result: dict[str, Any], case: str, peer: str, key: str) -> list[float]:
    return [sample[key] for sample in result["samples"].get(case, {}).get(peer, [])
            if sample is not None and key in sample]


def _sized(result: dict[str, Any], task: str) -> dict[int, list[_CASES]]:
    """The cases of a task that have samples, by size."""
    found: dict[int, list[_CASES]] = {}
    for case in result["cases"]:
        if case["task"] == task and case["name"] in result["samples"]:
            found.setdefault(case["size"], []).append(case)
    return found


def throughput(result: dict[str, Any]) -> str:
    clients = sorted({case["clients"] for task in ("pull", "tls", "push")
                      for cases in _sized(result, task).values() for case in cases})[:3]
    lines = []
    for task, title in (("pull", ""), ("tls", "TLS, "), ("push", "push, ")):
        line = []
        for size, cases in _sized(result, task).items():
            values: dict[str, list[list[float]]] = {}
            for case in cases:
                if case["clients"] in clients:
                    for peer in result["samples"][case["name"]]:
                        of_peer = values.setdefault(peer, [[] for _ in clients])
                        of_peer[clients.index(case["clients"])] = _values(
                            result, case["name"], peer, "rate")
            small = cases[0]["unit"] != "GiB"
            unit = "requests/s, logarithmic" if small else "GiB/s"
            line.append(Panel(title + size_name(size), unit, _in_order(result, values), small))
        lines.append(line)
    return figure("Throughput", "Further right is better. A mark is the median, its line the range "
                  "of all rounds.", [clients_name(number) for number in clients], lines)


def cpu(result: dict[str, Any]) -> str:
    """One number of clients for each size: 8 where that was measured."""
    lines = []
    for task, title in (("pull", ""), ("tls", "TLS, "), ("push", "push, ")):
        line = []
        for size, cases in _sized(result, task).items():
            case = next((case for case in cases if case["clients"] == 8), cases[-1])
            values = {peer: [_values(result, case["name"], peer, key)
                             for key in ("proxy_cpu", "registry_cpu")]
                      for peer in result["samples"][case["name"]]}
            unit = "s/GiB" if case["unit"] == "GiB" else "ms/request"
            line.append(Panel(f"{title}{size_name(size)}, {clients_name(case['clients'])}", unit,
                              _in_order(result, values)))
        lines.append(line)
    return figure("CPU time on the server's side", "Shorter is better. Medians of all rounds; user "
                  "and system.", ["the proxy", "the registry behind it"], lines, bars=True)


def latency(result: dict[str, Any]) -> str:
    names = [case["name"] for case in result["cases"]
             if case["task"] in ("manifest", "streaming") and case["name"] in result["samples"]]
    values = {peer: [_values(result, name, peer, "p99_ms") for name in names]
              for peer in result["peers"] if any(peer in result["samples"][name] for name in names)}
    return figure("Latency of a manifest", "Further left is better: 99 of 100 answers come "
                  "within this time, and its line is the range of all rounds.", names,
                  [[Panel("p99", "ms, logarithmic", values, logarithmic=True)]])


def _in_order(result: dict[str, Any], values: dict[str, list[list[float]]]
              ) -> dict[str, list[list[float]]]:
    return {peer: values[peer] for peer in result["peers"] if peer in values}


def all_of(result: dict[str, Any]) -> dict[str, str]:
    """The SVGs by the last part of their names, without those that nothing was measured for."""
    tasks = {case["task"] for case in result["cases"] if case["name"] in result["samples"]}
    plots: dict[str, str] = {}
    if tasks & {"pull", "tls", "push"}:
        plots |= {"throughput": throughput(result), "cpu": cpu(result)}
    if tasks & {"manifest", "streaming"}:
        plots["latency"] = latency(result)
    return plots
