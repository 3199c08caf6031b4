"""The access records: one JSON line a request, complete, and safe to read."""

from __future__ import annotations

import base64
import json
import signal
import socket
import struct
import threading
import time
from datetime import datetime, timedelta, timezone

import pytest

from conftest import GateMaker
from harness.client import Client
from harness.gate import Gate
from harness.images import MANIFEST, image
from harness.rawhttp import digest_of, head
from harness.registry import Registry
from harness.upstream import RecordingUpstream, Request

POLICY = """\
version: 1
users:
  alice: {permissions: [view, pull, push, delete]}
  viewer: {permissions: [view]}
rules:
  - name: alice does all
    who: [alice]
    images: ["**"]
    allow: [view, pull, push, delete]
"""
PASSWORDS = {"alice": "Tr0ub4dor & secret", "viewer": "An0ther secret!"}
KEYS = {
    "time", "trace", "user", "address", "method", "action", "repository", "reference", "digest", "tag",
    "status", "code", "bytes_in", "bytes_out", "seconds", "decision", "complete", "reason", "rule", "user_agent",
}


@pytest.fixture
def gate(make_gate: GateMaker, registry: Registry) -> Gate:
    return make_gate(registry.url, POLICY, PASSWORDS)


def test_a_record_is_complete(gate: Gate) -> None:
    made = image({"a": b"recorded"})
    with Client(gate.connect, gate.credential("alice")) as client:
        client.push("team/app", "v1", made)
    asked = datetime.now(timezone.utc)
    gate.ask("GET", "/v2/team/app/manifests/v1", user="alice",
             fields=[("Accept", MANIFEST), ("User-Agent", "test/1.0")])
    record = gate.wait_record(lambda r: r["user_agent"] == "test/1.0")
    assert set(record) == KEYS
    assert abs(datetime.fromisoformat(record["time"].replace("Z", "+00:00")) - asked) < timedelta(seconds=5)
    assert record["time"].endswith("Z")
    assert record["trace"]
    expected = {
        "user": "alice", "address": "127.0.0.1", "method": "GET", "action": "pull",
        "repository": "team/app", "reference": "v1", "digest": made.digest, "tag": "v1",
        "status": 200, "decision": "allowed",
    }
    assert {key: record[key] for key in expected} == expected
    assert not record["code"]
    assert record["bytes_out"] == len(made.manifest)
    assert record["bytes_in"] == 0
    assert 0 <= record["seconds"] < 5
    assert "alice does all" in record["rule"]


def test_a_record_names_the_tag_that_opened_a_digest(gate: Gate) -> None:
    made = image({"a": b"opened by its tag"})
    with Client(gate.connect, gate.credential("alice")) as client:
        client.push("team/opened", "v1", made)
        for target in (f"manifests/{made.digest}", f"blobs/{digest_of(made.layers[0])}"):
            client.expect(200, "GET", f"/v2/team/opened/{target}", [("User-Agent", "pull/1.0")])
        client.expect(404, "GET", f"/v2/team/opened/blobs/{digest_of(b'absent')}")
    absent = gate.wait_record(lambda r: r["reference"] == digest_of(b"absent"))
    assert (absent["decision"], absent["status"], absent["code"], absent["tag"]) == (
        "denied", 404, "BLOB_UNKNOWN", "")
    opened = [r for r in gate.records() if r["user_agent"] == "pull/1.0"]
    assert [(r["digest"], r["tag"]) for r in opened] == [
        (made.digest, "v1"), (digest_of(made.layers[0]), "v1")]
    assert all("alice does all" in r["rule"] for r in opened)
    pushed = gate.wait_record(lambda r: r["method"] == "PUT" and r["reference"] == "v1")
    assert (pushed["digest"], pushed["status"]) == (made.digest, 201)
    assert pushed["bytes_in"] == len(made.manifest)


def test_each_request_has_one_record_and_a_trace_of_its_own(gate: Gate) -> None:
    with gate.connect() as connection:
        for number in range(30):
            connection.request("GET", f"/v2/x/manifests/n{number}", [gate.credential("alice")])
    gate.wait_record(lambda r: r["reference"] == "n29")
    records = [r for r in gate.records() if (r["reference"] or "").startswith("n")]
    assert [r["reference"] for r in records] == [f"n{number}" for number in range(30)]
    assert len({r["trace"] for r in records}) == 30


def test_bytes_of_bodies_are_counted(gate: Gate) -> None:
    data = b"counted " * 10_000
    with Client(gate.connect, gate.credential("alice")) as client:
        digest = client.push_blob("team/app", data)
        client.expect(200, "GET", f"/v2/team/app/blobs/{digest}")
    put = gate.wait_record(lambda r: r["method"] == "PUT")
    assert (put["action"], put["bytes_in"], put["digest"]) == ("push", len(data), digest)
    got = gate.wait_record(lambda r: r["method"] == "GET" and r["digest"] == digest)
    assert (got["action"], got["bytes_out"], got["status"]) == ("pull", len(data), 200)


def test_a_client_that_leaves_is_recorded_with_what_it_got(gate: Gate) -> None:
    data = b"left alone " * 2_000_000
    with Client(gate.connect, gate.credential("alice")) as client:
        digest = client.push_blob("team/app", data)
    with gate.connect() as connection:
        connection.send(head("GET", f"/v2/team/app/blobs/{digest}", [gate.credential("alice")]))
        connection.read_head()
    record = gate.wait_record(lambda r: r["method"] == "GET" and r["digest"] == digest)
    assert 0 <= record["bytes_out"] < len(data)


@pytest.mark.parametrize("agent", [
    b'quote " backslash \\ slash /', b'"}\\u0000{"user":"root', b"tab\there", b"\xff\xfe not UTF-8",
    b"\xc3\xa9 UTF-8", b"\xe2\x80\xa8 line separator", b"\xed\xa0\x80 surrogate", b"%0a%0d {}",
    b"x" * 10_000,
])
def test_hostile_text_is_escaped_and_capped(gate: Gate, agent: bytes) -> None:
    name, value = gate.credential("alice")
    with gate.connect() as connection:
        connection.send(b"GET /v2/hostile/manifests/x HTTP/1.1\r\nHost: r\r\n" + name.encode() + b": "
                        + value.encode() + b"\r\nUser-Agent: " + agent + b"\r\n\r\n")
        assert connection.read_response().status == 404
    record = gate.wait_record(lambda r: r["repository"] == "hostile")
    assert set(record) == KEYS and record["user"] == "alice"
    assert len(record["user_agent"]) <= 1024
    raw = (gate.state / "access.log").read_bytes()
    raw.decode("utf-8")
    assert all(byte >= 0x20 or byte == 0x0A for byte in raw)
    assert len(raw.splitlines()) == len(raw.decode().split("\n")) - 1


@pytest.mark.parametrize("user", ['a"b', "a\\b", "a b", "{}", "ü", "x" * 255])
def test_a_hostile_user_name(gate: Gate, user: str) -> None:
    assert gate.ask("GET", "/v2/hostile/manifests/y", user=user, password="x").status == 401
    record = gate.wait_record(lambda r: r["reference"] == "y")
    assert record["decision"] == "denied" and record["status"] == 401
    assert record["user"] in (user, "", None) or user.startswith(record["user"])


def test_what_is_malformed_is_recorded_too(gate: Gate) -> None:
    with gate.connect() as connection:
        connection.send(b"GET / HTTP/1.1\nHost: x\n\n")
        assert connection.read_response().status == 400
    record = gate.wait_record(lambda r: r["status"] == 400)
    assert set(record) == KEYS
    assert record["decision"] == "denied" and not record["user"]


def test_no_log_holds_a_secret(gate: Gate) -> None:
    wrong = "n0t the passw0rd"
    for user, password in [("alice", None), ("alice", wrong), (wrong, wrong)]:
        gate.ask("GET", "/v2/x/manifests/y", user=user, password=password)
    credential = gate.credential("alice")[1]
    # A head that is refused, and a target and a field that carry the secret to where it is not
    # expected.
    with gate.connect() as connection:
        connection.send(f"GET / HTTP/1.1\r\nAuthorization: {credential}\r\n\r\n".encode())
        connection.read_response()
    gate.ask("GET", "/v2/", fields=[("Authorization", "Bearer " + wrong)])
    hashes = (gate.config / "htpasswd").read_text()
    gate.write_passwords({**PASSWORDS, "new": "N3w secret word"})
    gate.wait_record(lambda r: r["method"] == "GET")
    gate.stop()
    logs = b"".join(file.read_bytes() for file in [gate.root / "gate.log", *gate.state.rglob("*")]
                    if file.is_file())
    secrets = [*PASSWORDS.values(), credential.removeprefix("Basic "), "N3w secret word"]
    secrets += [base64.b64encode(text.encode()).decode().rstrip("=")
                for text in (f"alice:{wrong}", f"{wrong}:{wrong}")]
    secrets += [line.partition(":")[2] for line in hashes.split()]
    for secret in secrets:
        assert secret.encode() not in logs, secret


def test_a_flood_of_401_is_summarised(gate: Gate) -> None:
    """Each would be a durable line for a cheap request."""
    flood = 600
    for _ in range(flood // 100):
        with gate.connect() as connection:
            for _ in range(100):
                assert connection.request("GET", "/v2/").status == 401
    assert gate.ask("GET", "/v2/x/manifests/after", user="alice").status == 404
    gate.wait_record(lambda r: r.get("reference") == "after")
    gate.stop()
    records = gate.records()
    refused = [record for record in records if record["status"] == 401]
    assert len(refused) < flood / 2
    # Nothing is lost: the lines that stand for many say for how many.
    assert sum(int(record.get("count", 1)) for record in refused) == flood


@pytest.mark.concurrent
def test_everything_is_written_at_exit(gate: Gate) -> None:
    with gate.connect() as connection:
        for number in range(200):
            connection.request("GET", f"/v2/x/manifests/e{number}", [gate.credential("alice")])
    gate.signal(signal.SIGTERM)
    gate.stop()
    lines = (gate.state / "access.log").read_bytes().splitlines()
    records = [json.loads(line) for line in lines]
    assert sum((r["reference"] or "").startswith("e") for r in records) == 200


def test_the_file_is_not_for_everybody(gate: Gate) -> None:
    gate.ask("GET", "/v2/", user="alice")
    gate.wait_record(lambda r: r["user"] == "alice")
    assert (gate.state / "access.log").stat().st_mode & 0o007 == 0


def test_a_record_goes_on_in_the_same_file_after_a_restart(gate: Gate) -> None:
    gate.ask("GET", "/v2/x/manifests/first", user="alice")
    gate.stop()
    gate.start()
    gate.ask("GET", "/v2/x/manifests/second", user="alice")
    gate.wait_record(lambda r: r["reference"] == "second")
    assert [r for r in gate.records() if r["reference"] == "first"]


@pytest.mark.parametrize("request_", [b"GET /zzz HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01"],
                         ids=["no path of the API", "TLS"])
def test_a_flood_without_a_credential_is_summarised(gate: Gate, request_: bytes) -> None:
    """Or anybody could push what others did out of the files."""
    for _ in range(300):
        with gate.connect() as connection:
            connection.send(request_)
            connection.read_response()
    gate.stop()
    records = [record for record in gate.records() if record["status"] in (400, 404)]
    assert len(records) < 100
    assert sum(int(record.get("count", 1)) for record in records) == 300


def test_what_is_cut_off_at_the_end_is_recorded(make_gate: GateMaker) -> None:
    waiting = threading.Event()

    def hang(_: Request, peer: socket.socket) -> None:
        waiting.set()
        peer.recv(1)

    with RecordingUpstream(hang) as upstream:
        upstream.holds.add("x", "cut", image())
        gate = make_gate(upstream.url, POLICY, PASSWORDS, settings={"cache": {"manifests": 0}})
        with gate.connect() as connection:
            connection.send(head("GET", "/v2/x/manifests/cut", [gate.credential("alice")]))
            assert waiting.wait(5)
            gate.signal(signal.SIGTERM)
            time.sleep(0.3)
            gate.signal(signal.SIGTERM)
            gate.stop()
    record = [record for record in gate.records() if record.get("reference") == "cut"][-1]
    assert not record["complete"] and record["reason"] == "proxy ended"


def test_what_the_policy_allowed_stays_allowed_when_the_registry_fails(make_gate: GateMaker) -> None:
    with RecordingUpstream(lambda *_: None) as upstream:
        upstream.holds.add("x", "v1", image())
        gate = make_gate(upstream.url, POLICY, PASSWORDS, settings={"cache": {"manifests": 0}})
        assert gate.ask("GET", "/v2/x/manifests/v1", user="alice").status == 502
    record = gate.wait_record(lambda r: r["status"] == 502)
    assert (record["decision"], record["reason"]) == ("allowed", "registry failed")
    assert "alice does all" in record["rule"]


def test_a_refusal_whose_reader_has_left_keeps_its_reason(gate: Gate) -> None:
    for number in range(20):
        with gate.connect() as connection:
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.send(head("GET", f"/v2/x/manifests/left{number}", [gate.credential("viewer")]))
    gate.wait_record(lambda r: r["reference"] == "left19")
    reasons = {r["reason"] for r in gate.records() if (r["reference"] or "").startswith("left")}
    assert reasons == {"permission"}


def test_a_forwarded_address_that_is_none_is_recorded_as_its_sender(
    make_gate: GateMaker, registry: Registry
) -> None:
    gate = make_gate(registry.url, POLICY, PASSWORDS, listen={"trusted_proxies": ["127.0.0.1/32"]})
    assert gate.ask("GET", "/v2/", fields=[("X-Forwarded-For", "1.2.3.4:555")]).status == 400
    assert gate.wait_record(lambda r: r["status"] == 400)["address"] == "127.0.0.1"
