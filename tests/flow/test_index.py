"""The index and a registry that is slow, dying or lying: what it learns, and what goes through it.

What it decides on is in test_matrix.py; what it does when the gate dies, in test_crash.py.
"""

from __future__ import annotations

import json
import re
import secrets
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from conftest import GateMaker
from harness.client import Client, error_code
from harness.gate import Gate
from harness.holdings import Holdings
from harness.images import INDEX, MANIFEST, Image, image, index_of
from harness.rawhttp import Response, chunked, digest_of, head
from harness.upstream import Handler, RecordingUpstream, Request, reply
from harness.waiting import wait

POLICY = """\
version: 1
users:
  alice: {permissions: [view, pull, push, delete]}
  bob:   {permissions: [view, pull]}
  root:  {permissions: [admin]}
rules:
  - {who: [alice], images: [x, y, new], allow: [view, pull, push, delete]}
  - {who: [bob], images: ["x:public-*"], allow: [view, pull]}
"""
PASSWORDS = {name: f"{name} Passw0rd!" for name in ("alice", "bob", "root")}
IDLE = 1.0
LIMITS = {"idle": "1s", "head": "1s", "minimum_rate": "1KiB", "drain": "10s"}
SLACK = 4.0
ACCEPT = [("Accept", MANIFEST), ("Accept", INDEX)]
HELD = image({"a": b"held"})
NOTHING = index_of([])  # the manifest that names nothing
LARGEST = 4 << 20


@pytest.fixture
def gate(make_gate: GateMaker, upstream: RecordingUpstream) -> Gate:
    """In front of a registry that holds x:held, all of which is known."""
    upstream.holds.add("x", "held", HELD)
    # Without the cache: what is read of the fake is what its handler gives to clients.
    gate = make_gate(upstream.url, POLICY, PASSWORDS, settings={"limits": LIMITS, "cache": {"manifests": 0}})
    gate.wait_for_index()
    return gate


def get(gate: Gate, target: str, user: str = "alice", **options: float) -> Response:
    return gate.ask("GET", target, user=user, fields=ACCEPT, **options)  # type: ignore[arg-type]


def put(gate: Gate, reference: str = "pushed", data: bytes = NOTHING, user: str = "alice",
        name: str = "x") -> Response:
    return gate.ask("PUT", f"/v2/{name}/manifests/{reference}", user=user,
                    fields=[("Content-Type", INDEX)], body=data)


def settle(gate: Gate) -> None:
    """Until the gate has asked the registry what came of what it was doing."""
    wait(lambda: gate.metrics()["layergate_index_unresolved"] == 0, "an end of doubt")


# Answers to a question that say nothing that could be believed.
BROKEN: dict[str, Handler] = {
    "it fails": lambda *_: reply("500 Internal Server Error"),
    "it asks for credentials": lambda *_: reply("401 Unauthorized"),
    "it redirects": lambda *_: reply("307 Temporary Redirect", b"", ("Location", "/v2/")),
    "it dies": lambda *_: None,
    "it dies in the middle": lambda _, peer: peer.sendall(
        reply("200 OK", b'{"repositories": [], "name": "x", "tags": []}')[:-5]),
    "no HTTP": lambda *_: b"SSH-2.0-OpenSSH\r\n\r\n",
    "no JSON": lambda *_: reply("200 OK", b"<html>"),
    "half of the JSON": lambda *_: reply("200 OK", b'{"repositories": ["x"], "tags": ["held"'),
    "another JSON": lambda *_: reply("200 OK", b'["held"]'),
    "no list": lambda *_: reply("200 OK", b'{"repositories": "x", "name": "x", "tags": "held"}'),
}


class TestLearning:
    """What is not known is asked for, and closed until it is."""

    @pytest.fixture
    def broken(self, upstream: RecordingUpstream, request: pytest.FixtureRequest) -> Iterator[None]:
        """The registry's answers to questions that match the first are the second."""
        pattern, handler = request.param
        upstream.holds.add("x", "held", HELD)
        upstream.answers_index = False

        def answer(request: Request, peer: socket.socket) -> bytes | None:
            if re.search(pattern, request.target):
                return handler(request, peer)
            status, body, fields = upstream.holds.answer(request.target)
            return reply(status, body, *fields)

        upstream.handler = answer
        yield

    @pytest.mark.parametrize(
        "broken", [("_catalog|tags/list", handler) for handler in BROKEN.values()], indirect=True,
        ids=BROKEN)
    def test_nothing_is_open_while_it_cannot_be_learned(
        self, make_gate: GateMaker, upstream: RecordingUpstream, broken: None
    ) -> None:
        gate = make_gate(upstream.url, POLICY, PASSWORDS)
        layer = digest_of(HELD.layers[0])
        for target in ("/v2/x/manifests/held", f"/v2/x/manifests/{HELD.digest}", f"/v2/x/blobs/{layer}",
                       "/v2/x/tags/list", "/v2/_catalog", f"/v2/x/referrers/{HELD.digest}"):
            response = get(gate, target)
            assert (response.status, error_code(response)) == (503, "UNAVAILABLE"), target
            assert int(response["retry-after"]) > 0
        assert put(gate).status == 503
        # What the policy alone decides is not held up.
        assert get(gate, "/v2/x/manifests/held", user="root").status == 503
        assert get(gate, "/v2/secret/manifests/held", user="bob").status == 403
        assert upstream.asked() == []

        upstream.answers_index = True
        wait(lambda: get(gate, "/v2/_catalog").status == 200, "the catalogue")
        upstream.handler = lambda *_: reply("200 OK", HELD.manifest, ("Content-Type", MANIFEST))
        assert get(gate, "/v2/x/manifests/held").status == 200
        assert json.loads(get(gate, "/v2/x/tags/list").body)["tags"] == ["held"]

    @pytest.mark.parametrize("broken", [
        ("manifests/held", BROKEN[name]) for name in ("it fails", "it dies", "it dies in the middle")
    ], indirect=True, ids=["it fails", "it dies", "it dies in the middle"])
    def test_half_of_a_repository_counts_for_nothing(
        self, make_gate: GateMaker, upstream: RecordingUpstream, broken: None
    ) -> None:
        upstream.holds.add("x", "other", image({"a": b"other"}))
        gate = make_gate(upstream.url, POLICY, PASSWORDS)
        for target in ("/v2/x/manifests/other", "/v2/x/manifests/held", "/v2/x/tags/list"):
            assert get(gate, target).status == 503, target
        assert upstream.asked() == []

    @pytest.mark.parametrize("lie", [
        reply("200 OK", HELD.manifest.replace(b"amd64", b"amd65") + b" ", ("Content-Type", MANIFEST),
              ("Docker-Content-Digest", HELD.digest)),
        reply("200 OK", HELD.manifest, ("Content-Type", "application/json"),
              ("Docker-Content-Digest", HELD.digest)),
        reply("200 OK", b"{}", ("Content-Type", MANIFEST), ("Docker-Content-Digest", digest_of(b"{}"))),
    ], ids=["other bytes than its digest", "no type of a manifest", "no manifest"])
    def test_a_tag_at_what_is_no_manifest_reaches_nothing(
        self, make_gate: GateMaker, upstream: RecordingUpstream, lie: bytes
    ) -> None:
        upstream.holds.add("x", "other", image({"a": b"other"}))
        upstream.holds.add("x", "held", HELD)
        upstream.answers_index = False

        def answer(request: Request, _: socket.socket) -> bytes:
            if request.target.endswith("/manifests/held"):
                return lie
            status, body, fields = upstream.holds.answer(request.target)
            return reply(status, body, *fields)

        upstream.handler = answer
        gate = make_gate(upstream.url, POLICY, PASSWORDS)
        gate.wait_for_index()
        assert json.loads(get(gate, "/v2/x/tags/list").body)["tags"] == ["other"]
        assert get(gate, "/v2/x/manifests/held").status == 404
        assert get(gate, f"/v2/x/blobs/{digest_of(HELD.layers[0])}").status == 404
        assert "passed over" in gate.log_text()

    @pytest.mark.concurrent
    def test_many_that_wait_for_the_same_ask_once(
        self, make_gate: GateMaker, upstream: RecordingUpstream
    ) -> None:
        upstream.holds.add("x", "held", HELD)
        upstream.answers_index = False
        let_go = threading.Event()

        def answer(request: Request, _: socket.socket) -> bytes:
            if request not in upstream.questioned():
                return reply("200 OK", HELD.manifest, ("Content-Type", MANIFEST))
            if "_catalog" in request.target:
                let_go.wait(20)
            if "tags/list" in request.target:
                time.sleep(1)
            status, body, fields = upstream.holds.answer(request.target)
            return reply(status, body, *fields)

        upstream.handler = answer
        gate = make_gate(upstream.url, POLICY, PASSWORDS)
        statuses: list[int] = []
        threads = [threading.Thread(target=lambda: statuses.append(
            get(gate, "/v2/x/manifests/held").status)) for _ in range(30)]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert statuses == [200] * 30
            lines = [request.target for request in upstream.questioned()]
            assert lines.count("/v2/x/tags/list?n=1000") == 1
            assert lines.count("/v2/x/manifests/held") == 1
        finally:
            let_go.set()

    def test_one_that_is_slow_to_learn_holds_up_no_other(
        self, make_gate: GateMaker, upstream: RecordingUpstream
    ) -> None:
        for name in ("x", "y"):
            upstream.holds.add(name, "held", HELD)
        upstream.answers_index = False
        let_go = threading.Event()

        def answer(request: Request, _: socket.socket) -> bytes:
            if "/v2/y/" in request.target:
                let_go.wait(20)
            status, body, fields = upstream.holds.answer(request.target)
            return reply(status, body, *fields)

        upstream.handler = answer
        gate = make_gate(upstream.url, POLICY, PASSWORDS)
        try:
            with gate.connect() as waiting:
                waiting.send(head("GET", "/v2/y/manifests/held", [gate.credential("alice"), *ACCEPT]))
                for _ in range(5):
                    assert get(gate, "/v2/x/manifests/held", timeout=2).status == 200
                    assert gate.ask("GET", "/v2/", user="alice", timeout=2).status == 200
                let_go.set()
                assert waiting.read_response().status == 200
        finally:
            let_go.set()

    def test_what_is_unknown_then_is_absent(self, gate: Gate, upstream: RecordingUpstream) -> None:
        """A random digest costs the registry nothing, and neither does a random name."""
        before = len(upstream.questioned())
        with Client(gate.connect, gate.credential("alice")) as alice:
            for _ in range(50):
                digest = digest_of(secrets.token_bytes(8))
                for target in (f"x/manifests/{digest}", f"x/blobs/{digest}", f"x/manifests/t{digest[7:19]}",
                               f"new/manifests/{digest}"):
                    assert alice.ask("GET", f"/v2/{target}").status == 404
        assert upstream.asked() == [] and len(upstream.questioned()) == before

    def test_it_is_learned_once_and_kept(self, gate: Gate, upstream: RecordingUpstream) -> None:
        upstream.handler = lambda *_: reply("200 OK", HELD.manifest, ("Content-Type", MANIFEST))
        before = len(upstream.questioned())
        gate.stop()
        gate.start()
        assert get(gate, "/v2/x/manifests/held").status == 200
        assert json.loads(get(gate, "/v2/_catalog").body)["repositories"] == ["x"]
        assert len(upstream.questioned()) == before

    def test_pages_of_the_catalogue_are_followed(
        self, make_gate: GateMaker, upstream: RecordingUpstream
    ) -> None:
        names = [f"p{number}" for number in range(7)]
        for name in names:
            upstream.holds.add(name, "held", HELD)
        upstream.answers_index = False

        def answer(request: Request, _: socket.socket) -> bytes:
            if "_catalog" not in request.target:
                status, body, fields = upstream.holds.answer(request.target)
                return reply(status, body, *fields)
            last = re.search("last=([a-z0-9]+)", request.target)
            left = [name for name in names if last is None or name > last[1]]
            more = [("Link", f'</v2/_catalog?last={left[1]}&n=2>; rel="next"')] if left[2:] else []
            return reply("200 OK", json.dumps({"repositories": left[:2]}).encode(), *more)

        upstream.handler = answer
        gate = make_gate(upstream.url, POLICY, PASSWORDS)
        gate.wait_for_index()
        assert json.loads(get(gate, "/v2/_catalog", user="root").body)["repositories"] == names


class TestShared:
    """`exclusive: false`: others write to the registry too."""

    @pytest.fixture
    def gate(self, make_gate: GateMaker, upstream: RecordingUpstream) -> Gate:
        upstream.holds.add("x", "held", HELD)
        upstream.handler = lambda request, _: reply(*upstream.holds.answer(request.target)[:2])
        gate = make_gate(upstream.url, POLICY, PASSWORDS, settings={"upstream": {"exclusive": False}})
        gate.wait_for_index()
        return gate

    def test_a_tag_that_others_moved(self, gate: Gate, upstream: RecordingUpstream) -> None:
        assert get(gate, "/v2/x/manifests/held").body == HELD.manifest
        second = image({"a": b"moved around the gate"})
        upstream.holds.add("x", "held", second)
        assert get(gate, "/v2/x/manifests/held").body == second.manifest
        assert get(gate, f"/v2/x/blobs/{digest_of(second.layers[0])}").status == 200

    def test_a_tag_that_others_made(self, gate: Gate, upstream: RecordingUpstream) -> None:
        assert get(gate, "/v2/x/manifests/made").status == 404
        upstream.holds.add("x", "made", image({"a": b"made around the gate"}))
        assert get(gate, "/v2/x/manifests/made").status == 200

    def test_who_asks_together_shares_an_answer(self, gate: Gate, upstream: RecordingUpstream) -> None:
        """But never one that was on its way before: it may be older than the question."""
        arrived, go = threading.Event(), threading.Event()

        def answer(request: Request, _: socket.socket) -> bytes:
            made = upstream.answer_index(request)
            if request.method == "HEAD":
                arrived.set()
                assert go.wait(10)
            return made

        upstream.answers_index, upstream.handler = False, answer
        second = image({"a": b"moved meanwhile"})
        with ThreadPoolExecutor(9) as threads:
            first = threads.submit(get, gate, "/v2/x/manifests/held")
            assert arrived.wait(10)
            upstream.holds.add("x", "held", second)
            later = [threads.submit(get, gate, "/v2/x/manifests/held") for _ in range(8)]
            time.sleep(0.5)
            heads = [r for r in upstream.questioned() if r.method == "HEAD"]
            go.set()
            assert first.result().body == HELD.manifest
            assert [each.result().body for each in later] == 8 * [second.manifest]
        assert len(heads) == 1
        assert len([r for r in upstream.questioned() if r.method == "HEAD"]) == 2

    def test_an_answer_that_never_comes_holds_up_only_who_waits_for_it(
            self, gate: Gate, upstream: RecordingUpstream) -> None:
        arrived, go = threading.Event(), threading.Event()

        def answer(request: Request, _: socket.socket) -> bytes:
            if request.method == "HEAD" and not arrived.is_set():
                arrived.set()
                assert go.wait(20)
            return upstream.answer_index(request)

        upstream.answers_index, upstream.handler = False, answer
        with ThreadPoolExecutor(3) as threads:
            first = threads.submit(get, gate, "/v2/x/manifests/held")
            assert arrived.wait(10)
            later = [threads.submit(get, gate, "/v2/x/manifests/held") for _ in range(2)]
            assert [each.result(10).body for each in later] == 2 * [HELD.manifest]
            assert not first.done()
            go.set()
            assert first.result(10).body == HELD.manifest

    def test_it_cannot_be_asked(self, gate: Gate, upstream: RecordingUpstream) -> None:
        upstream.answers_index = False
        upstream.handler = lambda *_: reply("500 Internal Server Error")
        assert get(gate, "/v2/x/manifests/held").status == 503


class TestPushedManifest:
    """It is read whole, decided on, put by the gate itself, and known when the client is answered."""

    def created(self, upstream: RecordingUpstream) -> None:
        upstream.handler = lambda *_: reply("201 Created")

    def test_the_head_is_made_anew(self, gate: Gate, upstream: RecordingUpstream) -> None:
        self.created(upstream)
        with gate.connect() as connection:
            response = connection.request("PUT", "/v2/x/manifests/pushed?n=1", [
                gate.credential("alice"), ("Content-Type", INDEX + "; charset=utf-8"),
                ("X-Forwarded-Host", "evil.test"), ("Cookie", "session=1"), ("TE", "trailers"),
                ("User-Agent", "evil/1.0"), ("Transfer-Encoding", "chunked"),
            ], chunked([NOTHING[:10], NOTHING[10:]]))
        assert response.status == 201
        [request] = upstream.asked()
        assert request.line == "PUT /v2/x/manifests/pushed HTTP/1.1"
        assert request.body == NOTHING
        assert {name for name, _ in request.fields} <= {
            "host", "user-agent", "accept", "content-type", "content-length"}
        assert request.get("content-type") == INDEX
        assert request.get("user-agent") == "layergate"

    def test_it_is_there_at_once(self, gate: Gate, upstream: RecordingUpstream) -> None:
        self.created(upstream)
        assert put(gate).status == 201
        questions = len(upstream.questioned())
        assert json.loads(get(gate, "/v2/x/tags/list").body)["tags"] == ["held", "pushed"]
        upstream.handler = lambda *_: reply("200 OK", NOTHING, ("Content-Type", INDEX))
        assert get(gate, "/v2/x/manifests/pushed").body == NOTHING
        assert get(gate, f"/v2/x/manifests/{digest_of(NOTHING)}").body == NOTHING
        assert len(upstream.questioned()) == questions

    @pytest.mark.parametrize("framing", ["length", "chunks"])
    @pytest.mark.parametrize("beyond", [0, 1])
    def test_the_largest(
        self, gate: Gate, upstream: RecordingUpstream, framing: str, beyond: int
    ) -> None:
        self.created(upstream)
        data = NOTHING[:-1] + b" " * (LARGEST + beyond - len(NOTHING)) + b"}"
        fields = [gate.credential("alice"), ("Content-Type", INDEX)]
        if framing == "chunks":
            fields.append(("Transfer-Encoding", "chunked"))
            body = chunked(data[at : at + 100_000] for at in range(0, len(data), 100_000))
        else:
            fields.append(("Content-Length", str(len(data))))
            body = data
        with gate.connect() as connection:
            connection.send(head("PUT", "/v2/x/manifests/largest", fields))
            try:
                connection.send(body)
            except (BrokenPipeError, ConnectionResetError):
                assert beyond
            response = connection.read_response("PUT")
        assert response.status == (413 if beyond else 201)
        assert [request.body for request in upstream.asked()] == ([] if beyond else [data])

    def test_a_body_that_stops(self, gate: Gate, upstream: RecordingUpstream) -> None:
        self.stops(gate, b"x" * 10)
        assert upstream.asked() == []

    def test_a_body_that_stops_after_much(self, gate: Gate, upstream: RecordingUpstream) -> None:
        """What came quickly buys no time afterwards."""
        self.stops(gate, b"x" * 100_000)
        assert upstream.asked() == []

    @staticmethod
    def stops(gate: Gate, begun: bytes) -> None:
        with gate.connect(timeout=20) as connection:
            connection.send(head("PUT", "/v2/x/manifests/pushed", [
                gate.credential("alice"), ("Content-Type", INDEX), ("Content-Length", "1000000")]) + begun)
            started = time.monotonic()
            rest = connection.read_rest()
            taken = time.monotonic() - started
        assert IDLE / 2 < taken < IDLE + SLACK
        assert rest == b"" or rest.startswith(b"HTTP/1.1 408 ")

    def test_a_client_that_leaves_within_it(self, gate: Gate, upstream: RecordingUpstream) -> None:
        self.created(upstream)
        for _ in range(5):
            with gate.connect() as connection:
                connection.send(head("PUT", "/v2/x/manifests/pushed", [
                    gate.credential("alice"), ("Content-Type", INDEX),
                    ("Content-Length", str(len(NOTHING)))]) + NOTHING[:-1])
        assert get(gate, "/v2/x/manifests/pushed").status == 404
        assert upstream.asked() == []

    def test_a_client_that_leaves_behind_it(self, gate: Gate, upstream: RecordingUpstream) -> None:
        """What was asked of the registry goes on, and the index knows of it."""
        self.created(upstream)
        with gate.connect() as connection:
            connection.send(head("PUT", "/v2/x/manifests/pushed", [
                gate.credential("alice"), ("Content-Type", INDEX),
                ("Content-Length", str(len(NOTHING)))]) + NOTHING)
            upstream.wait_asked(1)
        wait(lambda: "pushed" in get(gate, "/v2/x/tags/list").body.decode(), "the tag")

    def test_a_slow_registry_is_waited_for(self, gate: Gate, upstream: RecordingUpstream) -> None:
        def slow(_: Request, __: socket.socket) -> bytes:
            time.sleep(4 * IDLE)
            return reply("201 Created")

        upstream.handler = slow
        with gate.connect(timeout=15) as connection:
            connection.send(head("PUT", "/v2/x/manifests/pushed", [
                gate.credential("alice"), ("Content-Type", INDEX),
                ("Content-Length", str(len(NOTHING)))]) + NOTHING)
            upstream.wait_asked(1)
            for _ in range(10):
                started = time.monotonic()
                assert get(gate, "/v2/x/tags/list").status == 200
                assert get(gate, "/v2/x/manifests/pushed").status == 404
                assert time.monotonic() - started < 1
            assert connection.read_response("PUT").status == 201

    def test_pushes_to_other_repositories_do_not_wait(
        self, gate: Gate, upstream: RecordingUpstream
    ) -> None:
        let_go = threading.Event()

        def answer(request: Request, _: socket.socket) -> bytes:
            if "/v2/x/" in request.target:
                let_go.wait(20)
            return reply("201 Created")

        upstream.handler = answer
        try:
            with gate.connect() as waiting:
                waiting.send(head("PUT", "/v2/x/manifests/pushed", [
                    gate.credential("alice"), ("Content-Type", INDEX),
                    ("Content-Length", str(len(NOTHING)))]) + NOTHING)
                upstream.wait_asked(1)
                assert put(gate, name="y").status == 201
                let_go.set()
                assert waiting.read_response("PUT").status == 201
        finally:
            let_go.set()

    @pytest.mark.concurrent
    def test_sigterm_lets_it_end(self, gate: Gate, upstream: RecordingUpstream) -> None:
        def slow(_: Request, __: socket.socket) -> bytes:
            time.sleep(2)
            return reply("201 Created")

        upstream.handler = slow
        with gate.connect() as connection:
            connection.send(head("PUT", "/v2/x/manifests/pushed", [
                gate.credential("alice"), ("Content-Type", INDEX),
                ("Content-Length", str(len(NOTHING)))]) + NOTHING)
            upstream.wait_asked(1)
            gate.signal(signal.SIGTERM)
            response = connection.read_response("PUT")
        assert response.status == 201 and not response.keeps_alive
        gate.stop()
        gate.start()
        assert json.loads(get(gate, "/v2/x/tags/list").body)["tags"] == ["held", "pushed"]

    @pytest.mark.parametrize("status, code", [
        ("400 Bad Request", "MANIFEST_INVALID"), ("404 Not Found", "NAME_UNKNOWN"),
        ("413 Too Large", "SIZE_INVALID"),
    ])
    def test_the_registry_s_refusal_is_the_client_s(
        self, gate: Gate, upstream: RecordingUpstream, status: str, code: str
    ) -> None:
        body = json.dumps({"errors": [{"code": code, "message": "not so"}]}).encode()
        upstream.handler = lambda *_: reply(status, body, ("Content-Type", "application/json"),
                                            ("Set-Cookie", "x=1"))
        response = put(gate)
        assert response.status == int(status[:3]) and error_code(response) == code
        assert response.get("set-cookie") is None
        assert get(gate, "/v2/x/manifests/pushed").status == 404

    @pytest.mark.parametrize("answer", [
        lambda *_: reply("400 Bad Request", b"<html>no"), lambda *_: reply("400 Bad Request")])
    def test_a_refusal_without_a_reason(
        self, gate: Gate, upstream: RecordingUpstream, answer: Handler
    ) -> None:
        upstream.handler = answer
        response = put(gate)
        assert response.status == 400 and error_code(response)
        assert b"html" not in response.body

    @pytest.mark.parametrize("came", [False, True], ids=["it was not carried out", "it was"])
    @pytest.mark.parametrize("way", ["it fails", "it dies", "it dies in the middle", "no HTTP"])
    def test_nobody_knows_whether_it_was_carried_out(
        self, gate: Gate, upstream: RecordingUpstream, way: str, came: bool
    ) -> None:
        """It is not sent twice, and what there is then, the registry is asked."""
        pushed = Image(NOTHING, b"", [], INDEX)

        def answer(request: Request, peer: socket.socket) -> bytes | None:
            if came:
                upstream.holds.add("x", "pushed", pushed)
            return BROKEN[way](request, peer)

        upstream.handler = answer
        response = put(gate)
        assert response.status in (502, 503) and error_code(response)
        assert len(upstream.asked()) == 1, "it was sent twice"
        wait(lambda: f"/v2/x/manifests/{pushed.digest}" in {
            request.target for request in upstream.questioned()}, "the question")
        settle(gate)
        upstream.handler = lambda *_: reply("200 OK", NOTHING, ("Content-Type", INDEX))
        for reference in ("pushed", pushed.digest):
            assert get(gate, f"/v2/x/manifests/{reference}").status == (200 if came else 404)

    def test_the_registry_is_gone(self, gate: Gate, upstream: RecordingUpstream) -> None:
        upstream.close()
        response = put(gate)
        assert response.status in (502, 503) and error_code(response)
        assert json.loads(get(gate, "/v2/x/tags/list").body)["tags"] == ["held"]

    def test_interim_answers_are_passed_over(self, gate: Gate, upstream: RecordingUpstream) -> None:
        upstream.handler = lambda *_: b"HTTP/1.1 103 Early Hints\r\n\r\n" + reply("201 Created")
        assert put(gate).status == 201

    def test_continue_is_said_only_after_the_decision(
        self, gate: Gate, upstream: RecordingUpstream
    ) -> None:
        self.created(upstream)
        for user, status in (("alice", 201), ("bob", 403)):
            with gate.connect() as connection:
                connection.send(head("PUT", "/v2/x/manifests/pushed", [
                    gate.credential(user), ("Content-Type", INDEX),
                    ("Content-Length", str(len(NOTHING))), ("Expect", "100-continue")]))
                if status == 201:
                    assert connection.read_interim() == 100
                    connection.send(NOTHING)
                response = connection.read_response("PUT")
                assert response.status == status and response.interim == []

    def test_a_request_behind_it_in_one_packet(self, gate: Gate, upstream: RecordingUpstream) -> None:
        self.created(upstream)
        credential = gate.credential("alice")
        with gate.connect() as connection:
            connection.send(
                head("PUT", "/v2/x/manifests/pushed", [
                    credential, ("Content-Type", INDEX), ("Content-Length", str(len(NOTHING)))])
                + NOTHING
                + head("PUT", "/v2/x/manifests/chunked", [
                    credential, ("Content-Type", INDEX), ("Transfer-Encoding", "chunked")])
                + chunked([NOTHING]) + head("GET", "/v2/x/tags/list", [credential]))
            assert connection.read_response("PUT").status == 201
            assert connection.read_response("PUT").status == 201
            assert json.loads(connection.read_response().body)["tags"] == ["chunked", "held", "pushed"]

    @pytest.mark.concurrent
    def test_who_begins_many_keeps_nobody_from_pushing(
        self, gate: Gate, upstream: RecordingUpstream
    ) -> None:
        self.created(upstream)
        begun = []
        try:
            for _ in range(100):
                connection = gate.connect()
                begun.append(connection)
                connection.send(head("PUT", "/v2/x/manifests/begun", [
                    gate.credential("alice"), ("Content-Type", INDEX),
                    ("Content-Length", str(LARGEST))]))
            time.sleep(0.3)
            assert put(gate, user="root", name="other").status == 201
        finally:
            for connection in begun:
                connection.close()


class TestDeleted:
    def test_a_tag_in_a_registry_that_cannot(self, gate: Gate, upstream: RecordingUpstream) -> None:
        """As registry 2.8.2: a manifest of the gate's own is put over it and deleted by its digest."""
        put_over: list[str] = []

        def answer(request: Request, _: socket.socket) -> bytes:
            reference = request.target.rpartition("/")[2]
            if request.method == "PUT":
                put_over.append(digest_of(request.body))
                return reply("201 Created")
            if not reference.startswith("sha256:"):
                return reply("400 Bad Request")
            return reply("202 Accepted" if reference in put_over else "404 Not Found")

        upstream.handler = answer
        assert gate.ask("DELETE", "/v2/x/manifests/held", user="alice").status == 202
        [stand_in] = put_over
        assert [request.line for request in upstream.asked()] == [
            "DELETE /v2/x/manifests/held HTTP/1.1",
            f"DELETE /v2/x/manifests/{stand_in} HTTP/1.1",  # whether it deletes at all
            "PUT /v2/x/manifests/held HTTP/1.1",
            f"DELETE /v2/x/manifests/{stand_in} HTTP/1.1",
        ]
        assert get(gate, "/v2/x/manifests/held").status == 404

    def test_a_tag_in_a_registry_that_can(self, gate: Gate, upstream: RecordingUpstream) -> None:
        upstream.handler = lambda *_: reply("202 Accepted")
        assert gate.ask("DELETE", "/v2/x/manifests/held", user="alice").status == 202
        assert [request.line for request in upstream.asked()] == ["DELETE /v2/x/manifests/held HTTP/1.1"]
        assert get(gate, "/v2/x/manifests/held").status == 404

    @pytest.mark.parametrize("reference", ["held", HELD.digest])
    def test_in_a_registry_that_deletes_nothing(
        self, gate: Gate, upstream: RecordingUpstream, reference: str
    ) -> None:
        upstream.handler = lambda *_: reply("405 Method Not Allowed")
        response = gate.ask("DELETE", f"/v2/x/manifests/{reference}", user="alice")
        assert (response.status, error_code(response)) == (405, "UNSUPPORTED")
        assert not [request for request in upstream.asked() if request.method == "PUT"]
        assert json.loads(get(gate, "/v2/x/tags/list").body)["tags"] == ["held"]

    @pytest.mark.parametrize("target", [
        "manifests/held", f"manifests/{HELD.digest}", f"blobs/{digest_of(HELD.layers[0])}"])
    @pytest.mark.parametrize("way", ["it fails", "it dies", "no HTTP"])
    def test_nobody_knows_whether_it_was_carried_out(
        self, gate: Gate, upstream: RecordingUpstream, way: str, target: str
    ) -> None:
        questions = len(upstream.questioned())
        upstream.handler = BROKEN[way]
        response = gate.ask("DELETE", f"/v2/x/{target}", user="alice")
        assert response.status in (502, 503) and error_code(response)
        assert len(upstream.asked()) == 1, "it was sent twice"
        # The registry says that it is there.
        if "manifests" in target:
            wait(lambda: f"/v2/x/{target}" in {
                request.target for request in upstream.questioned()[questions:]}, "the question")
        settle(gate)
        upstream.handler = lambda *_: reply("200 OK", HELD.manifest, ("Content-Type", MANIFEST))
        for there in ("manifests/held", f"manifests/{HELD.digest}", target):
            assert get(gate, f"/v2/x/{there}").status == 200

    @pytest.mark.parametrize("reference", ["held", HELD.digest])
    def test_it_was_carried_out_and_nobody_said_so(
        self, gate: Gate, upstream: RecordingUpstream, reference: str
    ) -> None:
        def answer(request: Request, _: socket.socket) -> None:
            upstream.holds = Holdings()
            upstream.holds.add("x", "other", image({"a": b"other"}))

        upstream.handler = answer
        questions = len(upstream.questioned())
        assert gate.ask("DELETE", f"/v2/x/manifests/{reference}", user="alice").status in (502, 503)
        wait(lambda: f"/v2/x/manifests/{reference}" in {
            request.target for request in upstream.questioned()[questions:]}, "the question")
        settle(gate)
        assert get(gate, "/v2/x/manifests/held").status == 404
        assert get(gate, "/v2/x/tags/list").status == 404  # it held no other tag for the index

    @pytest.mark.parametrize("target", [f"manifests/{HELD.digest}", f"blobs/{digest_of(HELD.config)}"])
    def test_what_is_gone_already(self, gate: Gate, upstream: RecordingUpstream, target: str) -> None:
        upstream.handler = lambda *_: reply("404 Not Found")
        assert gate.ask("DELETE", f"/v2/x/{target}", user="alice").status == 404


class TestStoredForms:
    def test_a_client_is_given_what_is_stored(self, gate: Gate, upstream: RecordingUpstream) -> None:
        """The registry would convert it for who accepts less, and take a wrong Accept for none."""
        upstream.handler = lambda *_: reply("200 OK", HELD.manifest, ("Content-Type", MANIFEST))
        for accept in ([], [("Accept", "*/*")], ACCEPT, [("Accept", f"text/html, {MANIFEST}")]):
            for reference in ("held", HELD.digest):
                response = gate.ask("GET", f"/v2/x/manifests/{reference}", user="alice", fields=accept)
                assert response.status == 200
                assert upstream.asked()[-1].get("accept") == MANIFEST
        asked = len(upstream.asked())
        for accept in ([("Accept", INDEX)], [("Accept", f"{MANIFEST};q=0")]):
            response = gate.ask("GET", "/v2/x/manifests/held", user="alice", fields=accept)
            assert (response.status, error_code(response)) == (404, "MANIFEST_UNKNOWN")
        assert len(upstream.asked()) == asked
