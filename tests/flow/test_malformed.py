"""Malformed requests, whole and split at every byte, against an upstream that records.

Each is answered once, by the status of its class, and the connection is closed; what stands behind
it is never read as a request; and nothing reaches the upstream, or of a body that turns out bad, only
the one request that it belongs to, which the upstream can see is not complete.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

import malformed
from conftest import GateMaker
from harness.gate import Gate, is_sanitized
from harness.images import INDEX, image, index_of
from harness.swarm import exchange_all
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
        status = {"PATCH": "202 Accepted", "PUT": "201 Created"}.get(request.method, "200 OK")
        return reply(status)

    with RecordingUpstream(answer) as started:
        # What is right, and what is smuggled, would get through to it.
        for name in ("m", "smuggled"):
            started.holds.add(name, "x", image())
        yield started


@pytest.fixture(scope="module")
def gate(make_module_gate: GateMaker, recorder: RecordingUpstream) -> Gate:
    # Without the cache, so that each request has to come through.
    gate = make_module_gate(recorder.url, POLICY, {"u": "p"}, settings={"cache": {"manifests": 0}})
    gate.wait_for_index()
    return gate


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


def attempts(data: bytes) -> list[list[bytes]]:
    ways = [[data]]
    ways += [[data[:position], data[position:]] for position in splits(data)]
    if len(data) <= _EVERY:
        ways.append([data[position : position + 1] for position in range(len(data))])
    return ways


def ask_all(
    gate: Gate, asked: list[tuple[Case, list[bytes]]], until: Callable[[bytes], bool] = lambda _: False,
    width: int = 64,
) -> list[str]:
    """What is wrong with the answers to all of these, a line for each."""
    answers = exchange_all(gate.address, [parts for _, parts in asked], pause=_PAUSE, until=until,
                           width=width)
    wrong = []
    for (case, parts), answer in zip(asked, answers):
        heads = re.findall(rb"HTTP/1\.[0-9] ([0-9]{3}) ", answer or b"")
        if answer is not None and len(heads) == 1 and int(heads[0]) in case.statuses:
            continue
        way = {1: "whole", 2: f"split at {len(parts[0])}"}.get(len(parts), "byte by byte")
        what = "no end" if answer is None else f"{len(heads)} answers: {answer[:80]!r}"
        wrong.append(f"{case.name}, {way}: {what}")
    return wrong


def all_ways(cases: list[Case]) -> list[tuple[Case, list[bytes]]]:
    return [(case, parts) for case in cases for parts in attempts(case.data)]


def test_the_table_is_long_enough() -> None:
    cases = [*sum(malformed.GROUPS.values(), []), *malformed.CHUNKS]
    assert len(cases) >= 200
    assert len({case.name for case in cases}) == len(cases)


@pytest.mark.parametrize("group", malformed.GROUPS)
def test_malformed_heads(gate: Gate, recorder: RecordingUpstream, group: str) -> None:
    asked = len(recorder.asked())
    assert ask_all(gate, all_ways(malformed.GROUPS[group])) == []
    assert recorder.asked()[asked:] == [], "one reached the upstream"


def test_malformed_bodies(gate: Gate, recorder: RecordingUpstream) -> None:
    opened = gate.ask("POST", "/v2/m/blobs/uploads/", user="u")
    assert opened.status == 202
    head = b"\r\n".join([b"PATCH " + opened["location"].encode() + b" HTTP/1.1", HOST, AUTHORIZATION,
                         b"Content-Type: application/octet-stream",
                         b"Transfer-Encoding: chunked", b"", b""])
    asked = len(recorder.asked())
    # The head is as it should be: only the body is cut, and the head goes along with its first part.
    ways = [(case, [head + parts[0], *parts[1:]])
            for case in malformed.CHUNKS for parts in attempts(case.data + SMUGGLED)]
    assert ask_all(gate, ways) == []
    reached = recorder.asked()[asked:]
    assert 0 < len(reached) <= len(ways)
    for request in reached:
        assert request.line == "PATCH /v2/m/blobs/uploads/an-upload?_state=s HTTP/1.1"
        assert not request.complete, f"a broken body was taken for a whole one: {request.body!r}"
    connections = {request.connection for request in recorder.asked()}
    assert not any(b"smuggled" in bytes(recorder.streams[number]) for number in connections)


def test_malformed_bodies_of_manifests(gate: Gate, recorder: RecordingUpstream) -> None:
    """They are read whole before anything is asked."""
    head = b"\r\n".join([b"PUT /v2/m/manifests/y HTTP/1.1", HOST, AUTHORIZATION,
                         b"Content-Type: " + INDEX.encode(), b"Transfer-Encoding: chunked", b"", b""])
    whole = index_of([])
    with gate.connect() as connection:
        connection.send(head + b"%x\r\n%s\r\n0\r\n\r\n" % (len(whole), whole))
        assert connection.read_response("PUT").status == 201
    asked = len(recorder.asked())
    ways = [(case, [head + parts[0], *parts[1:]])
            for case in malformed.CHUNKS for parts in attempts(case.data + SMUGGLED)]
    # A body whose length is not known counts as 4 MiB, and there is room for 64 of those.
    assert ask_all(gate, ways, width=16) == []
    # Of those of the test before, the ends may still arrive.
    assert [request for request in recorder.asked()[asked:] if request.method != "PATCH"] == []


def test_what_is_smuggled_would_get_through(gate: Gate, recorder: RecordingUpstream) -> None:
    """Or that it reached nobody would prove nothing."""
    asked = len(recorder.asked())
    with gate.connect() as connection:
        connection.send(SMUGGLED)
        assert connection.read_response().status == 200
    # Broken bodies of the tests before may still be on their way.
    reached = [request for request in recorder.asked()[asked:] if request.method != "PATCH"]
    assert [request.target for request in reached] == ["/v2/smuggled/manifests/x"]


def test_the_nearest_right_requests(gate: Gate, recorder: RecordingUpstream) -> None:
    asked = len(recorder.asked())
    ways = all_ways(malformed.accepted())
    # The recorder's answers have no body.
    assert ask_all(gate, ways, until=lambda data: data.endswith(b"\r\n\r\n")) == []
    # Broken bodies of the test before may still be on their way.
    reached = [request for request in recorder.asked()[asked:] if request.method != "PATCH"]
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
