"""The admin port: is it alive, is it ready, what does it do."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import time
from pathlib import Path

import pytest

from conftest import GateMaker
from harness.gate import Gate
from harness.client import Client
from harness.rawhttp import Connection
from harness.images import image
from harness.registry import Registry
from harness.upstream import RecordingUpstream, reply

POLICY = """\
version: 1
users:
  alice: {permissions: [view, pull, push]}
rules:
  - {who: [alice], images: ["**"], allow: [view, pull, push]}
"""
PASSWORDS = {"alice": "Alice Passw0rd!"}
_SAMPLE = re.compile(
    r'[a-zA-Z_:][a-zA-Z0-9_:]*(\{([a-zA-Z_][a-zA-Z0-9_]*="([^"\\\n]|\\.)*",?)*\})? -?[0-9.eE+-]+|.* (NaN|[+-]Inf)')


@pytest.fixture
def own_registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    """One that a test may stop."""
    return Registry(tmp_path_factory.mktemp("registry"))


@pytest.fixture
def gate(make_gate: GateMaker, registry: Registry) -> Gate:
    return make_gate(registry.url, POLICY, PASSWORDS)


def test_alive(gate: Gate) -> None:
    response = gate.ask_admin("/healthz")
    assert response.status == 200
    json.loads(response.body)


def test_ready_says_what_is_in_force(gate: Gate) -> None:
    response = gate.ask_admin("/readyz")
    assert response.status == 200
    assert response["content-type"].startswith("application/json")
    detail = json.loads(response.body)
    assert isinstance(detail, dict) and detail


def test_ready_says_how_much_of_the_registry_is_known(
    make_gate: GateMaker, upstream: RecordingUpstream
) -> None:
    upstream.holds.add("x", "v1", image())
    upstream.answers_index = False
    upstream.handler = lambda *_: reply("503 Service Unavailable")
    gate = make_gate(upstream.url, POLICY, PASSWORDS)  # it is ready: what it does not know, it asks for

    def index() -> dict[str, object]:
        return json.loads(gate.ask_admin("/readyz").body)["index"]

    assert not index()["complete"] and gate.metrics()["layergate_index_complete"] == 0
    upstream.answers_index = True
    gate.wait_for_index()
    assert index()["complete"] and index()["problem"] == ""


def test_not_ready_without_the_registry_and_ready_again_with_it(
    make_gate: GateMaker, own_registry: Registry
) -> None:
    with own_registry:
        gate = make_gate(own_registry.url, POLICY, PASSWORDS)
        own_registry.stop()
        assert gate.process is not None
        gate.process.wait_until(lambda: not gate.is_ready(), 15, "an end of readiness")
        response = gate.ask_admin("/readyz")
        assert response.status == 503
        assert "upstream" in response.body.decode() or "registry" in response.body.decode()
        assert gate.ask_admin("/healthz").status == 200, "alive all the same"
        own_registry.start()
        gate.process.wait_until(gate.is_ready, 15, "readiness again")


def test_healthcheck_is_for_containers(make_gate: GateMaker, own_registry: Registry) -> None:
    with own_registry:
        gate = make_gate(own_registry.url, POLICY, PASSWORDS)
        assert gate.run_verb("healthcheck").returncode == 0
        gate.stop()
        assert gate.run_verb("healthcheck", check=False).returncode == 4


def test_metrics_are_prometheus_text(gate: Gate) -> None:
    response = gate.ask_admin("/metrics")
    assert response.status == 200
    assert response["content-type"].startswith("text/plain")
    lines = response.body.decode().splitlines()
    described = {line.split(" ")[2] for line in lines if line.startswith("# TYPE ")}
    for line in lines:
        if line.startswith("#") or not line:
            continue
        assert _SAMPLE.fullmatch(line), line
        name = re.split(r"[{ ]", line)[0]
        family = re.sub(r"_(bucket|sum|count)$", "", name)
        assert {name, family} & described, f"{name} has no TYPE"
        assert name.startswith(("layergate_", "process_"))


def test_metrics_count_requests_and_bytes(gate: Gate) -> None:
    def total(word: str) -> float:
        return sum(value for name, value in gate.metrics().items()
                   if word in name.split("{")[0] and not name.split("{")[0].endswith("_bucket"))

    requests, octets = total("requests_total"), total("bytes_total")
    with Client(gate.connect, gate.credential("alice")) as client:
        digest = client.push_blob("x", b"x" * 100_000)
        client.expect(200, "GET", f"/v2/x/blobs/{digest}")
    gate.ask("GET", "/v2/")
    gate.wait_record(lambda r: r["status"] == 401)
    assert total("requests_total") >= requests + 4
    assert total("bytes_total") >= octets + 200_000


def test_metrics_have_no_label_that_a_stranger_can_make_grow(gate: Gate) -> None:
    before = len(gate.metrics())
    for number in range(50):
        gate.ask("GET", f"/v2/name{number}/manifests/t{number}", user="alice")
        if number < 20:
            gate.ask("GET", "/v2/", user=f"user{number}", password="x")
    assert len(gate.metrics()) < before + 30


def test_a_page_says_what_this_is(gate: Gate) -> None:
    response = gate.ask_admin("/")
    assert response.status == 200
    assert response["content-type"].startswith("text/html")
    assert b"Layergate" in response.body


@pytest.mark.parametrize("target", ["/nothing", "/v2/", "/../etc/passwd", "/healthz/x", "/api/v2", "/api/v1x"])
def test_nothing_else_is_there(gate: Gate, target: str) -> None:
    assert gate.ask_admin(target).status in (400, 404)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_can_be_changed_here(gate: Gate, method: str) -> None:
    assert gate.ask_admin("/healthz", method).status in (400, 404, 405, 501)


def test_the_page_carries_the_fields_that_browsers_want(gate: Gate) -> None:
    response = gate.ask_admin("/")
    assert response["x-content-type-options"] == "nosniff"
    assert "content-security-policy" in dict(response.fields)


@pytest.mark.concurrent
def test_slow_readers_do_not_hold_it(gate: Gate) -> None:
    idle = [Connection(gate.admin) for _ in range(50)]
    try:
        assert gate.ask_admin("/healthz").status == 200
    finally:
        for connection in idle:
            connection.close()


def test_nothing_of_it_is_on_the_public_port(gate: Gate) -> None:
    for target in ("/metrics", "/healthz", "/readyz", "/"):
        response = gate.ask("GET", target, user="alice")
        assert response.status in (400, 404), target


def test_head_has_no_body(gate: Gate) -> None:
    with Connection(gate.admin) as connection:
        connection.send(b"HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        whole = connection.read_rest()
    assert whole.endswith(b"\r\n\r\n") and b"Content-Length: " in whole


def test_an_address_that_does_not_answer_holds_up_no_probe(
    make_gate: GateMaker, tmp_path: Path
) -> None:
    """A liveness probe that waits behind it would have a working gate killed."""
    with socket.create_server(("127.0.0.2", 0), backlog=0) as deaf, contextlib.ExitStack() as waiting:
        port = deaf.getsockname()[1]
        for _ in range(4):  # its queue is full
            queued = waiting.enter_context(socket.socket())
            queued.setblocking(False)
            queued.connect_ex(("127.0.0.2", port))
        gate = make_gate(f"http://127.0.0.2:{port}", POLICY, PASSWORDS, start=False)
        gate.launch()
        assert gate.process is not None
        gate.process.wait_until(lambda: "admin port on" in gate.log_text(), 10, "its start")
        started = time.monotonic()
        for _ in range(5):
            assert gate.ask_admin("/readyz").status == 503
            assert gate.ask_admin("/healthz").status == 200
        assert time.monotonic() - started < 1
