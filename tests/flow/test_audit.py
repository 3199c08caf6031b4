"""The access records in SQLite: complete, durable before the answer, chained, asked by `audit`."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import hmac
import http.server
import io
import json
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import GateMaker
from harness.client import Client
from harness.gate import Gate
from harness.images import MANIFEST, image
from harness.rawhttp import digest_of
from harness.registry import Registry

POLICY = """\
version: 1
users:
  alice: {permissions: [view, pull, push, delete]}
  viewer: {permissions: [view]}
rules:
  - {name: alice does all, who: [alice], images: ["**"], allow: [view, pull, push, delete]}
"""
PASSWORDS = {"alice": "Tr0ub4dor & secret", "viewer": "An0ther secret!"}

Item = dict[str, Any]


@pytest.fixture
def gate(make_gate: GateMaker, registry: Registry) -> Gate:
    return make_gate(registry.url, POLICY, PASSWORDS)


def audit(gate: Gate, *arguments: str) -> list[Item]:
    answer = gate.run_verb("audit", *arguments, "--format", "json")
    return json.loads(answer.stdout)["items"]


def wait_for(found: Callable[[], Any], timeout: float = 5.0) -> Any:
    deadline = time.monotonic() + timeout
    while not (result := found()):
        assert time.monotonic() < deadline, "it did not come in time"
        time.sleep(0.05)
    return result


def change_database(gate: Gate, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(gate.state / "records.db", timeout=10)) as database:
        database.execute(statement)
        database.commit()


def push(gate: Gate, name: str, tag: str, text: bytes) -> str:
    made = image({"a": text})
    with Client(gate.connect, gate.credential("alice")) as client:
        client.push(name, tag, made)
    return made.digest


def test_push_pull_and_delete_are_recorded(gate: Gate) -> None:
    digest = push(gate, "audit/app", "v1", b"recorded")
    assert gate.ask("GET", "/v2/audit/app/manifests/v1", user="alice",
                    fields=[("Accept", MANIFEST), ("User-Agent", "test/1.0")]).status == 200
    assert gate.ask("GET", "/v2/audit/app/manifests/v1", user="viewer").status == 403
    assert gate.ask("DELETE", "/v2/audit/app/manifests/v1", user="alice").status == 202
    # Durable at once.
    (deleted,) = audit(gate, "query", "--action", "delete")
    assert (deleted["user"], deleted["status"], deleted["tag"]) == ("alice", 202, "v1")
    pushed = audit(gate, "query", "--action", "push", "--image", "audit/app:v1")[0]
    assert (pushed["digest"], pushed["decision"], pushed["method"]) == (digest, "allowed", "PUT")
    assert "alice does all" in pushed["rule"]
    # Within a second.
    pulled = wait_for(lambda: [item for item in audit(gate, "query", "--user", "alice", "--action", "pull")
                               if item["user_agent"] == "test/1.0"])[0]
    assert pulled["bytes_out"] > 0 and pulled["seconds"] >= 0 and pulled["address"] == "127.0.0.1"
    assert pulled["trace"] and pulled["complete"] is True
    (denied,) = wait_for(lambda: audit(gate, "query", "--decision", "denied", "--user", "viewer"))
    assert (denied["status"], denied["code"]) == (403, "DENIED")
    assert audit(gate, "query", "--address", "127.0.0.0/8", "--since", "1h")
    assert not audit(gate, "query", "--address", "10.0.0.0/8")
    assert not audit(gate, "query", "--until", "1h")
    # As the JSON lines have it, once each.
    ids = [item["trace"] for item in audit(gate, "query") if item["trace"]]
    assert len(ids) == len(set(ids))
    assert set(ids) <= {record.get("trace") for record in gate.records()}


def test_daily_sums(gate: Gate) -> None:
    push(gate, "audit/daily", "v1", b"summed")
    for _ in range(3):
        gate.ask("GET", "/v2/audit/daily/manifests/v1", user="alice", fields=[("Accept", MANIFEST)])
    sums = wait_for(lambda: [item for item in audit(gate, "daily", "--user", "alice", "--by", "user,action")
                             if item["action"] == "pull" and item["requests"] >= 3])
    assert sums[0]["user"] == "alice" and sums[0]["bytes"] > 0


@pytest.mark.parametrize("attempt", range(5))
def test_what_was_answered_is_there_after_kill_9(gate: Gate, attempt: int) -> None:
    """Each kind of change, killed in the moment of its answer."""
    digest = push(gate, "audit/killed", f"v{attempt}", b"%d" % attempt)
    layer = b"layer of attempt %d" % attempt
    steps: list[Callable[[], None]] = [
        lambda: None,  # the PUT of the manifest
        lambda: delete(f"manifests/v{attempt}"),
        lambda: delete(f"manifests/{digest}"),
        lambda: blob("audit/killed"),
        lambda: mount("audit/mounted"),
    ]

    def delete(target: str) -> None:
        assert gate.ask("DELETE", f"/v2/audit/killed/{target}", user="alice").status == 202

    def blob(name: str) -> None:
        with Client(gate.connect, gate.credential("alice")) as client:
            client.push_blob(name, layer)

    def mount(name: str) -> None:
        blob("audit/killed")
        target = f"/v2/{name}/blobs/uploads/?mount={digest_of(layer)}&from=audit/killed"
        assert gate.ask("POST", target, user="alice").status == 201

    steps[attempt]()
    assert gate.process is not None
    gate.process.kill()
    gate.process = None
    newest = audit(gate, "query")[0]
    expected = [("PUT", 201, digest), ("DELETE", 202, ""), ("DELETE", 202, digest),
                ("PUT", 201, digest_of(layer)), ("POST", 201, digest_of(layer))][attempt]
    assert (newest["method"], newest["status"]) == expected[:2]
    if expected[2]:
        assert newest["digest"] == expected[2]
    assert gate.run_verb("audit", "verify").returncode == 0


def test_verify_names_the_row(gate: Gate) -> None:
    push(gate, "audit/verified", "v1", b"verified")
    ended = gate.run_verb("audit", "verify").stdout.decode()
    assert "the chain holds" in ended
    head = ended.split()[-1]
    assert gate.run_verb("audit", "verify", "--expect", head).returncode == 0
    assert gate.run_verb("audit", "verify", "--expect", "nonsense", check=False).returncode == 2
    rows = audit(gate, "query", "--limit", "1000")
    victim = rows[len(rows) // 2]["id"]
    change_database(gate, f"UPDATE records SET bytes_in = bytes_in + 1 WHERE id = {victim}")
    wrong = gate.run_verb("audit", "verify", check=False)
    assert wrong.returncode == 1 and f"row {victim} was changed" in wrong.stdout.decode()
    change_database(gate, f"UPDATE records SET bytes_in = bytes_in - 1 WHERE id = {victim}")
    assert gate.run_verb("audit", "verify").returncode == 0
    change_database(gate, f"DELETE FROM records WHERE id = {victim}")
    wrong = gate.run_verb("audit", "verify", check=False)
    assert wrong.returncode == 1 and f"row {victim} was removed" in wrong.stdout.decode()


def test_export_streams_everything(gate: Gate) -> None:
    with gate.connect() as connection:
        for number in range(1200):
            connection.request("GET", f"/v2/x/manifests/n{number}", [gate.credential("alice")])
    gate.ask("GET", "/v2/x/manifests/odd", user="alice", fields=[("User-Agent", 'a "quoted", one')])
    wait_for(lambda: len(audit(gate, "query", "--limit", "2000")) == 1201)
    lines = gate.run_verb("audit", "export").stdout.decode().splitlines()
    items = [json.loads(line) for line in lines]
    assert len(items) == 1201 and len({item["id"] for item in items}) == 1201
    assert gate.run_verb("audit", "export", "--format", "jsonl").stdout.decode().splitlines() == lines
    text = gate.run_verb("audit", "export", "--format", "csv", "--user", "alice").stdout.decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 1201
    assert rows[0]["user_agent"] == 'a "quoted", one'
    assert {row["reference"] for row in rows} >= {f"n{number}" for number in range(1200)}


@pytest.mark.parametrize("arguments", [
    ("query", "--since", "yesterday"), ("query", "--decision", "maybe"), ("query", "--limit", "0"),
    ("query", "--address", "10.0.0.1/8"), ("daily", "--by", "colour"), ("export", "--format", "xml"),
])
def test_what_cannot_be_asked_is_wrong_usage(gate: Gate, arguments: tuple[str, ...]) -> None:
    answer = gate.run_verb("audit", *arguments, check=False)
    assert answer.returncode == 2 and answer.stderr and not answer.stdout


def test_a_flood_of_401_is_few_rows(gate: Gate) -> None:
    flood = 400
    with gate.connect() as connection:
        for _ in range(flood):
            assert connection.request("GET", "/v2/").status == 401
    gate.stop()
    refused = [item for item in audit(gate, "query", "--limit", "1000") if item["status"] == 401]
    assert len(refused) < flood / 2
    assert sum(item["requests"] for item in refused) == flood


def test_no_secret_is_in_the_database(gate: Gate) -> None:
    gate.ask("GET", "/v2/", user="alice")
    gate.ask("GET", "/v2/", user="alice", password="wrong secret word")
    push(gate, "audit/secret", "v1", b"x")
    gate.stop()
    raw = b"".join(file.read_bytes() for file in gate.state.glob("records.db*"))
    for secret in [*PASSWORDS.values(), "wrong secret word", gate.credential("alice")[1].split()[1]]:
        assert secret.encode() not in raw


def test_the_file_is_not_for_everybody(gate: Gate) -> None:
    for file in gate.state.glob("records.db*"):
        assert file.stat().st_mode & 0o007 == 0


class Receiver(http.server.ThreadingHTTPServer):
    """Takes what a webhook sends; the first `refusals` requests get 500."""

    def __init__(self, refusals: int = 0) -> None:
        self.refusals = refusals
        self.received: list[tuple[dict[str, str], bytes]] = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(handler) -> None:  # noqa: N805
                body = handler.rfile.read(int(handler.headers["Content-Length"]))
                self.received.append((dict(handler.headers), body))
                handler.send_response(500 if len(self.received) <= self.refusals else 204)
                handler.send_header("Content-Length", "0")
                handler.end_headers()

            def log_message(handler, *_: object) -> None:  # noqa: N805
                pass

        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook?token=in-the-address"


@contextlib.contextmanager
def receiver(refusals: int = 0) -> Iterator[Receiver]:
    with Receiver(refusals) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_anomalies_are_listed_and_sent(make_gate: GateMaker, registry: Registry, tmp_path: Path) -> None:
    secret = tmp_path / "hook.secret"
    secret.write_text("shared with the receiver\n")
    with receiver(refusals=1) as server:
        gate = make_gate(registry.url, POLICY, PASSWORDS, settings={"records": {
            "webhook": {"url": server.url, "secret_file": str(secret)},
            "anomalies": {"failed_logins": {"by_address": 5, "by_account": 3, "within": "10m"}}}})
        for number in range(5):
            gate.ask("GET", "/v2/", user="alice" if number < 3 else f"guess{number}", password="wrong")
        found = wait_for(lambda: {item["kind"]: item for item in audit(gate, "anomalies")}
                         if len(audit(gate, "anomalies")) == 2 else None)
        assert found["failed_logins_of_account"]["user"] == "alice"
        assert found["failed_logins_of_address"]["address"] == "127.0.0.1"
        # Again after the first was refused.
        wait_for(lambda: len(server.received) == 3, 15)
        sent = [json.loads(body) for _, body in server.received]
        assert sent[0] == sent[1]
        assert {item["kind"] for item in sent} == set(found)
        for fields, body in server.received:
            expected = hmac.new(b"shared with the receiver", body, hashlib.sha256).hexdigest()
            assert fields["X-Layergate-Signature"] == "sha256=" + expected
        log = gate.log_text()
        assert "failed_logins_of_account" in log
        assert "shared with" not in log and "in-the-address" not in log


def test_a_pull_from_a_new_network(make_gate: GateMaker, registry: Registry) -> None:
    gate = make_gate(registry.url, POLICY, PASSWORDS, listen={"trusted_proxies": ["127.0.0.1/32"]})
    push(gate, "audit/network", "v1", b"network")

    def pull_from(address: str) -> None:
        fields = [("Accept", MANIFEST), ("X-Forwarded-For", address)]
        assert gate.ask("GET", "/v2/audit/network/manifests/v1", user="alice", fields=fields).status == 200

    pull_from("192.0.2.1")
    pull_from("192.0.2.77")
    pull_from("198.51.100.1")
    (found,) = wait_for(lambda: audit(gate, "anomalies"))
    assert (found["kind"], found["user"], found["address"]) == ("new_network", "alice", "198.51.100.1")


@pytest.mark.parametrize("required", [True, False])
def test_a_full_disk(make_gate: GateMaker, registry: Registry, tmp_path: Path, required: bool) -> None:
    """No push without a record, unless asked for; pulls go on; it is said; and it ends by itself."""
    gate = make_gate(registry.url, POLICY, PASSWORDS, settings={"records": {"required": required}})
    name = f"audit/full-{required}".lower()
    push(gate, name, "v1", b"before")
    change_database(gate, "CREATE TRIGGER full BEFORE INSERT ON records BEGIN "
                          "SELECT RAISE(ABORT, 'database or disk is full'); END")
    pull = lambda: gate.ask("GET", f"/v2/{name}/manifests/v1", user="alice",  # noqa: E731
                            fields=[("Accept", MANIFEST)])
    assert pull().status == 200
    wait_for(lambda: gate.metrics()["layergate_records_failed"] == 1)
    state = json.loads(gate.ask_admin("/readyz").body)
    assert "disk is full" in state["records"]["problem"] and state["ready"]
    assert "records.db cannot be written" in gate.log_text()
    assert pull().status == 200
    refused = gate.ask("POST", f"/v2/{name}/blobs/uploads/", user="alice")
    removed = gate.ask("DELETE", f"/v2/{name}/manifests/v1", user="alice")
    if required:
        assert (refused.status, removed.status) == (503, 503)
        assert b"access records" in refused.body and b"disk is full" not in refused.body
    else:
        assert (refused.status, removed.status) == (202, 202)
    change_database(gate, "DROP TRIGGER full")
    wait_for(lambda: gate.metrics()["layergate_records_failed"] == 0)
    push(gate, name, "v2", b"after")
    # Nothing of the time between is missing.
    items = audit(gate, "query", "--image", name)
    assert sum(item["action"] == "pull" and item["status"] == 200 for item in items) == 2
    assert any(item["method"] == "DELETE" and item["status"] == (503 if required else 202)
               for item in items)
    assert gate.run_verb("audit", "verify").returncode == 0


def test_the_first_change_that_cannot_be_recorded_is_not_confirmed(gate: Gate) -> None:
    push(gate, "audit/first", "v1", b"first")
    change_database(gate, "CREATE TRIGGER full BEFORE INSERT ON records BEGIN "
                          "SELECT RAISE(ABORT, 'database or disk is full'); END")
    answer = gate.ask("DELETE", "/v2/audit/first/manifests/v1", user="alice")
    assert answer.status == 503 and b"cannot be put on record" in answer.body
    change_database(gate, "DROP TRIGGER full")
    wait_for(lambda: audit(gate, "query", "--action", "delete", "--image", "audit/first:v1"))


def test_records_survive_a_restart_and_end_with_the_last_request(gate: Gate) -> None:
    gate.ask("GET", "/v2/x/manifests/first", user="alice")
    gate.signal(signal.SIGTERM)
    gate.stop()
    assert [item["reference"] for item in audit(gate, "query")] == ["first"]
    gate.start()
    gate.ask("GET", "/v2/x/manifests/second", user="alice")
    gate.stop()
    assert [item["reference"] for item in audit(gate, "query")][:2] == ["second", "first"]
    assert gate.run_verb("audit", "verify").returncode == 0


def test_a_database_of_another_program_stops_the_start(make_gate: GateMaker, registry: Registry) -> None:
    gate = make_gate(registry.url, POLICY, PASSWORDS, start=False)
    gate.state.mkdir()
    with contextlib.closing(sqlite3.connect(gate.state / "records.db")) as other:
        other.execute("CREATE TABLE theirs(x)")
        other.commit()
    gate.launch()
    assert gate.process is not None
    assert gate.process.wait(10) == 4
    assert "records.db" in gate.log_text()
    gate.process = None
