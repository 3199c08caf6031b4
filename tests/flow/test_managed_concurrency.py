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
from harness.managed import PASSWORD, say
from harness.registry import Registry

# As people write: comments, blank lines, both kinds of quotes, an order of their own, no newline at the end.
POLICY = """\
# by hand
version:   1

rules:   # before the users
  - name: 'nobody replaces a release'   # said on Monday
    who: ["*"]
    images:
        - telechat:*-fp16
    deny: [ push , delete ]

users:
  root: {permissions: [admin]}
# the end"""
WRITERS = 8
CHANGES = 25  # of each


@pytest.fixture
def gate(make_gate: GateMaker, registry: Registry) -> Gate:
    return make_gate(registry.url, POLICY, {"root": "root Passw0rd!"})


def registered(gate: Gate) -> set[str]:
    managed = yaml.safe_load((gate.config / "acl.d" / "managed.yml").read_text())
    return {rule["images"][0] for rule in managed["rules"]}


@pytest.mark.concurrent
def test_two_hundred_changes_from_processes_and_the_api(gate: Gate) -> None:
    def write(writer: int) -> None:
        for number in range(CHANGES):
            if writer % 2 == 0:
                say(gate, "image", "register", f"w{writer}", f"t{number}")
            else:
                made = gate.call("POST", "/images", {"name": f"w{writer}", "tag": f"t{number}"}, user="root", timeout=60)
                assert made.status == 201, made

    with ThreadPoolExecutor(WRITERS) as pool:
        for done in [pool.submit(write, writer) for writer in range(WRITERS)]:
            done.result()
    assert registered(gate) == {f"w{w}:t{n}" for w in range(WRITERS) for n in range(CHANGES)}
    assert gate.policy_file.read_text() == POLICY
    say(gate, "check")
    assert gate.is_ready()


def test_what_ops_wrote_stays_byte_for_byte_through_a_hundred_changes_of_every_kind(gate: Gate) -> None:
    (gate.config / "acl.d").mkdir(exist_ok=True)
    other = gate.config / "acl.d" / "team.yml"
    other.write_text("users:\n  ops: {permissions: [view]}   # by hand, too\n")
    written = {file: file.read_bytes() for file in (gate.policy_file, other, gate.config / "layergate.yml")}
    changes = 0

    def by_verb(*words: str, stdin: bytes = b"") -> None:
        nonlocal changes
        say(gate, *words, stdin=stdin)
        changes += 1

    def by_call(method: str, path: str, body: object = None) -> None:
        nonlocal changes
        made = gate.call(method, path, body, user="root", timeout=60)
        assert made.status in (200, 201, 204), (method, path, made)
        changes += 1

    for n in range(8):
        a, b = f"verb{n}", f"call{n}"
        by_verb("user", "add", a, "--permissions", "view,pull", "--password-stdin", stdin=PASSWORD.encode() + b"\n")
        by_call("POST", "/accounts", {"name": b, "password": PASSWORD, "permissions": ["view"]})
        by_verb("user", "update", a, "--email", f"{a}@example.com", "--expires", "30d")
        by_call("PATCH", f"/accounts/{b}", {"permissions": ["view", "pull"], "from": ["10.0.0.0/8"]})
        by_verb("image", "register", "telechat", f"7b-{n}", "--users", a)
        by_call("POST", "/images", {"name": "telechat", "tag": f"12b-{n}", "users": [b]})
        by_verb("access", "grant", "telechat", f"7b-{n}", b)
        by_call("PUT", f"/images/telechat/12b-{n}/users/{a}")
        by_verb("access", "revoke", "telechat", f"7b-{n}", a)
        by_call("DELETE", f"/images/telechat/12b-{n}/users/{b}")
        by_verb("user", "passwd", a, "--password-stdin", stdin=b"Quiet-Otter-Climbs-42\n")
        by_call("DELETE", f"/images/telechat/12b-{n}")
        by_verb("user", "remove", a)
        by_call("DELETE", f"/accounts/{b}")
    assert changes > 100
    assert {file: file.read_bytes() for file in written} == written
    say(gate, "check")


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
    assert len(confirmed) >= WRITERS * (CHANGES // 2)  # those that nobody killed
    say(gate, "check")
    say(gate, "image", "register", "after", "all")
