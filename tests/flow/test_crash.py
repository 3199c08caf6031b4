"""kill -9 at any moment: afterwards the index says what the registry says."""

from __future__ import annotations

import contextlib
import random
import sqlite3
import threading
import time
from pathlib import Path

import pytest

from conftest import GateMaker
from harness.client import Client
from harness.gate import Gate, is_sanitized, program
from harness.images import INDEX, Image, image, index
from harness.process import Process
from harness.registry import Registry

POLICY = """\
version: 1
users:
  owner: {permissions: [view, pull, push, delete]}
rules:
  - {who: [owner], images: ["**"], allow: [view, pull, push, delete]}
"""
PASSWORDS = {"owner": "Quiet-Otter-Climbs-42"}
TAGS = ["a", "b", "c"]
REPOSITORIES = ["crash/one", "crash/two"]


@pytest.fixture(scope="module")
def images() -> list[Image]:
    base = {"base.txt": b"shared"}
    return [image(base, {"own.txt": str(n).encode()}) for n in range(4)]


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> int:
    return 200 if request.config.getoption("--all") and not is_sanitized() else 25


class Writer(threading.Thread):
    """Pushes and deletes at random until the gate is gone."""

    def __init__(self, gate: Gate, images: list[Image], seed: int) -> None:
        super().__init__(daemon=True)
        self.gate, self.images, self.random = gate, images, random.Random(seed)
        self.done = 0

    def run(self) -> None:
        try:
            with Client(self.gate.connect, self.gate.credential("owner")) as client:
                while True:
                    self.step(client)
                    self.done += 1
        except (OSError, AssertionError):
            pass  # killed in the middle of an answer

    def step(self, client: Client) -> None:
        name, tag = self.random.choice(REPOSITORIES), self.random.choice(TAGS)
        made = self.random.choice(self.images)
        match self.random.randrange(5):
            case 0 | 1:
                client.push(name, tag, made)
            case 2:
                pair = self.random.sample(self.images, 2)
                for part in pair:
                    for blob in part.blobs:
                        client.push_blob(name, blob)
                    client.put_manifest(name, part.digest, part.manifest, part.media_type)
                client.put_manifest(name, tag, index(*pair), INDEX)
            case 3:
                client.ask("DELETE", f"/v2/{name}/manifests/{tag}")
            case 4:
                client.ask("DELETE", f"/v2/{name}/manifests/{made.digest}")


def settle(gate: Gate) -> None:
    """Until the gate has asked the registry what became of what it was doing."""
    deadline = time.monotonic() + 20
    while gate.metrics()["layergate_index_unresolved"] > 0:
        assert time.monotonic() < deadline, gate.log_text()[-3000:]
        time.sleep(0.02)


def open_intents(gate: Gate) -> int:
    with contextlib.closing(sqlite3.connect(gate.state / "index.db")) as database:
        return database.execute("SELECT count(*) FROM intents").fetchone()[0]


def is_equal(gate: Gate) -> None:
    result = gate.run_verb("index", "verify", check=False)
    assert result.returncode == 0, (result.stdout + result.stderr).decode() + gate.log_text()[-3000:]


def kill(gate: Gate) -> None:
    assert gate.process is not None
    process, gate.process = gate.process, None
    process.kill()


def test_pushes_and_deletes(make_gate: GateMaker, registry: Registry, images: list[Image],
                            rounds: int) -> None:
    chance = random.Random(20261124)
    gate = make_gate(registry.url, POLICY, PASSWORDS)
    done = doubtful = 0
    for number in range(rounds):
        writers = [Writer(gate, images, number * 10 + n) for n in range(3)]
        for writer in writers:
            writer.start()
        while not any(writer.done for writer in writers) and any(map(Writer.is_alive, writers)):
            time.sleep(0.001)  # the first login takes a while
        time.sleep(chance.uniform(0, 0.15))
        kill(gate)
        doubtful += open_intents(gate) > 0
        for writer in writers:
            writer.join(20)
            done += writer.done
        gate.start()
        settle(gate)
        is_equal(gate)
    assert done > rounds and doubtful > rounds // 10, "hardly anything was going on at the kills"


def test_rebuilds(make_gate: GateMaker, registry: Registry, images: list[Image],
                  rounds: int) -> None:
    chance = random.Random(7)
    gate = make_gate(registry.url, POLICY, PASSWORDS)
    with Client(gate.connect, gate.credential("owner")) as owner:
        for n in range(30):
            owner.push(f"crash/many{n % 10}", f"t{n}", images[n % 4])
    for number in range(max(5, rounds // 5)):
        gate.stop()
        rebuild = Process([program(), "index", "rebuild", "--config-dir", gate.config],
                          Path(gate.root) / f"rebuild{number}.log")
        time.sleep(chance.uniform(0, 0.1))
        rebuild.kill()
        gate.start()
        with Client(gate.connect, gate.credential("owner")) as owner:
            tags = owner.expect(200, "GET", "/v2/crash/many3/tags/list").body
            assert b'"t13"' in tags and b'"t23"' in tags and b'"t3"' in tags
            owner.expect(200, "GET", "/v2/_catalog")  # waits until all is known
        is_equal(gate)
