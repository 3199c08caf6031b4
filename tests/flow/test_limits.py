"""Slow, silent, dying and lying peers, on both sides."""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import GateMaker
from harness.client import error_code
from harness.gate import Gate, is_sanitized
from harness.images import INDEX, image, index_of
from harness.rawhttp import BadResponse, Connection, Response, digest_of, head
from harness.upstream import RecordingUpstream, Request, reply

POLICY = """\
version: 1
users:
  alice: {permissions: [admin]}
"""
PASSWORDS = {"alice": "Alice Passw0rd!"}
# Seconds. A sanitizer's program, and a client beside it, may well stand still for one.
IDLE = 2.0 if is_sanitized() else 1.0
LIMITS = {"idle": f"{IDLE:.0f}s", "head": f"{IDLE:.0f}s", "minimum_rate": "1KiB", "drain": "2s"}
# Limits are kept by timers that may be coarse; none of these may come near a second limit.
SLACK = 4.0
BLOB = digest_of(b"blob")
BLOB_TARGET = f"/v2/x/blobs/{BLOB}"
OCTETS = ("Content-Type", "application/octet-stream")
EMPTY_INDEX = index_of([])  # the manifest that names nothing


@pytest.fixture
def gate(make_gate: GateMaker, upstream: RecordingUpstream) -> Gate:
    return make_gate(upstream.url, POLICY, PASSWORDS, settings={"limits": LIMITS})


def open_upload(gate: Gate, upstream: RecordingUpstream,
                then: Callable[[Request, socket.socket], "bytes | None"] | None = None) -> str:
    """The Location of an upload whose further requests `then` answers."""

    def answer(request: Request, peer: socket.socket) -> bytes | None:
        if request.method == "POST":
            return reply("202 Accepted", b"", ("Location", "/v2/x/blobs/uploads/an-upload?_state=s"))
        return then(request, peer) if then else reply("202 Accepted")

    upstream.handler = answer
    response = gate.ask("POST", "/v2/x/blobs/uploads/", user="alice")
    assert response.status == 202
    return response["location"]


def put_manifest(gate: Gate, tag: str = "1", timeout: float = 10) -> Response:
    return gate.ask("PUT", f"/v2/x/manifests/{tag}", user="alice", body=EMPTY_INDEX,
                    fields=[("Content-Type", INDEX)], timeout=timeout)


def seconds_until_closed(connection: Connection, limit: float = 20.0) -> tuple[float, bytes]:
    """How long the gate lets it be, and what it says in the end."""
    connection.socket.settimeout(limit)
    started = time.monotonic()
    rest = connection.read_rest()
    return time.monotonic() - started, rest


def dribble(connection: Connection, data: bytes, pause: float, limit: float = 20.0) -> float:
    """Sends a byte at a time until the gate says or ends something; returns after how long."""
    started = time.monotonic()
    for at in range(len(data)):
        assert time.monotonic() - started < limit, "it is borne with"
        try:
            connection.send(data[at : at + 1])
        except (BrokenPipeError, ConnectionResetError):
            break
        if select.select([connection.socket], [], [], pause)[0]:
            break
    return time.monotonic() - started


def files_of(gate: Gate, kind: str) -> int:
    """How many open files of a kind the program has."""
    count = 0
    for file in Path(f"/proc/{gate.pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            count += os.readlink(file).startswith(kind)
    return count


def watched(gate: Gate) -> dict[str, int]:
    """How many descriptors each of the program's epolls watches: each worker has one."""
    counts = {}
    for file in Path(f"/proc/{gate.pid}/fdinfo").iterdir():
        with contextlib.suppress(OSError):
            if (text := file.read_text()).count("tfd:"):
                counts[file.name] = text.count("tfd:")
    return counts


@pytest.mark.concurrent
class TestClients:
    def test_silence_before_a_request(self, gate: Gate) -> None:
        with gate.connect() as connection:
            taken, _ = seconds_until_closed(connection)
        assert IDLE / 2 < taken < IDLE + SLACK

    def test_silence_between_requests(self, gate: Gate) -> None:
        with gate.connect() as connection:
            connection.request("GET", "/v2/", [gate.credential("alice")])
            taken, rest = seconds_until_closed(connection)
        assert IDLE / 2 < taken < IDLE + SLACK
        assert rest == b"", "what nobody asked for would answer the next request"

    def test_a_head_that_comes_byte_by_byte(self, gate: Gate) -> None:
        with gate.connect() as connection:
            taken = dribble(connection, head("GET", "/v2/" + "a" * 400), 0.1)
        assert IDLE / 2 < taken < IDLE + SLACK

    def test_a_body_that_stops(self, gate: Gate, upstream: RecordingUpstream) -> None:
        location = open_upload(gate, upstream)
        with gate.connect() as connection:
            connection.send(head("PATCH", location, [
                gate.credential("alice"), OCTETS, ("Content-Length", "1000")]) + b"x" * 10)
            taken, rest = seconds_until_closed(connection)
        assert IDLE / 2 < taken < IDLE + SLACK
        assert rest == b"" or rest.startswith(b"HTTP/1.1 408 ")
        patch = upstream.wait_asked(2)[1]
        deadline = time.monotonic() + 5
        while patch.complete:
            assert time.monotonic() < deadline, "the upstream waits for the rest"
            time.sleep(0.05)

    def test_a_body_below_the_minimum_rate(self, gate: Gate, upstream: RecordingUpstream) -> None:
        location = open_upload(gate, upstream)
        with gate.connect() as connection:
            connection.send(head("PATCH", location, [
                gate.credential("alice"), OCTETS, ("Content-Length", "1000")]))
            # Never idle, but ten bytes a second.
            taken = dribble(connection, b"x" * 1000, 0.1, limit=60)
        assert taken < 45

    def test_a_slow_upload_above_it_goes_through(self, gate: Gate, upstream: RecordingUpstream) -> None:
        location = open_upload(gate, upstream)
        data = b"slow" * 10_000
        with gate.connect() as connection:
            connection.send(head("PATCH", location, [
                gate.credential("alice"), OCTETS, ("Content-Length", str(len(data)))]))
            for at in range(0, len(data), 1000):
                connection.send(data[at : at + 1000])
                time.sleep(0.1)
            assert connection.read_response("PATCH").status == 202
        assert upstream.asked()[1].body == data

    def test_a_slow_download_above_it_goes_through(self, gate: Gate, upstream: RecordingUpstream) -> None:
        data = b"slow" * 1_000_000
        upstream.handler = lambda *_: reply("200 OK", data)
        with gate.connect() as connection:
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            connection.send(head("GET", BLOB_TARGET, [gate.credential("alice")]))
            response, got = connection.read_head(), 0
            for piece in connection.iterate_body(response):
                got += len(piece)
                time.sleep(len(piece) / 1_000_000)
        assert got == len(data)

    def test_what_waits_in_buffers_is_no_standstill(self, gate: Gate, upstream: RecordingUpstream) -> None:
        """A pipe and a socket hold megabytes: a slow client empties them long after the registry's
        last byte was read."""
        data = b"slow" * 4_000_000
        upstream.handler = lambda *_: reply("200 OK", data)
        with gate.connect() as connection:
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            connection.send(head("GET", BLOB_TARGET, [gate.credential("alice")]))
            response = connection.read_head()
            got = connection.read_slowly(response, time.monotonic() + 6 * IDLE)
        assert len(got) == len(data)

    def test_what_an_earlier_answer_left_in_buffers_is_no_standstill(
        self, gate: Gate, upstream: RecordingUpstream
    ) -> None:
        """The second one moves nothing while the client still takes the first."""
        data = b"slow" * 750_000
        upstream.handler = lambda *_: reply("200 OK", data)
        with gate.connect() as connection:
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            connection.send(head("GET", BLOB_TARGET, [gate.credential("alice")]) * 2)
            slow_until = time.monotonic() + 6 * IDLE
            for _ in range(2):
                got = connection.read_slowly(connection.read_head(), slow_until)
                assert len(got) == len(data)

    def test_a_download_below_the_minimum_rate(
        self, make_gate: GateMaker, upstream: RecordingUpstream
    ) -> None:
        """Once the buffers are full, for they hold megabytes."""
        data = b"slow" * 10_000_000
        upstream.handler = lambda *_: reply("200 OK", data)
        gate = make_gate(upstream.url, POLICY, PASSWORDS, settings={"limits": {**LIMITS, "minimum_rate": "1MiB"}})
        until = time.monotonic() + 5 * IDLE + 2 * SLACK
        with gate.connect() as connection:
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            connection.send(head("GET", BLOB_TARGET, [gate.credential("alice")]))
            response = connection.read_head()
            with pytest.raises((BadResponse, ConnectionResetError)):
                for piece in connection.iterate_body(response):
                    assert time.monotonic() < until, "it is let be"
                    time.sleep(len(piece) / 200_000)
        record = gate.wait_record(lambda r: r["digest"] == BLOB and r["method"] == "GET")
        assert not record["complete"] and record["reason"] == "client too slow"

    def test_a_list_is_given_the_time_that_it_takes(
        self, make_gate: GateMaker, upstream: RecordingUpstream
    ) -> None:
        made = image()
        tags = [f"tag{number:06}-{'x' * 118}" for number in range(30_000)]
        for tag in tags:
            upstream.holds.add("x", tag, made)
        gate = make_gate(upstream.url, POLICY, PASSWORDS, settings={"limits": LIMITS})
        gate.wait_for_index(120)
        with gate.connect() as connection:
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            connection.send(head("GET", "/v2/x/tags/list", [gate.credential("alice")]))
            response = connection.read_head()
            got = connection.read_slowly(response, time.monotonic() + 4 * IDLE)
        assert json.loads(got)["tags"] == tags

    def test_a_client_that_does_not_read(self, gate: Gate, upstream: RecordingUpstream) -> None:
        sent = []

        def flood(_: Request, peer: socket.socket) -> None:
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
            try:
                while True:
                    peer.sendall(b"x" * 65536)
            except OSError:
                sent.append(time.monotonic())

        upstream.handler = flood
        started = time.monotonic()
        with gate.connect() as connection:
            connection.send(head("GET", BLOB_TARGET, [gate.credential("alice")]))
            while not sent:
                assert time.monotonic() - started < IDLE + 3 * SLACK, "the upstream is held for ever"
                time.sleep(0.05)

    def test_a_client_that_leaves_an_upload(self, gate: Gate, upstream: RecordingUpstream) -> None:
        location = open_upload(gate, upstream)
        with gate.connect() as connection:
            connection.send(head("PATCH", location, [
                gate.credential("alice"), OCTETS, ("Content-Length", "100000")]) + b"x" * 1000)
            patch = upstream.wait_asked(2)[1]
        deadline = time.monotonic() + IDLE / 2 + 1
        while patch.complete:
            assert time.monotonic() < deadline, "the upstream is not told"
            time.sleep(0.02)
        assert gate.ask("GET", "/v2/", user="alice").status == 200

    def test_a_client_that_leaves_a_download(self, gate: Gate, upstream: RecordingUpstream) -> None:
        ended = []

        def stream(_: Request, peer: socket.socket) -> None:
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
            try:
                while True:
                    peer.sendall(b"x" * 65536)
            except OSError:
                ended.append(True)

        upstream.handler = stream
        with gate.connect() as connection:
            connection.send(head("GET", BLOB_TARGET, [gate.credential("alice")]))
            connection.read_head()
        deadline = time.monotonic() + 3
        while not ended:
            assert time.monotonic() < deadline, "the upstream is not told"
            time.sleep(0.02)

    def test_who_reads_nothing_holds_no_pipe(self, gate: Gate, upstream: RecordingUpstream) -> None:
        """There are few of them, and a client that keeps up is served better with one."""
        data = b"slow" * 2_000_000
        upstream.handler = lambda *_: reply("200 OK", data)
        before = files_of(gate, "pipe:")
        with contextlib.ExitStack() as open_ones:
            for _ in range(20):
                connection = open_ones.enter_context(gate.connect())
                connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
                connection.send(head("GET", BLOB_TARGET, [gate.credential("alice")]))
                assert connection.read_head().status == 200
            assert files_of(gate, "pipe:") < before + 20

    def test_two_clients_are_served_by_two_workers(self, gate: Gate) -> None:
        """The kernel deals connections out by chance: seven times in a row that would not do."""
        gate.wait_for_index()  # else its questions come and go meanwhile
        assert gate.process is not None
        before = watched(gate)
        while True:
            time.sleep(0.3)
            if (now := watched(gate)) == before:
                break
            before = now
        for _ in range(7):
            with gate.connect() as one, gate.connect() as other:
                for connection in (one, other):
                    assert connection.request("GET", "/v2/").status == 401
                gate.process.wait_until(
                    lambda: sum(watched(gate).values()) == sum(before.values()) + 2, 5, "both clients")
                now = watched(gate)
                assert sorted(now[loop] - before[loop] for loop in before)[-2:] == [1, 1]
            # As the next two find it.
            gate.process.wait_until(lambda: watched(gate) == before, 5, "no client")

    def test_only_so_many_connections(self, make_gate: GateMaker, upstream: RecordingUpstream) -> None:
        gate = make_gate(upstream.url, POLICY, PASSWORDS, settings={"limits": {"connections": 20}})
        credential = gate.credential("alice")
        kept = []
        try:
            for _ in range(20):
                kept.append(gate.connect())
                assert kept[-1].request("GET", "/v2/", [credential]).status == 200
            with gate.connect(timeout=2) as beyond:
                try:
                    beyond.send(head("GET", "/v2/", [credential]))
                    answer = beyond.socket.recv(100)
                except (TimeoutError, ConnectionResetError, BrokenPipeError):
                    answer = b""
                assert not answer.startswith(b"HTTP/1.1 200")
            for connection in kept:
                assert connection.request("GET", "/v2/", [credential]).status == 200
        finally:
            for connection in kept:
                connection.close()
        deadline = time.monotonic() + 5
        while True:
            try:
                if gate.ask("GET", "/v2/", user="alice", timeout=1).status == 200:
                    break
            except (OSError, BadResponse):
                pass
            assert time.monotonic() < deadline, "places are not given free"
            time.sleep(0.1)


class TestSlowUpstream:
    """Hashing 24 GB takes the registry minutes of silence: idle limits do not run meanwhile."""

    @staticmethod
    def commit(_: Request, __: socket.socket) -> bytes:
        time.sleep(4 * IDLE)
        return reply("201 Created", b"", ("Location", BLOB_TARGET), ("Docker-Content-Digest", BLOB))

    @pytest.mark.parametrize("body", [b"blob", b""], ids=["with the blob", "after PATCH, as docker does"])
    def test_a_slow_commit_is_waited_for(self, gate: Gate, upstream: RecordingUpstream, body: bytes) -> None:
        location = open_upload(gate, upstream, self.commit)
        with gate.connect(timeout=15) as connection:
            response = connection.request(
                "PUT", f"{location}&digest={BLOB}", [gate.credential("alice"), OCTETS], body)
        assert response.status == 201

    def test_while_it_works_others_are_served(self, gate: Gate, upstream: RecordingUpstream) -> None:
        location = open_upload(gate, upstream, self.commit)
        with gate.connect(timeout=15) as slow:
            slow.send(head("PUT", f"{location}&digest={BLOB}", [
                gate.credential("alice"), OCTETS, ("Content-Length", "4")]) + b"blob")
            for _ in range(10):
                started = time.monotonic()
                assert gate.ask("GET", "/v2/", user="alice").status == 200
                assert time.monotonic() - started < 1
            assert slow.read_response("PUT").status == 201


class TestDyingUpstream:
    def get(self, gate: Gate) -> Any:
        return gate.ask("GET", BLOB_TARGET, user="alice")

    @pytest.mark.parametrize("start", [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 5000,
        b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n" + b"x" * 5_000_000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n",
    ], ids=["length", "long", "between chunks", "in a chunk", "bad chunk"])
    def test_a_cut_body_does_not_look_whole(
        self, gate: Gate, upstream: RecordingUpstream, start: bytes
    ) -> None:
        upstream.handler = lambda _, peer: peer.sendall(start)
        with pytest.raises((BadResponse, ConnectionResetError)):
            response = self.get(gate)
            # A short body may be known to be cut before the head is sent.
            assert response.status == 502
            raise BadResponse("an error instead")
        assert gate.ask("GET", "/v2/", user="alice").status == 200

    def test_http_1_0_would_take_a_close_for_the_end(self, gate: Gate, upstream: RecordingUpstream) -> None:
        def cut(_: Request, peer: socket.socket) -> None:
            peer.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
            time.sleep(0.3)

        upstream.handler = cut
        name, value = gate.credential("alice")
        with gate.connect() as connection:
            connection.send(f"GET {BLOB_TARGET} HTTP/1.0\r\nHost: x\r\n{name}: {value}\r\n\r\n".encode())
            with pytest.raises(ConnectionResetError):
                while connection.socket.recv(4096):
                    pass

    def test_it_dies_before_it_answers(self, gate: Gate, upstream: RecordingUpstream) -> None:
        upstream.handler = lambda *_: None
        response = self.get(gate)
        assert response.status == 502
        assert error_code(response)

    def test_it_is_not_there(self, gate: Gate, upstream: RecordingUpstream) -> None:
        upstream.close()
        for _ in range(3):
            response = self.get(gate)
            assert response.status in (502, 503)
            assert error_code(response)

    def test_its_name_has_addresses_where_nobody_listens(
        self, make_gate: GateMaker, tmp_path: Path
    ) -> None:
        # The resolver puts 127.0.0.1 first, as the nearest.
        hosts = tmp_path / "hosts"
        hosts.write_text("".join(f"127.0.0.{number} registry.test\n" for number in (1, 2, 3)))
        mount = 'mount --bind "$0" /etc/hosts && exec "$@"'

        def answer(request: Request, _: socket.socket) -> bytes:
            return reply({"POST": "202 Accepted", "PUT": "201 Created"}.get(request.method, "200 OK"),
                         b"", ("Location", "/v2/x/blobs/uploads/an-upload?_state=s"))

        with RecordingUpstream(answer, host="127.0.0.3") as upstream:
            upstream.holds.add("x", "held", image())
            gate = make_gate(f"http://registry.test:{upstream.address[1]}", POLICY, PASSWORDS,
                             prefix=["unshare", "--mount", "sh", "-c", mount, hosts])
            # What may not be sent twice goes on too, with its body: nothing of it was sent yet.
            started = time.monotonic()
            for _ in range(4):
                post = gate.ask("POST", "/v2/x/blobs/uploads/", user="alice", body=b"a blob")
                assert post.status == 202
                assert upstream.asked()[-1].body == b"a blob"
                assert put_manifest(gate).status == 201
                assert upstream.asked()[-1].body == EMPTY_INDEX
                assert self.get(gate).status == 200
            assert len(upstream.asked()) == 12
            # The index finds its way too.
            gate.wait_for_index()
            assert gate.ask("GET", "/v2/x/manifests/held", user="alice").status == 200
            assert time.monotonic() - started < 5, "who is refused goes on to the next at once"

    def test_it_comes_back(self, make_gate: GateMaker) -> None:
        with RecordingUpstream() as first:
            gate = make_gate(first.url, POLICY, PASSWORDS)
        assert self.get(gate).status in (502, 503)
        with RecordingUpstream(lambda *_: reply("200 OK", b"back"), port=first.address[1]):
            deadline = time.monotonic() + 10
            while self.get(gate).body != b"back":
                assert time.monotonic() < deadline
                time.sleep(0.1)

    def test_it_refuses_a_body_early(self, gate: Gate, upstream: RecordingUpstream) -> None:
        """An answer that comes before the body was sent is the client's answer."""

        def refuse(_: Request, peer: socket.socket) -> None:
            peer.sendall(reply("413 Too Large", b'{"errors":[{"code":"SIZE_INVALID","message":"x"}]}',
                               ("Content-Type", "application/json"), ("Connection", "close")))

        location = open_upload(gate, upstream)
        upstream.reads_bodies = False
        upstream.handler = refuse
        with gate.connect() as connection:
            connection.send(head("PATCH", location, [
                gate.credential("alice"), OCTETS, ("Content-Length", "100000000")]) + b"x" * 1000)
            response = connection.read_response("PATCH")
            assert response.status in (413, 502)
            assert not response.keeps_alive or connection.is_closed(1)


class TestReusedConnections:
    """A kept-alive connection may die just when it is used again. What is safe is asked again."""

    def dies_on_reuse(self, upstream: RecordingUpstream) -> list[Request]:
        """The upstream closes a connection instead of answering its second real request."""
        died: list[Request] = []

        def answer(request: Request, _: socket.socket) -> bytes | None:
            asked = [other for other in upstream.asked() if other.connection == request.connection]
            if len(asked) > 1:
                died.append(request)
                return None
            location = ("Location", "/v2/x/blobs/uploads/an-upload?_state=s")
            return reply("202 Accepted", b"", location) if request.method == "POST" else reply("200 OK", b"x")

        upstream.handler = answer
        return died

    def test_a_get_is_asked_again(self, gate: Gate, upstream: RecordingUpstream) -> None:
        died = self.dies_on_reuse(upstream)
        with gate.connect() as connection:
            for _ in range(10):
                response = connection.request("GET", BLOB_TARGET, [gate.credential("alice")])
                assert response.status == 200 and response.body == b"x"
        assert died, "connections to the upstream are kept"

    def test_a_post_is_not(self, gate: Gate, upstream: RecordingUpstream) -> None:
        died = self.dies_on_reuse(upstream)
        statuses = []
        for _ in range(4):
            statuses.append(gate.ask("POST", "/v2/x/blobs/uploads/", user="alice").status)
        posts = [request for request in upstream.asked() if request.method == "POST"]
        assert len(posts) == 4, "one was sent twice"
        assert statuses.count(502) == len(died)

    def test_an_answer_before_the_end_of_a_body(self, make_gate: GateMaker) -> None:
        """What is left of the body would be the beginning of the next user's request."""

        def answer(request: Request, peer: socket.socket) -> bytes | None:
            if request.method == "POST":
                return reply("202 Accepted", b"", ("Location", "/v2/x/blobs/uploads/an-upload?_state=s"))
            if request.method != "PATCH":
                return reply("200 OK", b"right")
            peer.sendall(reply("404 Not Found", b"{}"))
            time.sleep(0.5)
            peer.settimeout(2)
            left = int(request.get("content-length") or 0)
            while left:  # and goes on, as HTTP has it
                piece = peer.recv(min(left, 65536))
                if not piece:
                    return None
                left -= len(piece)
            return b""

        with RecordingUpstream(answer, reads_bodies=False) as upstream:
            gate = make_gate(upstream.url, POLICY, PASSWORDS)
            for size in (400_000, 900_000, 5_000_000):
                location = gate.ask("POST", "/v2/x/blobs/uploads/", user="alice")["location"]
                with gate.connect() as connection:
                    connection.send(head("PATCH", location, [
                        gate.credential("alice"), OCTETS, ("Content-Length", str(size))]))
                    with contextlib.suppress(OSError):
                        connection.send(b"b" * size)
                    for _ in range(3):
                        response = gate.ask("GET", BLOB_TARGET, user="alice", timeout=3)
                        assert response.status == 200 and response.body == b"right"

    def test_a_connection_that_was_closed_meanwhile_is_not_used(
        self, gate: Gate, upstream: RecordingUpstream
    ) -> None:
        upstream.handler = lambda *_: reply(
            "202 Accepted", b"", ("Location", "/v2/x/blobs/uploads/an-upload?_state=s"))
        for _ in range(5):
            assert gate.ask("POST", "/v2/x/blobs/uploads/", user="alice").status == 202
            upstream.drop_connections()
            time.sleep(0.1)

    def test_what_the_upstream_sends_unasked_answers_nobody(
        self, gate: Gate, upstream: RecordingUpstream
    ) -> None:
        """Bytes behind an answer would be taken for the next one's, maybe another user's."""
        upstream.handler = lambda request, _: (
            reply("200 OK", b"right " + request.target.encode()[-4:]) + reply("200 OK", b"smuggled"))
        for _ in range(10):
            for suffix in ("aaaa", "bbbb"):
                digest = "sha256:" + "0" * 60 + suffix
                response = gate.ask("GET", f"/v2/x/blobs/{digest}", user="alice")
                assert response.body == b"right " + suffix.encode()


LIES = {
    "nothing of HTTP": b"\x00\x01\x02\x03garbage\r\n\r\n",
    "another protocol": b"SSH-2.0-OpenSSH\r\n\r\n",
    "HTTP/2": b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "a bare LF": b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    "no status": b"HTTP/1.1 OK\r\nContent-Length: 0\r\n\r\n",
    "a status of four digits": b"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n",
    "a negative length": b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
    "length and coding": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
                         b"1\r\nx\r\n0\r\n\r\n",
    "an unknown coding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nxx",
    "a folded field": b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n",
    "NUL in a field": b"HTTP/1.1 200 OK\r\nA: \0\r\nContent-Length: 0\r\n\r\n",
    "a field without a name": b"HTTP/1.1 200 OK\r\n: b\r\nContent-Length: 0\r\n\r\n",
    "a head of 1 MiB": b"HTTP/1.1 200 OK\r\nA: " + b"b" * (1 << 20) + b"\r\nContent-Length: 0\r\n\r\n",
    "10,000 fields": b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 10_000 + b"Content-Length: 0\r\n\r\n",
    "a switch of protocols": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
    "an end within the head": b"HTTP/1.1 200 OK\r\nContent-Le",
}


@pytest.mark.parametrize("lie", LIES)
def test_what_is_not_an_answer_becomes_502(gate: Gate, upstream: RecordingUpstream, lie: str) -> None:
    upstream.handler = lambda _, peer: peer.sendall(LIES[lie])
    response = gate.ask("GET", BLOB_TARGET, user="alice")
    assert response.status == 502
    assert error_code(response)
    assert gate.ask("GET", "/v2/", user="alice").status == 200


@pytest.mark.parametrize("interim", [
    b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n",
    b"HTTP/1.1 102 Processing\r\n\r\n" * 3,
])
def test_interim_answers_are_passed_over(gate: Gate, upstream: RecordingUpstream, interim: bytes) -> None:
    upstream.handler = lambda *_: interim + reply("200 OK", b"final")
    response = gate.ask("GET", BLOB_TARGET, user="alice")
    assert (response.status, response.body) == (200, b"final")


def test_an_answer_that_ends_with_the_connection(gate: Gate, upstream: RecordingUpstream) -> None:
    """A registry that died in the middle would look like one that finished."""
    upstream.handler = lambda _, peer: peer.sendall(b"HTTP/1.0 200 OK\r\n\r\nuntil the end")
    assert gate.ask("GET", BLOB_TARGET, user="alice").status == 502


def test_answers_without_a_body(gate: Gate, upstream: RecordingUpstream) -> None:
    upstream.handler = lambda request, _: (
        b"HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n" if request.method == "HEAD"
        else b"HTTP/1.1 304 Not Modified\r\nContent-Length: 12345\r\n\r\n")
    with gate.connect() as connection:
        for _ in range(3):
            credential = gate.credential("alice")
            assert connection.request("HEAD", BLOB_TARGET, [credential])["content-length"] == "12345"
            assert connection.request("GET", BLOB_TARGET, [credential]).status == 304


def test_idle_strangers_do_not_take_all_places(make_gate: GateMaker, upstream: RecordingUpstream) -> None:
    """Neither at the registry's port nor at the admin port, whose descriptors come from the same limit."""
    gate = make_gate(upstream.url, POLICY, PASSWORDS, prefix=["prlimit", "--nofile=300"])
    assert "limits.connections" in gate.log_text()
    with contextlib.ExitStack() as strangers:
        for address, count in ((gate.admin, 120), (gate.address, 200)):
            for _ in range(count):
                connection = strangers.enter_context(Connection(address))
                with contextlib.suppress(OSError):
                    connection.send(b"G")
        for _ in range(20):
            response = gate.ask("GET", BLOB_TARGET, user="alice", source="127.0.0.2", timeout=2)
            assert response.status == 404
    assert len(gate.log_text()) < 100_000
    deadline = time.monotonic() + 10
    while not gate.is_ready():
        assert time.monotonic() < deadline
