"""A tag that is moved or deleted while somebody pulls it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest

from conftest import GateMaker
from harness.client import Client, error_code
from harness.gate import Gate
from harness.images import MANIFEST, Image, image
from harness.rawhttp import digest_of, head
from harness.registry import Registry

POLICY = """\
version: 1
users:
  owner:  {permissions: [view, pull, push, delete]}
  reader: {permissions: [view, pull]}
  other:  {permissions: [view, pull]}
rules:
  - {who: [owner], images: ["**"], allow: [view, pull, push, delete]}
  - {who: [reader], images: ["models:latest"], allow: [view, pull]}
  - {who: [other], images: ["models:other"], allow: [view, pull]}
"""
PASSWORDS = {name: f"{name} Passw0rd!" for name in ("owner", "reader", "other")}
GRACE = 4  # seconds


@pytest.fixture
def gate(make_gate: GateMaker, registry: Registry) -> Gate:
    return make_gate(registry.url, POLICY, PASSWORDS, settings={"index": {"grace": f"{GRACE}s"}})


@pytest.fixture
def owner(gate: Gate) -> Iterator[Client]:
    with Client(gate.connect, gate.credential("owner")) as client:
        yield client


@pytest.fixture
def reader(gate: Gate) -> Iterator[Client]:
    with Client(gate.connect, gate.credential("reader")) as client:
        yield client


def new_image() -> Image:
    return image({"weights.bin": os.urandom(200_000)}, {"own.txt": os.urandom(16)})


def status(client: Client, made: Image) -> list[int]:
    """Of its manifest by digest, its config and its layers."""
    targets = [f"manifests/{made.digest}", *(f"blobs/{digest_of(data)}" for data in made.blobs)]
    return [client.ask("GET", f"/v2/models/{target}", [("Accept", MANIFEST)]).status
            for target in targets]


def wait_out(start: float) -> None:
    time.sleep(max(0.0, start + GRACE + 1.1 - time.monotonic()))


def test_a_pull_that_runs_ends_well_when_the_tag_moves(gate: Gate, owner: Client,
                                                       reader: Client) -> None:
    old, new = image({"weights.bin": os.urandom(24 << 20)}), new_image()
    large = old.layers[0]
    owner.push("models", "latest", old)
    reader.expect(200, "GET", "/v2/models/manifests/latest", [("Accept", MANIFEST)])
    with gate.connect(timeout=30) as slow:
        slow.send(head("GET", f"/v2/models/blobs/{digest_of(large)}", [gate.credential("reader")]))
        answer = slow.read_head()
        moved = time.monotonic()
        owner.push("models", "latest", new)
        # What else belongs to the old image can be had as well, and the new one too.
        assert set(status(reader, old)) == {200}
        assert set(status(reader, new)) == {200}
        wait_out(moved)
        body = b"".join(slow.iterate_body(answer))
    assert digest_of(body) == digest_of(large)
    assert status(reader, old) == [403] + [404] * len(old.blobs)
    assert set(status(reader, new)) == {200}
    assert error_code(reader.ask("GET", f"/v2/models/blobs/{digest_of(large)}")) == "BLOB_UNKNOWN"


def test_a_grace_is_only_for_who_may_pull_that_tag(gate: Gate, owner: Client) -> None:
    old = new_image()
    owner.push("models", "latest", old)
    owner.push("models", "latest", new_image())
    with Client(gate.connect, gate.credential("other")) as other:
        assert status(other, old) == [403] + [404] * len(old.blobs)
    # By the policy of now.
    gate.write_policy(POLICY.replace("[reader], images: [\"models:latest\"]",
                                     "[reader], images: [\"models:else\"]"))
    with Client(gate.connect, gate.credential("reader")) as reader:
        deadline = time.monotonic() + 2.5  # less than what is left of the grace
        while status(reader, old) != [403] + [404] * len(old.blobs):
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_a_deleted_tag(owner: Client, reader: Client) -> None:
    old = new_image()
    owner.push("models", "latest", old)
    deleted = time.monotonic()
    owner.expect(202, "DELETE", "/v2/models/manifests/latest")
    reader.expect(404, "GET", "/v2/models/manifests/latest")
    assert set(status(reader, old)) == {200}
    wait_out(deleted)
    assert status(reader, old) == [403] + [404] * len(old.blobs)


def test_a_delete_by_digest_ends_it_at_once(owner: Client, reader: Client) -> None:
    old = new_image()
    owner.push("models", "latest", old)
    owner.push("models", "latest", new_image())
    assert set(status(reader, old)) == {200}
    owner.expect(202, "DELETE", f"/v2/models/manifests/{old.digest}")
    assert status(reader, old) == [403] + [404] * len(old.blobs)


def test_it_outlives_a_restart(gate: Gate, owner: Client) -> None:
    old = new_image()
    owner.push("models", "latest", old)
    moved = time.monotonic()
    owner.push("models", "latest", new_image())
    gate.stop()
    gate.start()
    with Client(gate.connect, gate.credential("reader")) as reader:
        if time.monotonic() - moved < GRACE - 1.5:
            assert set(status(reader, old)) == {200}
        wait_out(moved)
        assert status(reader, old)[1:] == [404] * len(old.blobs)
