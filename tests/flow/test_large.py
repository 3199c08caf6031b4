"""A layer of gigabytes: equal on both sides, in little memory, by splice."""

from __future__ import annotations

import hashlib
import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import GateMaker
from harness.client import Client, with_query
from harness.gate import Gate, is_sanitized
from harness.rawhttp import Connection, digest_of, head
from harness.registry import Registry

POLICY = """\
version: 1
users:
  owner: {permissions: [view, pull, push]}
rules:
  - {who: [owner], images: ["**"], allow: [view, pull, push]}
"""
PASSWORDS = {"owner": "0wner of gigabytes"}
OCTETS = ("Content-Type", "application/octet-stream")
PIECE = 1 << 20
MEMORY_KIB = 64 * 1024

pytestmark = pytest.mark.large


@pytest.fixture(scope="module")
def spacious_registry(
    tmp_path_factory: pytest.TempPathFactory, large_mib: int
) -> Iterator[Registry]:
    """Its storage in memory where that is large enough for the layer and as much again, for speed,
    and else on the disk."""
    root = tmp_path_factory.mktemp("registry")
    memory = Path("/dev/shm")
    fits = memory.is_dir() and shutil.disk_usage(memory).free > 2 * large_mib * PIECE + (4 << 30)
    storage = memory / f"layergate-{root.parent.name}-{root.name}" if fits else root / "storage"
    if not fits and shutil.disk_usage(root).free < 2 * large_mib * PIECE:
        pytest.skip(f"no room for {large_mib} MiB")
    try:
        with Registry(root, storage=storage) as started:
            yield started
    finally:
        shutil.rmtree(storage, ignore_errors=True)


@pytest.fixture
def gate(make_gate: GateMaker, spacious_registry: Registry) -> Gate:
    return make_gate(spacious_registry.url, POLICY, PASSWORDS)


def content(mib: int, seed: bytes) -> Iterator[bytes]:
    """Bytes that are different in each MiB, made as they are sent and never kept."""
    block = bytearray(hashlib.shake_256(seed).digest(PIECE))
    for number in range(mib):
        block[:8] = number.to_bytes(8, "big")
        yield bytes(block)


def digest_of_content(mib: int, seed: bytes) -> str:
    whole = hashlib.sha256()
    for piece in content(mib, seed):
        whole.update(piece)
    return f"sha256:{whole.hexdigest()}"


def push(gate: Gate, owner: Client, mib: int, seed: bytes) -> str:
    """One PUT with a Content-Length, as `curl -T` sends it."""
    digest = digest_of_content(mib, seed)
    target = with_query(owner.open_upload("large"), digest=digest)
    fields = [gate.credential("owner"), OCTETS, ("Content-Length", str(mib * PIECE))]
    # The registry hashes at about 0.14 GiB/s, and its answer comes after that.
    with gate.connect(timeout=60 + mib / 50) as connection:
        connection.send(head("PUT", target, fields))
        for piece in content(mib, seed):
            connection.send(piece)
        response = connection.read_response("PUT")
    assert response.status == 201, response
    return digest


def pull(gate: Gate, digest: str) -> tuple[int, str]:
    """Length and digest of what arrives."""
    whole, length = hashlib.sha256(), 0
    with gate.connect(timeout=60) as connection:
        connection.send(head("GET", f"/v2/large/blobs/{digest}", [gate.credential("owner")]))
        response = connection.read_head()
        assert response.status == 200
        for piece in connection.iterate_body(response):
            whole.update(piece)
            length += len(piece)
    return length, f"sha256:{whole.hexdigest()}"


def check_memory(gate: Gate) -> None:
    if not is_sanitized():
        assert gate.memory_kib("VmHWM") < MEMORY_KIB


def test_a_large_layer_there_and_back(gate: Gate, large_mib: int) -> None:
    with Client(gate.connect, gate.credential("owner")) as owner:
        digest = push(gate, owner, large_mib, b"large")
    check_memory(gate)
    assert pull(gate, digest) == (large_mib * PIECE, digest)
    check_memory(gate)
    record = gate.wait_record(lambda r: r["method"] == "GET" and r["digest"] == digest)
    assert record["bytes_out"] >= large_mib * PIECE
    record = gate.wait_record(lambda r: r["method"] == "PUT")
    assert record["bytes_in"] >= large_mib * PIECE


def test_several_at_once_do_not_add_up_in_memory(gate: Gate) -> None:
    with Client(gate.connect, gate.credential("owner")) as owner:
        digest = push(gate, owner, 64, b"shared")
    results: list[tuple[int, str]] = []
    pulls = [threading.Thread(target=lambda: results.append(pull(gate, digest))) for _ in range(8)]
    for thread in pulls:
        thread.start()
    for thread in pulls:
        thread.join()
    assert results == [(64 * PIECE, digest)] * 8
    check_memory(gate)


def spliced_share(summary: str) -> tuple[int, int]:
    """Calls of splice, and calls that carry bytes through the program's own memory, as
    `strace -c` counted them."""
    calls: dict[str, int] = {}
    for line in summary.splitlines():
        match = re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", line)
        if match:
            calls[match[2]] = int(match[1])
    copies = sum(calls.get(name, 0) for name in ("read", "readv", "recvfrom", "recvmsg", "write",
                                                 "writev", "sendto", "sendmsg"))
    return calls.get("splice", 0), copies


@pytest.mark.skipif(is_sanitized(), reason="a sanitizer's own calls would be counted too")
def test_splice_carries_the_body_both_ways(make_gate: GateMaker, spacious_registry: Registry,
                                           tmp_path: Path) -> None:
    # Through the registry, even if all others are run over its files.
    gate = make_gate(spacious_registry.url, POLICY, PASSWORDS, settings={"upstream": {"storage": ""}})
    mib = 128
    with Client(gate.connect, gate.credential("owner")) as owner:
        # Whatever happens once happens before.
        push(gate, owner, 1, b"first")
        with gate.traced(tmp_path / "push", "-c"):
            digest = push(gate, owner, mib, b"spliced")
        with gate.traced(tmp_path / "pull", "-c"):
            assert pull(gate, digest) == (mib * PIECE, digest)
    for direction in ("push", "pull"):
        splices, copies = spliced_share((tmp_path / direction).read_text())
        # At most a pipe of 1 MiB moves at a time, in and out.
        assert splices >= 2 * mib, direction
        # Heads, wake-ups and the ends of bodies; 128 MiB in pieces of 64 KiB would be 2048.
        assert copies < 400, direction


def test_an_upload_interrupted_between_two_parts_is_resumed(gate: Gate) -> None:
    mib, half = 64, 32
    pieces = list(content(mib, b"resumed"))
    whole = digest_of(b"".join(pieces))
    credential = gate.credential("owner")
    with Client(gate.connect, credential) as first:
        location = first.expect(202, "PATCH", first.open_upload("large"), [OCTETS],
                                b"".join(pieces[:half]))["location"]
    with Client(gate.connect, credential) as second:
        status = second.expect(204, "GET", location)
        done = int(status["range"].split("-")[1]) + 1
        assert done == half * PIECE
        second.expect(201, "PUT", with_query(status["location"], digest=whole), [OCTETS],
                      b"".join(pieces[half:]))
    assert pull(gate, whole) == (mib * PIECE, whole)


@pytest.mark.parametrize("framing", ["length", "chunks"])
def test_an_upload_cut_within_a_part(gate: Gate, framing: str) -> None:
    """registry 2.8.2 keeps the bytes but not a state that fits them, and drops such an upload when
    it is asked for: a client is told that it is unknown and starts anew. What must never happen is
    that the half counts as a whole, or that a resumed one is not what was sent."""
    pieces = list(content(16, framing.encode()))
    whole = b"".join(pieces)
    digest = digest_of(whole)
    credential = gate.credential("owner")
    with Client(gate.connect, credential) as owner:
        location = owner.open_upload("large")
        length = ("Content-Length", str(len(whole)))
        fields = [credential, OCTETS,
                  length if framing == "length" else ("Transfer-Encoding", "chunked")]
        connection: Connection
        with gate.connect() as connection:
            connection.send(head("PATCH", location, fields))
            for piece in pieces[:8]:
                connection.send(piece if framing == "length" else b"%x\r\n%s\r\n" % (len(piece), piece))
        record = gate.wait_record(lambda r: r["method"] == "PATCH")
        assert record["status"] in (0, 499) or record["reason"], record
        status = owner.ask("GET", location)
        assert status.status in (204, 404), status
        if status.status == 204:
            done = int(status["range"].split("-")[1]) + 1
            location, rest = status["location"], whole[done:]
        else:
            location, rest = owner.open_upload("large"), whole
        owner.expect(201, "PUT", with_query(location, digest=digest), [OCTETS], rest)
    assert pull(gate, digest) == (len(whole), digest)
