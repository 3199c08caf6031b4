"""The project's goals: which two peers each compares, in what, and how far it may be off.

Every goal is a ratio of two measurements of one round.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from tasks.case import GIB, MIB, clients_name, size_name

from .numbers import spread, table

# By case and peer: a sample for each round, None where it failed.
Samples = dict[str, dict[str, list[dict[str, float] | None]]]

_LEAST_CPU_SECONDS = 0.1  # with less, what a proxy does beside the transfer decides the ratio


@dataclass(frozen=True)
class Goal:
    text: str
    task: str          # "pull", "tls" and "push" come in sizes; of the others it is the case's name
    peer: str
    than: Sequence[str]  # the best of these within a round
    key: str
    sign: str          # ≤ or ≥
    factor: float
    than_text: str = ""
    clients: int = 0   # the goal is for this many only; 0: for any


_UPSTREAM = ("nginx-streaming", "nginx-256k", "haproxy", "caddy")
_THROUGH, _DISK = "pull through the upstream", "pull with `storage`"
_WRITE = "push with `storage_mode: write`"
_GET, _HEAD = "manifest GET", "manifest HEAD"
_STREAM = "manifest GET while 8 layers stream"

GOALS = [
    Goal(f"{_THROUGH}: proxy CPU", "pull", "layergate", ["haproxy"], "proxy_cpu", "≤", 0.5),
    Goal(f"{_THROUGH}: proxy CPU", "pull", "layergate", ["splice-loop"], "proxy_cpu", "≤", 1.2),
    Goal(f"{_THROUGH}: throughput", "pull", "layergate", ["splice-loop"], "rate", "≥", 0.95),
    Goal(f"{_DISK}: throughput", "pull", "layergate-storage", ["registry"], "rate", "≥", 1.05,
         clients=8),
    Goal(f"{_DISK}: CPU of all servers", "pull", "layergate-storage", ["registry"], "server_cpu",
         "≤", 0.45),
    Goal(f"{_DISK}: CPU of all servers", "pull", "layergate-storage", ["nginx-sendfile"],
         "server_cpu", "≤", 1.1),
    Goal("push through the upstream: proxy CPU", "push", "layergate", ["haproxy"], "proxy_cpu", "≤",
         0.5),
    Goal(f"{_WRITE}: whole time", "push", "layergate-write", ["registry"], "wall", "≤", 0.3),
    Goal(f"{_WRITE}: CPU of all servers", "push", "layergate-write", ["registry"], "server_cpu",
         "≤", 0.3),
    Goal("authenticated manifest GET, requests/s", _GET, "layergate", ["registry"], "rate", "≥", 20),
    Goal("authenticated manifest GET, requests/s", _GET, "layergate", ["haproxy-static"], "rate",
         "≥", 1.0),
    Goal("authenticated manifest HEAD, requests/s", _HEAD, "layergate", ["registry"], "rate", "≥",
         20),
    Goal("authenticated manifest HEAD, requests/s", _HEAD, "layergate", ["haproxy-static"], "rate",
         "≥", 1.0),
    Goal("each tag checked upstream: GET, requests/s", _GET, "layergate-asked", ["registry"],
         "rate", "≥", 0.9),
    Goal("each tag checked upstream: HEAD, requests/s", _HEAD, "layergate-asked", ["registry"],
         "rate", "≥", 0.9),
    Goal("manifest GET while 8 layers stream: p99", _STREAM, "layergate", ["registry"], "p99_ms",
         "≤", 0.25),
    Goal("the same with `storage`: p99", _STREAM, "layergate-storage", ["registry"], "p99_ms", "≤",
         0.25),
    Goal("pull over TLS, through the upstream: proxy CPU", "tls", "layergate", _UPSTREAM,
         "proxy_cpu", "≤", 0.9, "the best of nginx, HAProxy, Caddy"),
    Goal("pull over TLS, with `storage`: proxy CPU", "tls", "layergate-storage",
         ["nginx-sendfile"], "proxy_cpu", "≤", 0.9),
]

# Goals that other commands measure.
ELSEWHERE = [
    ("a decision on 1,000,000 rules, 100,000 users: under 1 µs, at most 2 × that on 1,000 rules; "
     "ready in 3 s from the compiled form",
     "`bench/micro/decide_bench`, `bench/large_policy.py` with `time layergate acl check`"),
    ("memory: an idle kept-alive connection at most 1 KiB, a streaming one at most 32 KiB besides "
     "its pipe", "`bench/growth --only connections streaming`"),
    ("restart with an index of 100,000 tags and 2,000,000 digests: ready in under 2 s",
     "`bench/micro/index_bench`"),
]


@dataclass(frozen=True)
class Row:
    goal: Goal
    where: str            # size and clients
    main: bool            # of the goal's own size, not one of the others
    ratios: list[float]
    too_short: bool

    @property
    def met(self) -> bool:
        value = median(self.ratios)
        return value <= self.goal.factor if self.goal.sign == "≤" else value >= self.goal.factor

    def cells(self) -> list[str]:
        goal = self.goal
        than = goal.than_text or goal.than[0]
        limit = f"{goal.sign} {goal.factor:g} × {than}"
        off = median(self.ratios) / goal.factor
        by = f"{off:.1f} × the limit" if off >= 2 else f"{abs(off - 1):.0%} " + (
            "above" if off > 1 else "below")
        verdict = "too little CPU time to tell" if self.too_short else \
            "met" if self.met else "**missed**"
        return [goal.text, self.where or "–", limit, spread(self.ratios), by, verdict]


def _cells(goal: Goal, cases: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], bool]]:
    """The cases that a goal speaks of, and whether it names this size and number of clients."""
    sized = [case for case in cases if case["task"] == goal.task and case["size"]]
    if not sized:
        yield from ((case, True) for case in cases if case["name"] == goal.task)
        return
    # 64 clients with a GiB each would take minutes: 64 MiB each stand for them.
    least = min(64 * MIB, max(case["size"] for case in sized))
    for case in sized:
        largest = max(other["size"] for other in sized if other["clients"] == case["clients"])
        named = goal.clients in (0, case["clients"])
        yield case, named and case["size"] == largest >= least


def rows(cases: list[dict[str, Any]], samples: Samples) -> list[Row]:
    """Every goal at every size that was measured."""
    found = []
    for goal in GOALS:
        for case, main in _cells(goal, cases):
            of_case = samples.get(case["name"], {})
            ours = of_case.get(goal.peer, [])
            others = [of_case[peer] for peer in goal.than if peer in of_case]
            ratios, seconds = [], []
            for turn, sample in enumerate(ours):
                there = [other[turn] for other in others if turn < len(other)]
                beside = [one for one in there if one is not None and one[goal.key] > 0]
                if sample is None or not beside:
                    continue
                best = min(beside, key=lambda one: one[goal.key])
                ratios.append(sample[goal.key] / best[goal.key])
                spent = "proxy_seconds" if goal.key == "proxy_cpu" else "server_seconds"
                seconds.append(best[spent])
            if not ratios:
                continue
            where = "" if not case["size"] else size_name(case["size"])
            if case["size"] and goal.task != "push":
                where += f", {clients_name(case['clients'])}"
            short = goal.key.endswith("_cpu") and min(seconds) < _LEAST_CPU_SECONDS
            found.append(Row(goal, where, main, ratios, short))
    return found


_HEAD_CELLS = ["goal", "layer, clients", "limit", "measured: median (range)", "from the limit", ""]


def page(cases: list[dict[str, Any]], samples: Samples) -> str:
    """The first part of a run's page."""
    all_rows = rows(cases, samples)
    main = [row for row in all_rows if row.main]
    measured = {id(row.goal) for row in all_rows}
    lines = [row.cells() for row in main]
    lines += [[goal.text, "–", f"{goal.sign} {goal.factor:g} × {goal.than_text or goal.than[0]}",
               "–", "–", "not measured"] for goal in GOALS if id(goal) not in measured]
    lines += [[text, "–", "–", "–", "–", f"by {command}"] for text, command in ELSEWHERE]
    judged = [row for row in main if not row.too_short]
    met = sum(row.met for row in judged)
    text = (f"## Goals\n\n{met} met, {len(judged) - met} missed. Each ratio is taken within a round.\n"
            f"\n{table(_HEAD_CELLS, lines)}")
    largest = max((case["size"] for case in cases), default=0)
    if 0 < largest < GIB:
        text += (f"\nThe goals speak of 1 GiB; the largest layer of this run had "
                 f"{size_name(largest)}.\n")
    rest = [row.cells() for row in all_rows if not row.main]
    if rest:
        text += ("\n## The same goals at other sizes\n\nNo goal is tuned to one size. Below 8 MiB CPU "
                 f"is per request.\n\n{table(_HEAD_CELLS, rest)}")
    return text
