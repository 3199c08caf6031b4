"""Malformed requests, whole and split at every byte, against an upstream that records.

Each is answered once, by the status of its class, and the connection is closed; what stands behind
it is never read as a request; and nothing reaches the upstream, or of a body that turns out bad, only
the one request that it belongs to, which the upstream can see is not complete.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

import malformed
from conftest import GateMaker
from harness.gate import Gate, is_sanitized
from harness.rawhttp import Connection
from harness.upstream import RecordingUpstream, Request, reply
from malformed import AUTHORIZATION, HOST, SMUGGLED, Case

POLICY = """\
version: 1
users:
  u: {permissions: [admin]}
"""
# All positions of an ordinary request; of a long one all around its lines' ends and a sample.
_EVERY = 260
# Long enough for the gate to read the first part alone, almost always.
_PAUSE = 0.001


@pytest.fixture(scope="module")
def recorder() -> Iterator[RecordingUpstream]:
    def answer(request: Request, _: object) -> bytes:
        if request.method == "POST":
            return reply("202 Accepted", b"", ("Location", "/v2/m/blobs/uploads/an-upload?_state=s"))
        return reply("202 Accepted" if request.method == "PATCH" else "200 OK", b"")

    with RecordingUpstream(answer) as started:
        yield started


@pytest.fixture(scope="module")
def gate(make_module_gate: GateMaker, recorder: RecordingUpstream) -> Gate:
    return make_module_gate(recorder.url, POLICY, {"u": "p"})


@pytest.fixture(scope="module")
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(12) as threads:
        yield threads


def splits(data: bytes) -> list[int]:
    """Where to cut a request in two."""
    if len(data) <= _EVERY:
        positions = set(range(1, len(data)))
    else:
        ends = [match.start() for match in re.finditer(rb"[\r\n]", data[:2000] + data[-200:])]
        positions = {end + offset for end in ends for offset in (-1, 0, 1, 2)}
        positions |= set(range(1, len(data), len(data) // 40))
    if is_sanitized():
        positions = set(sorted(positions)[::5])
    return sorted(position for position in positions if 0 < position < len(data))


def exchange(gate: Gate, parts: list[bytes]) -> bytes:
    """Everything that the gate answers until it closes. A gate that does not close times out."""
    with Connection(gate.address, timeout=8) as connection:
        try:
            for number, part in enumerate(parts):
                if number:
                    time.sleep(_PAUSE)
                connection.send(part)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it refused the first part already
        return connection.read_rest()


def attempts(data: bytes) -> list[list[bytes]]:
    ways = [[data]]
    ways += [[data[:position], data[position:]] for position in splits(data)]
    if len(data) <= _EVERY:
        ways.append([data[position : position + 1] for position in range(len(data))])
    return ways


def check_answer(answer: bytes, case: Case, parts: list[bytes]) -> None:
    where = f"split at {len(parts[0])}" if len(parts) == 2 else f"{len(parts)} parts"
    heads = re.findall(rb"HTTP/1\.[0-9] ([0-9]{3}) ", answer)
    assert len(heads) == 1, f"{where}: {len(heads)} answers: {answer[:300]!r}"
    assert int(heads[0]) in case.statuses, f"{where}: {answer[:300]!r}"


def test_the_table_is_long_enough() -> None:
    cases = malformed.HEADS + malformed.CHUNKS
    assert len(cases) >= 200
    assert len({case.name for case in cases}) == len(cases)


@pytest.mark.parametrize("case", malformed.HEADS, ids=lambda case: case.name)
def test_a_malformed_head(
    gate: Gate, recorder: RecordingUpstream, pool: ThreadPoolExecutor, case: Case
) -> None:
    asked = len(recorder.asked())
    ways = attempts(case.data)
    for answer, parts in zip(pool.map(lambda parts: exchange(gate, parts), ways), ways):
        check_answer(answer, case, parts)
    assert recorder.asked()[asked:] == [], "it reached the upstream"


@pytest.mark.parametrize("case", malformed.CHUNKS, ids=lambda case: case.name)
def test_a_malformed_body(
    gate: Gate, recorder: RecordingUpstream, pool: ThreadPoolExecutor, case: Case
) -> None:
    opened = gate.ask("POST", "/v2/m/blobs/uploads/", user="u")
    assert opened.status == 202
    location = opened["location"].encode()
    head = b"\r\n".join([b"PATCH " + location + b" HTTP/1.1", HOST, AUTHORIZATION,
                         b"Content-Type: application/octet-stream",
                         b"Transfer-Encoding: chunked", b"", b""])
    asked = len(recorder.asked())
    body = case.data + SMUGGLED
    # The head is as it should be: only the body is cut, and the head goes along with its first part.
    ways = [[head + parts[0], *parts[1:]] for parts in attempts(body)]
    for answer, parts in zip(pool.map(lambda parts: exchange(gate, parts), ways), ways):
        check_answer(answer, case, parts)
    reached = recorder.asked()[asked:]
    assert len(reached) <= len(ways)
    for request in reached:
        assert request.line == "PATCH /v2/m/blobs/uploads/an-upload?_state=s HTTP/1.1"
        assert not request.complete, "the upstream took a broken body for a whole one"
    assert not any(b"smuggled" in bytes(stream) for stream in recorder.streams)


@pytest.mark.parametrize("case", malformed.accepted(), ids=lambda case: case.name)
def test_the_nearest_right_request(
    gate: Gate, recorder: RecordingUpstream, pool: ThreadPoolExecutor, case: Case
) -> None:
    def ask(parts: list[bytes]) -> int:
        with Connection(gate.address) as connection:
            for number, part in enumerate(parts):
                if number:
                    time.sleep(_PAUSE)
                connection.send(part)
            return connection.read_response().status

    asked = len(recorder.asked())
    ways = attempts(case.data)
    for status, parts in zip(pool.map(ask, ways), ways):
        assert status in case.statuses, f"{len(parts)} parts, the first of {len(parts[0])}"
    reached = recorder.asked()[asked:]
    assert len(reached) == len(ways)
    for request in reached:
        assert not {"upgrade", "http2-settings"} & {name for name, _ in request.fields}


def test_a_stranger_is_answered_at_its_first_byte(gate: Gate) -> None:
    """docker and skopeo try TLS first, and fall back only on a status line."""
    with gate.connect() as connection:
        connection.send(b"\x16")
        assert connection.read_response().status == 400
        assert connection.is_closed()


def test_an_answer_to_what_is_malformed_is_whole(gate: Gate) -> None:
    with gate.connect() as connection:
        connection.send(b"GET / HTTP/1.1\nHost: x\n\n")
        response = connection.read_response()
        assert response.status == 400 and not response.keeps_alive
        assert response.get("content-length") == str(len(response.body))
        assert connection.is_closed()


def test_a_large_body_behind_a_malformed_head_does_not_eat_the_answer(gate: Gate) -> None:
    """A close with unread bytes in the socket is a reset, which can overtake the answer."""
    for _ in range(20):
        with gate.connect() as connection:
            try:
                connection.send(b"PUT /v2/m/manifests/x HTTP/1.1\r\n bad\r\n\r\n" + b"x" * (1 << 20))
            except (BrokenPipeError, ConnectionResetError):
                pass
            assert connection.read_rest().startswith(b"HTTP/1.1 400 ")
