"""The order in which everything is measured, and how long that takes."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator

from peers.peer import Peer

from .case import Case, Sample

Samples = dict[str, dict[str, list["Sample | None"]]]  # by case and peer; None: it failed


class Rounds:
    """Peers take turns within a round, and each round starts with another one, so that none is
    always the one after a pause. A measurement that fails is noted, and the others go on."""

    def __init__(self, cases: list[Case], peers: dict[str, Peer], rounds: int) -> None:
        self._peers, self._rounds = peers, rounds
        self.cases = [case for case in cases if any(name in peers for name in case.peers)]
        self.samples: Samples = {}
        self.failures: list[str] = []
        self._planned = self._spent = 0.0  # of what is done: estimated and real seconds

    def _names(self, case: Case) -> list[str]:
        return [name for name in case.peers if name in self._peers]

    def estimate(self) -> float:
        """Seconds of all rounds, as planned."""
        return self._rounds * sum(case.estimate(name) for case in self.cases
                                  for name in self._names(case))

    def remaining(self) -> float:
        pace = self._spent / self._planned if self._planned > 20 else 1.0
        return max(0.0, self.estimate() - self._planned) * pace

    def run(self) -> Iterator[int]:
        for turn in range(1, self._rounds + 1):
            print(f"round {turn} of {self._rounds}", flush=True)
            for case in self.cases:
                names = self._names(case)
                start = (turn - 1) % len(names)
                for name in names[start:] + names[:start]:
                    self._measure(case, name, turn)
            yield turn

    def _measure(self, case: Case, name: str, turn: int) -> None:
        start = time.monotonic()
        sample: Sample | None = None
        try:
            sample = case.action(self._peers[name], turn)
            told = "  ".join(f"{key} {sample[key]:.3g}" for key in (
                "rate", "wall", "p99_ms", "proxy_cpu", "server_cpu") if key in sample)
        except (RuntimeError, OSError, AssertionError, ValueError,
                subprocess.SubprocessError) as reason:
            told = "FAILED: " + " ".join(str(reason).split())[:300]
            self.failures.append(f"round {turn}, {case.name}, {name}: {told[8:]}")
        self.samples.setdefault(case.name, {}).setdefault(name, []).append(sample)
        self._spent += time.monotonic() - start
        self._planned += case.estimate(name)
        left = int(self.remaining())
        print(f"  [{left // 60:2}:{left % 60:02} left] {case.name:38} {name:21} {told}", flush=True)
