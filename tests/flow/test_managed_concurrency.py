"""Changes at the same time from many processes, some of them killed: none lost, none torn."""

from __future__ import annotations

import random
import subprocess
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor

import pytest
import yaml

from conftest import GateMaker
from harness.gate import Gate, program
from harness.managed import say
from harness.registry import Registry

POLICY = """\
# by hand
version: 1
users:
  root: {permissions: [admin]}
"""
WRITERS = 8
CHANGES = 25  # of each


@pytest.fixture
def gate(make_gate: GateMaker, registry: Registry) -> Gate:
    return make_gate(registry.url, POLICY, {"root": "root Passw0rd!"})


def registered(gate: Gate) -> set[str]:
    managed = yaml.safe_load((gate.config / "acl.d" / "managed.yml").read_text())
    return {rule["images"][0] for rule in managed["rules"]}


@pytest.mark.concurrent
def test_two_hundred_changes_from_eight_processes(gate: Gate) -> None:
    def write(writer: int) -> None:
        for number in range(CHANGES):
            say(gate, "image", "register", f"w{writer}", f"t{number}")

    with ThreadPoolExecutor(WRITERS) as pool:
        for done in [pool.submit(write, writer) for writer in range(WRITERS)]:
            done.result()
    assert registered(gate) == {f"w{w}:t{n}" for w in range(WRITERS) for n in range(CHANGES)}
    assert gate.policy_file.read_text() == POLICY
    say(gate, "check")
    assert gate.is_ready()


@pytest.mark.concurrent
def test_killed_writers_leave_whole_files(gate: Gate) -> None:
    told: dict[int, set[str]] = defaultdict(set)
    chance = random.Random(7)
    delays = [[chance.uniform(0.0, 0.25) for _ in range(CHANGES)] for _ in range(WRITERS)]

    def write(writer: int) -> None:
        for number in range(CHANGES):
            words = [program(), "image", "register", f"w{writer}", f"t{number}", "--config-dir", gate.config]
            process = subprocess.Popen([str(word) for word in words], stdout=subprocess.DEVNULL)
            if number % 2 == 0:
                try:
                    process.wait(delays[writer][number])
                except subprocess.TimeoutExpired:
                    process.kill()
            if process.wait() == 0:
                told[writer].add(f"w{writer}:t{number}")

    with ThreadPoolExecutor(WRITERS) as pool:
        for done in [pool.submit(write, writer) for writer in range(WRITERS)]:
            done.result()
    confirmed = set().union(*told.values())
    every = {f"w{w}:t{n}" for w in range(WRITERS) for n in range(CHANGES)}
    assert confirmed <= registered(gate) <= every
    assert len(confirmed) >= len(every) // 2
    say(gate, "check")
    say(gate, "image", "register", "after", "all")
