"""Blobs that the proxy writes into the registry's files (upstream.storage_mode: write): the answers are
those of the registry, a registry takes what was written for its own, and nothing that goes wrong leaves
bytes under a digest which is not theirs.

The rest of the suite runs over it too: LAYERGATE_STORAGE=write (CONTRIBUTING.md).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import re
import secrets
import shutil
import socket
import stat
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import GateMaker
from harness.certificates import Authority
from harness.client import Client, error_code, with_query
from harness.gate import Gate
from harness.images import image, write_layout
from harness.managed import wait_for
from harness.process import run
from harness.rawhttp import Connection, Fields, Response, chunked, digest_of, head
from harness.registry import V2, Registry
from harness.waiting import wait

POLICY = """\
version: 1
users:
  owner: {permissions: [view, pull, push, delete]}
  other: {permissions: [view, pull, push]}
rules:
  - {who: [owner], images: ["**"], allow: [view, pull, push, delete]}
  - {who: [other], images: ["team/a:*", "team/other:*"], allow: [view, pull, push]}
"""
PASSWORDS = {"owner": "0wner Passw0rd!", "other": "0ther Passw0rd!"}
MIB = 1 << 20
EMPTY = digest_of(b"")


def writing(root: Path) -> dict[str, dict[str, str]]:
    return {"upstream": {"storage": str(root), "storage_mode": "write", "storage_verify": "off"}}


@pytest.fixture(scope="module")
def gate(make_module_gate: GateMaker, registry: Registry) -> Gate:
    return make_module_gate(registry.url, POLICY, PASSWORDS, settings=writing(registry.storage))


@pytest.fixture
def owner(gate: Gate) -> Iterator[Client]:
    with Client(gate.connect, gate.credential("owner")) as client:
        yield client


@pytest.fixture
def own_registry(tmp_path: Path) -> Iterator[Registry]:
    """For tests that stop it, or fill its disk."""
    with Registry(tmp_path / "registry") as started:
        yield started


@pytest.fixture
def own_gate(make_gate: GateMaker, own_registry: Registry) -> Gate:
    return make_gate(own_registry.url, POLICY, PASSWORDS, settings=writing(own_registry.storage))


def partial(registry: Registry) -> list[Path]:
    """The uploads that are not whole."""
    return sorted((registry.storage / "layergate/uploads").iterdir())


def counter(gate: Gate, name: str) -> int:
    return int(gate.metrics()[f"layergate_storage_{name}"])


def held(registry: Registry, name: str, digest: str) -> bytes | None:
    """What the registry itself sends, asked around the gate."""
    with registry.connect() as connection:
        response = connection.request("GET", f"/v2/{name}/blobs/{digest}")
    return response.body if response.status == 200 else None


def blobs_are_right(registry: Registry) -> int:
    """How many blobs there are; each has the bytes of its digest."""
    files = list((registry.storage / V2 / "blobs/sha256").glob("*/*/data"))
    for file in files:
        assert hashlib.sha256(file.read_bytes()).hexdigest() == file.parent.name
    return len(files)


def test_what_was_written_here_is_not_read_again_before_it_is_served(
        make_gate: GateMaker, own_registry: Registry) -> None:
    settings = writing(own_registry.storage)
    settings["upstream"]["storage_verify"] = "first"
    gate = make_gate(own_registry.url, POLICY, PASSWORDS, settings=settings)
    with Client(gate.connect, gate.credential("owner")) as client:
        made = image()
        client.push("team/a", "1", made)
        before = counter(gate, "served_total")
        for data in made.blobs:
            answer = client.ask("GET", f"/v2/team/a/blobs/{digest_of(data)}")
            assert (answer.status, answer.body) == (200, data)
    wait_for(before + len(made.blobs), lambda: counter(gate, "served_total"), "all from files")
    assert sum(value for name, value in gate.metrics().items() if "unverified" in name) == 0


# --- the same answers ---


def scenario(gate: Gate) -> list[tuple[Any, ...]]:
    """Everything that can be asked of an upload, and what was answered: by name, status, fields and
    code, without what is another one each time."""
    data, other = random.Random(2).randbytes(1000), random.Random(3).randbytes(500)
    digest = digest_of(data)
    sha512 = "sha512:" + hashlib.sha512(data).hexdigest()
    seen: list[tuple[Any, ...]] = []
    with Client(gate.connect, gate.credential("owner")) as client:

        def note(name: str, response: Response) -> Response:
            fields = {}
            for key, value in response.fields:
                if key in ("date", "x-request-id", "connection"):
                    continue
                if key == "docker-upload-uuid":
                    assert re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", value)
                    value = "UUID"
                if key == "location" and "/uploads/" in value:
                    assert re.fullmatch(r"/v2/[a-z/]+/blobs/uploads/[0-9a-f-]{36}\?.+", value)
                    value = value.partition("uploads/")[0]
                fields[key] = value
            code = ""
            if response.status >= 400 and response.body:
                code = error_code(response)
                del fields["content-length"], fields["content-type"]
            seen.append((name, response.status, sorted(fields.items()), code))
            return response

        def ask(name: str, method: str, target: str, body: bytes = b"", fields: Fields = ()) -> str:
            response = note(name, client.ask(method, target, fields, body))
            return response.get("location") or target

        def begin() -> str:
            return client.open_upload("team/a")

        at = ask("begin", "POST", "/v2/team/a/blobs/uploads/")
        at = ask("status of nothing", "GET", at)
        at = ask("first bytes", "PATCH", at, data[:400])
        at = ask("status", "GET", at)
        at = ask("a range", "PATCH", at, data[400:700], [("Content-Range", "400-699")])
        ask("out of order", "PATCH", at, data[800:], [("Content-Range", "800-999")])
        ask("the last of them again", "PATCH", at, data[400:700], [("Content-Range", "400-699")])
        ask("no range", "PATCH", at, data[700:], [("Content-Range", "x")])
        ask("no digest", "PUT", at, data[700:])
        ask("a bad digest", "PUT", with_query(at, digest="sha256:x"))
        at = ask("bytes", "PATCH", begin(), data[:400])
        ask("the end with bytes", "PUT", with_query(at, digest=digest), data[400:])
        ask("status afterwards", "GET", at)
        ask("the end again", "PUT", with_query(at, digest=digest))
        ask("bytes afterwards", "PATCH", at, data)
        at = ask("all at once in PATCH", "PATCH", begin(), data)
        ask("the end without bytes", "PUT", with_query(at, digest=digest))
        ask("all at once in PUT", "PUT", with_query(begin(), digest=digest_of(other)), other)
        ask("other bytes", "PUT", with_query(begin(), digest=digest_of(b"x")), other)
        ask("nothing", "PUT", with_query(begin(), digest=EMPTY))
        ask("no byte of something", "PUT", with_query(begin(), digest=digest))
        at = ask("an empty chunk", "PATCH", begin())
        ask("a cancel", "DELETE", at)
        ask("a cancel again", "DELETE", at)
        ask("status of a cancelled one", "GET", at)
        ask("sha512", "PUT", with_query(begin(), digest=sha512), data)
        ask("HEAD of it", "HEAD", f"/v2/team/a/blobs/{sha512}")
        ask("HEAD by sha256", "HEAD", f"/v2/team/a/blobs/{digest}")
        ask("another sha512", "PUT", with_query(begin(), digest="sha512:" + "0" * 128), data)
        mount = "/v2/team/b/blobs/uploads/?from=team/a&mount="
        ask("a mount", "POST", mount + digest)
        ask("HEAD of it", "HEAD", f"/v2/team/b/blobs/{digest}")
        ask("a mount of a sha512", "POST", mount + sha512)
        ask("HEAD of it", "HEAD", f"/v2/team/b/blobs/{sha512}")
        ask("a mount of nothing", "POST", mount + digest_of(b"nothing"))
        ask("a mount from nowhere", "POST", f"/v2/team/b/blobs/uploads/?mount={digest}")
        ask("a mount from elsewhere", "POST", f"/v2/team/b/blobs/uploads/?mount={digest}&from=no/where")
        ask("all in POST", "POST", f"/v2/team/c/blobs/uploads/?digest={digest}", data)
        ask("all in POST without bytes", "POST", f"/v2/team/c/blobs/uploads/?digest={digest}")
        ask("HEAD of an upload", "HEAD", begin())
        ask("an upload of nobody", "GET", begin().partition("?")[0])
        ask("a malformed field", "PATCH", begin(), b"x", [("Accept", "x")])
        with gate.connect() as connection:
            fields = [gate.credential("owner"), ("Transfer-Encoding", "chunked")]
            connection.send(head("PATCH", begin(), fields) + chunked([data[:1], data[1:]]))
            at = note("chunked", connection.read_response())["location"]
            connection.send(head("PUT", with_query(at, digest=digest), fields) + chunked([]))
            note("the end with a chunked nothing", connection.read_response())
            connection.send(head("PATCH", begin(), fields) + b"5\r\nhelloXX")
            note("broken coding", connection.read_response())
        with gate.connect() as connection:
            fields = [gate.credential("owner"), ("Content-Length", "5"), ("Expect", "100-continue")]
            connection.send(head("PATCH", begin(), fields))
            assert connection.read_interim() == 100
            connection.send(b"hello")
            note("asked before", connection.read_response())
    return seen


def test_the_answers_are_those_of_the_registry(make_gate: GateMaker, tmp_path: Path) -> None:
    with Registry(tmp_path / "one") as one, Registry(tmp_path / "two") as two:
        through = make_gate(one.url, POLICY, PASSWORDS, settings={
            "upstream": {"storage": str(one.storage), "storage_mode": "read", "storage_verify": "off"}})
        to_disk = make_gate(two.url, POLICY, PASSWORDS, settings=writing(two.storage))
        for theirs, ours in zip(scenario(through), scenario(to_disk), strict=True):
            # An upload that has ended with other bytes is known to the registry to have been one, or not.
            assert ours == theirs
        assert counter(to_disk, "uploads_finished_total") == 6
        # What came by POST with a body went through the registry.
        assert len(list((two.storage / V2 / "repositories").rglob("_uploads/*"))) == 1


# --- a registry takes it for its own ---


class TestForTheRegistry:
    def test_it_serves_what_was_pushed(self, gate: Gate, registry: Registry, owner: Client) -> None:
        made = image({"weights": secrets.token_bytes(300_000)})
        finished = counter(gate, "uploads_finished_total")
        owner.push("team/a", "v1", made)
        assert counter(gate, "uploads_finished_total") == finished + len(made.blobs)
        for data in made.blobs:
            assert held(registry, "team/a", digest_of(data)) == data
        with registry.connect() as connection:
            tags = connection.request("GET", "/v2/team/a/tags/list")
            assert json.loads(tags.body)["tags"] == ["v1"]
            names = json.loads(connection.request("GET", "/v2/_catalog").body)["repositories"]
            assert names == sorted(names) and "team/a" in names
            assert all(name.startswith("team/") for name in names)

    def test_as_the_registry_writes_it(self, registry: Registry, owner: Client) -> None:
        """Modes and owners are those of the directories that hold it, whatever our umask is."""
        data = secrets.token_bytes(1000)
        digest = owner.push_blob("team/modes", data)
        for file in (registry.file_of(digest), registry.link_of("team/modes", digest)):
            assert stat.S_IMODE(file.stat().st_mode) == 0o644
            assert stat.S_IMODE(file.parent.stat().st_mode) == 0o755
        assert registry.link_of("team/modes", digest).read_text() == digest
        assert partial(registry) == []

    def test_a_mount_writes_the_link_alone(self, gate: Gate, registry: Registry, owner: Client) -> None:
        data = secrets.token_bytes(1000)
        digest = owner.push_blob("team/a", data)
        mounts = counter(gate, "mounts_total")
        owner.expect(201, "POST", f"/v2/team/mounted/blobs/uploads/?mount={digest}&from=team/a")
        assert counter(gate, "mounts_total") == mounts + 1
        assert held(registry, "team/mounted", digest) == data
        assert registry.file_of(digest).stat().st_nlink == 1

    def test_a_mount_whose_source_may_not_be_read(self, gate: Gate, registry: Registry,
                                                  owner: Client) -> None:
        """It is there, but not for this account: an ordinary upload, as if it were not."""
        digest = owner.push_blob("team/secret", secrets.token_bytes(1000))
        response = gate.ask("POST", f"/v2/team/other/blobs/uploads/?mount={digest}&from=team/secret",
                            user="other")
        assert response.status == 202
        assert not registry.link_of("team/other", digest).exists()

    def test_a_mount_in_doubt_is_the_registrys(self, gate: Gate, registry: Registry,
                                               owner: Client) -> None:
        digest = owner.push_blob("team/a", secrets.token_bytes(1000))
        registry.link_of("team/a", digest).write_text("sha256:x")
        mounts = counter(gate, "mounts_total")
        owner.ask("POST", f"/v2/team/doubt/blobs/uploads/?mount={digest}&from=team/a")
        assert counter(gate, "mounts_total") == mounts

    def test_it_deletes_and_collects_it(self, own_gate: Gate, own_registry: Registry) -> None:
        kept, gone = (image({"weights": secrets.token_bytes(5000)}) for _ in range(2))
        with Client(own_gate.connect, own_gate.credential("owner")) as owner:
            owner.push("team/a", "kept", kept)
            owner.push("team/a", "gone", gone)
            unnamed = owner.push_blob("team/a", secrets.token_bytes(1000))
            half = owner.open_upload("team/a")
            half = owner.expect(202, "PATCH", half, body=b"half")["location"]
            owner.expect(202, "DELETE", f"/v2/team/a/blobs/{digest_of(gone.layers[0])}")
            owner.expect(202, "DELETE", f"/v2/team/a/manifests/{gone.digest}")
            own_registry.collect_garbage()
            for digest in (digest_of(gone.layers[0]), unnamed):
                assert not own_registry.file_of(digest).exists()
            for data in kept.blobs:
                assert held(own_registry, "team/a", digest_of(data)) == data
            # What it has collected can be pushed again, and what was half there goes on.
            owner.push("team/a", "gone", gone)
            owner.expect(201, "PUT", with_query(half, digest=digest_of(b"half and half")), body=b" and half")
        for data in gone.blobs:
            assert held(own_registry, "team/a", digest_of(data)) == data
        assert held(own_registry, "team/a", digest_of(b"half and half")) == b"half and half"

    def test_a_registry_to_which_nobody_has_pushed(self, own_gate: Gate, own_registry: Registry) -> None:
        data = secrets.token_bytes(1000)
        with Client(own_gate.connect, own_gate.credential("owner")) as owner:
            digest = owner.push_blob("team/first", data)
        assert held(own_registry, "team/first", digest) == data
        own_gate.stop()
        own_gate.start()  # there are blobs and repositories, as it has to be
        assert own_gate.ask("GET", f"/v2/team/first/blobs/{digest}", user="owner").body == data

    def test_an_upload_that_the_registry_began(self, make_gate: GateMaker, own_registry: Registry) -> None:
        """Before the mode was switched on."""
        plain = make_gate(own_registry.url, POLICY, PASSWORDS, settings={
            "upstream": {"storage": str(own_registry.storage), "storage_mode": "read"}})
        data = secrets.token_bytes(1000)
        with Client(plain.connect, plain.credential("owner")) as owner:
            at = owner.expect(202, "PATCH", owner.open_upload("team/a"), body=data[:500])["location"]
        plain.stop()
        text = (plain.config / "layergate.yml").read_text()
        (plain.config / "layergate.yml").write_text(text.replace("storage_mode: read", "storage_mode: write"))
        plain.start()
        with Client(plain.connect, plain.credential("owner")) as owner:
            at = owner.expect(202, "PATCH", at, [("Content-Range", "500-799")], data[500:800])["location"]
            owner.expect(416, "PATCH", at, [("Content-Range", "500-799")], data[500:800])
            owner.expect(201, "PUT", with_query(at, digest=digest_of(data)), body=data[800:])
        assert held(own_registry, "team/a", digest_of(data)) == data
        assert counter(plain, "uploads_begun_total") == 0


# --- bookkeeping ---


def test_who_pushed_may_read_and_it_is_on_record(gate: Gate, owner: Client) -> None:
    data = secrets.token_bytes(70_000)
    with Client(gate.connect, gate.credential("other")) as other:
        location = other.open_upload("team/other")
        response = other.expect(201, "PUT", with_query(location, digest=digest_of(data)), body=data)
        assert other.expect(200, "GET", f"/v2/team/other/blobs/{digest_of(data)}").body == data
    record = gate.wait_record(lambda r: r["trace"] == response["x-request-id"])
    assert (record["status"], record["bytes_in"], record["digest"]) == (201, len(data), digest_of(data))
    assert record["user"] == "other" and record["complete"]


@pytest.mark.parametrize("method", ["GET", "PATCH", "PUT", "DELETE"])
def test_the_upload_of_another(gate: Gate, owner: Client, method: str) -> None:
    at = owner.expect(202, "PATCH", owner.open_upload("team/a"), body=b"hello")["location"]
    target = with_query(at, digest=digest_of(b"hello")) if method == "PUT" else at
    response = gate.ask(method, target, user="other")
    assert response.status == 404 and error_code(response) == "BLOB_UPLOAD_UNKNOWN"
    elsewhere = target.replace("/team/a/", "/team/b/")
    assert gate.ask(method, elsewhere, user="owner").status == 404
    owner.expect(201, "PUT", with_query(at, digest=digest_of(b"hello")))


def test_a_kept_connection_goes_on(gate: Gate) -> None:
    """Requests that come in one piece, chunked bodies among them."""
    data = secrets.token_bytes(1000)
    mine = gate.credential("owner")
    with gate.connect() as connection:
        at = connection.request("POST", "/v2/team/a/blobs/uploads/", [mine])["location"]
        first = head("PATCH", at, [mine, ("Transfer-Encoding", "chunked")]) + chunked([data[:10], data[10:]])
        connection.send(first + head("GET", at, [mine]))
        assert connection.read_response()["range"] == "0-999"
        again = connection.read_response()
        assert again.status == 204 and again["range"] == "0-999"
        put = with_query(again["location"], digest=digest_of(data))
        connection.send(head("PUT", put, [mine, ("Content-Length", "0")])
                        + head("GET", f"/v2/team/a/blobs/{digest_of(data)}", [mine]))
        assert connection.read_response("PUT").status == 201
        assert connection.read_response().body == data


def test_a_request_behind_a_large_body(gate: Gate) -> None:
    """Whoever receives the body leaves it to the next one, wherever the body ends."""
    mine = gate.credential("owner")
    for size in (1, 20_000, 128 * 1024, MIB + 1, 9 * MIB):
        data = secrets.token_bytes(size)
        with gate.connect() as connection:
            at = connection.request("POST", "/v2/team/a/blobs/uploads/", [mine])["location"]
            target = with_query(at, digest=digest_of(data))
            connection.send(head("PUT", target, [mine, ("Content-Length", str(size))]) + data
                            + head("HEAD", f"/v2/team/a/blobs/{digest_of(data)}", [mine]))
            assert connection.read_response("PUT").status == 201
            behind = connection.read_response("HEAD")
            assert behind.status == 200 and behind["content-length"] == str(size)


def test_a_client_that_pauses(gate: Gate, registry: Registry) -> None:
    """However little comes between two pauses, it is not forgotten: all that has come is taken within
    about a second, and the end of the body at once."""
    data = secrets.token_bytes(3 * MIB)
    mine = gate.credential("owner")
    with gate.connect() as connection:
        at = connection.request("POST", "/v2/team/a/blobs/uploads/", [mine])["location"]
        file = registry.storage / "layergate/uploads" / at.partition("uploads/")[2].partition("?")[0]
        target = with_query(at, digest=digest_of(data))
        connection.send(head("PUT", target, [mine, ("Content-Length", str(len(data)))]))
        start = 0
        for end in (10, MIB + 10, MIB + 20, len(data) - 1):
            connection.send(data[start:end])
            wait(lambda end=end: file.stat().st_size == end, f"{end} bytes in the file", 5)  # type: ignore[misc]
            start = end
        sent = time.monotonic()
        connection.send(data[start:])
        assert connection.read_response("PUT").status == 201
        assert time.monotonic() - sent < 0.9
    assert held(registry, "team/a", digest_of(data)) == data


# --- breaking off and going on ---


def send_part(gate: Gate, at: str, data: bytes, length: int) -> Connection:
    """A PATCH that announces more than it sends."""
    connection = gate.connect()
    connection.send(head("PATCH", at, [gate.credential("owner"), ("Content-Length", str(length))]) + data)
    return connection


def size_of(registry: Registry) -> int:
    return sum(file.stat().st_size for file in partial(registry))


class TestBreakingOff:
    def test_a_client_that_goes_away_and_comes_back(self, own_gate: Gate, own_registry: Registry) -> None:
        data = secrets.token_bytes(3 * MIB)
        with Client(own_gate.connect, own_gate.credential("owner")) as owner:
            at = owner.open_upload("team/a")
            with send_part(own_gate, at, data[:MIB], len(data)):
                wait(lambda: size_of(own_registry) > 0, "the first bytes in a file")
            wait(lambda: owner.ask("GET", at).status == 204, "a status")
            status = owner.expect(204, "GET", at)
            have = int(status["range"].partition("-")[2]) + 1
            assert 0 < have <= MIB
            # By the old address, which says nothing of them, they cannot be taken for the first ones.
            refused = owner.ask("PATCH", at, body=data)
            assert refused.status == 416 and refused["range"] == f"0-{have - 1}"
            part = data[have:]
            fields = [("Content-Range", f"{have}-{len(data) - 1}")]
            at = owner.expect(202, "PATCH", at, fields, part)["location"]
            owner.expect(201, "PUT", with_query(at, digest=digest_of(data)))
        assert held(own_registry, "team/a", digest_of(data)) == data

    def test_clients_that_go_away_while_their_bytes_are_taken(self, own_gate: Gate,
                                                              own_registry: Registry) -> None:
        """Many at once, with a reset: what was taken is the beginning of what was sent, no byte is another
        connection's, and each can be gone on with."""
        bodies = [bytes([number]) * (24 * MIB) for number in range(8)]
        with Client(own_gate.connect, own_gate.credential("owner")) as owner:
            places = [owner.open_upload(f"team/{number}") for number in range(8)]

            def send_and_reset(number: int) -> None:
                data = bodies[number]
                with send_part(own_gate, places[number], b"", len(data)) as connection:
                    linger = struct.pack("ii", 1, 0)
                    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    connection.send(data[:random.randrange(4 * MIB, len(data))])

            threads = [threading.Thread(target=send_and_reset, args=(number,)) for number in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            for number, at in enumerate(places):
                wait(lambda at=at: owner.ask("GET", at).status == 204, "a status")  # type: ignore[misc]
                status = owner.expect(204, "GET", at)
                have = int(status["range"].partition("-")[2]) + 1 if "range" in dict(status.fields) else 0
                data = bodies[number]
                owner.expect(201, "PUT", with_query(status["location"], digest=digest_of(data)),
                             body=data[have:])
        assert blobs_are_right(own_registry) == len(bodies)
        assert partial(own_registry) == []

    @pytest.mark.parametrize("end", ["in order", "kill -9"])
    def test_over_a_restart(self, own_gate: Gate, own_registry: Registry, end: str) -> None:
        data = secrets.token_bytes(2 * MIB)
        with Client(own_gate.connect, own_gate.credential("owner")) as owner:
            at = owner.expect(202, "PATCH", owner.open_upload("team/a"), body=data[:MIB])["location"]
        self.restart(own_gate, end)
        with Client(own_gate.connect, own_gate.credential("owner")) as owner:
            assert owner.expect(204, "GET", at)["range"] == f"0-{MIB - 1}"
            at = owner.expect(202, "PATCH", at, body=data[MIB:])["location"]
            owner.expect(201, "PUT", with_query(at, digest=digest_of(data)))
        assert held(own_registry, "team/a", digest_of(data)) == data

    @staticmethod
    def restart(gate: Gate, end: str = "kill -9") -> None:
        if end == "in order":
            gate.stop()
        else:
            assert gate.process is not None
            gate.process.kill()
            gate.process = None
        gate.start()

    def test_killed_in_the_middle_of_a_body(self, own_gate: Gate, own_registry: Registry) -> None:
        data = secrets.token_bytes(8 * MIB)
        with Client(own_gate.connect, own_gate.credential("owner")) as owner:
            at = owner.open_upload("team/a")
        with send_part(own_gate, at, data[:4 * MIB], len(data)):
            wait(lambda: size_of(own_registry) >= MIB, "the first MiB in a file")
            self.restart(own_gate)
        assert blobs_are_right(own_registry) == 0
        with Client(own_gate.connect, own_gate.credential("owner")) as owner:
            status = owner.expect(204, "GET", at)
            have = int(status["range"].partition("-")[2]) + 1
            assert have >= MIB
            owner.expect(201, "PUT", with_query(status["location"], digest=digest_of(data)),
                         body=data[have:])
        assert held(own_registry, "team/a", digest_of(data)) == data

    def test_killed_around_the_commit(self, own_gate: Gate, own_registry: Registry,
                                      request: pytest.FixtureRequest) -> None:
        """At whatever moment: what has a name has its bytes, and who asks again gets it done."""
        rounds = 60 if request.config.getoption("--all") else 12
        for number in range(rounds):
            data = secrets.token_bytes(200_000)
            digest = digest_of(data)
            with Client(own_gate.connect, own_gate.credential("owner")) as owner:
                at = with_query(owner.open_upload(f"team/{number}"), digest=digest)
                fields = [own_gate.credential("owner"), ("Content-Length", str(len(data)))]
                with own_gate.connect() as connection:
                    connection.send(head("PUT", at, fields) + data)
                    time.sleep(random.uniform(0, 0.02))
                    self.restart(own_gate)
            blobs_are_right(own_registry)
            link = own_registry.link_of(f"team/{number}", digest)
            if link.exists():
                assert link.read_text() == digest and own_registry.file_of(digest).exists()
            with Client(own_gate.connect, own_gate.credential("owner")) as owner:
                owner.push_blob(f"team/{number}", data)
            assert held(own_registry, f"team/{number}", digest) == data

    def test_uploads_of_long_ago_are_removed(self, own_gate: Gate, own_registry: Registry) -> None:
        with Client(own_gate.connect, own_gate.credential("owner")) as owner:
            old, new = (owner.expect(202, "PATCH", owner.open_upload("team/a"), body=b"x" * size)["location"]
                        for size in (1, 2))
        week = time.time() - 7 * 86400
        for file in partial(own_registry):
            if file.stat().st_size == 1:
                os.utime(file, (week - 60, week - 60))
        self.restart(own_gate, "in order")
        wait(lambda: len(partial(own_registry)) == 1, "the removal of the old one")
        assert own_gate.ask("GET", old, user="owner").status == 404
        assert own_gate.ask("GET", new, user="owner").status == 204


# --- many at once ---


class TestAtOnce:
    def test_two_requests_of_one_upload(self, gate: Gate, registry: Registry, owner: Client) -> None:
        data = secrets.token_bytes(1000)
        at = owner.open_upload("team/a")
        with send_part(gate, at, data[:500], len(data)) as first:
            file = registry.storage / "layergate/uploads" / at.partition("uploads/")[2].partition("?")[0]
            wait(lambda: file.stat().st_size == 500, "500 bytes in the file")
            for method in ("PATCH", "DELETE", "GET"):
                response = gate.ask(method, at, user="owner", body=b"x" if method == "PATCH" else b"")
                assert response.status == 409 and error_code(response) == "BLOB_UPLOAD_INVALID"
            first.send(data[500:])
            answer = first.read_response()
        assert answer.status == 202 and answer["range"] == "0-999"
        owner.expect(201, "PUT", with_query(answer["location"], digest=digest_of(data)))
        assert held(registry, "team/a", digest_of(data)) == data

    @pytest.mark.concurrent
    @pytest.mark.parametrize("spread", [True, False])
    def test_the_same_blob(self, gate: Gate, registry: Registry, spread: bool) -> None:
        data = secrets.token_bytes(3 * MIB)
        digest = digest_of(data)
        failures: list[BaseException] = []

        def push(number: int) -> None:
            try:
                with Client(gate.connect, gate.credential("owner")) as client:
                    for _ in range(3):
                        client.push_blob(f"many/{number if spread else 0}", data)
            except BaseException as failure:  # noqa: BLE001 - told to the test
                failures.append(failure)

        threads = [threading.Thread(target=push, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        for number in range(8 if spread else 1):
            assert held(registry, f"many/{number}", digest) == data

    def test_hundreds_of_slow_clients(self, gate: Gate, registry: Registry) -> None:
        """They hold neither threads nor memory, and nobody waits for them."""
        with Client(gate.connect, gate.credential("owner")) as owner, contextlib.ExitStack() as stack:
            for _ in range(300):
                stack.enter_context(send_part(gate, owner.open_upload("team/slow"), b"x", MIB))
            start = time.monotonic()
            data = secrets.token_bytes(8 * MIB)
            owner.push_blob("team/fast", data)
            assert time.monotonic() - start < 5
            assert counter(gate, "uploads_open") >= 300


# --- what can be wrong with the disk ---


class TestTheDisk:
    def test_a_damaged_blob_is_healed(self, registry: Registry, owner: Client) -> None:
        data = secrets.token_bytes(100_000)
        digest = owner.push_blob("team/a", data)
        registry.file_of(digest).write_bytes(secrets.token_bytes(100_000))
        owner.push_blob("team/b", data)
        assert held(registry, "team/a", digest) == data

    @pytest.fixture
    def small(self, tmp_path: Path) -> Iterator[Path]:
        """A filesystem of 32 MiB."""
        place = tmp_path / "small"
        place.mkdir()
        run("mount", "-t", "tmpfs", "-o", "size=32m,mode=755", "none", place)
        try:
            yield place
        finally:
            run("umount", "-l", place)

    @pytest.mark.parametrize("coding", ["length", "chunked"])
    def test_a_full_one(self, make_gate: GateMaker, small: Path, tmp_path: Path, coding: str) -> None:
        with Registry(tmp_path / "registry", storage=small) as registry:
            gate = make_gate(registry.url, POLICY, PASSWORDS, settings=writing(small))
            with Client(gate.connect, gate.credential("owner")) as owner:
                digest = owner.push_blob("team/a", secrets.token_bytes(MIB))
                at = owner.expect(202, "PATCH", owner.open_upload("team/a"), body=bytes(MIB))["location"]
            fields = [gate.credential("owner")]
            if coding == "length":
                fields.append(("Content-Length", str(60 * MIB)))
            else:
                fields.append(("Transfer-Encoding", "chunked"))
            with gate.connect() as connection:
                connection.send(head("PATCH", at, fields))
                with contextlib.suppress(OSError):  # it is refused in the middle
                    for _ in range(60):
                        piece = secrets.token_bytes(MIB)
                        connection.send(piece if coding == "length" else b"100000\r\n" + piece + b"\r\n")
                response = connection.read_response("PATCH")
            assert response.status == 507 and error_code(response) == "UNAVAILABLE"
            wait(lambda: partial(registry) == [], "the removal of the upload")
            assert shutil.disk_usage(small).free > 28 * MIB
            assert gate.log_text().count("an upload cannot be") == 1
            assert gate.ask("GET", at, user="owner").status == 404
            # There is room for others, and what was there is still there.
            with Client(gate.connect, gate.credential("owner")) as owner:
                other = owner.push_blob("team/b", secrets.token_bytes(MIB))
            assert held(registry, "team/b", other) and held(registry, "team/a", digest)

    def test_a_directory_that_is_moved_away(self, make_gate: GateMaker, own_registry: Registry,
                                            tmp_path: Path) -> None:
        """What begins goes through the registry; what had begun waits until it is back."""
        place = tmp_path / "storage"
        place.symlink_to(own_registry.storage)
        gate = make_gate(own_registry.url, POLICY, PASSWORDS, settings=writing(place))
        data = secrets.token_bytes(1000)
        with Client(gate.connect, gate.credential("owner")) as owner:
            at = owner.expect(202, "PATCH", owner.open_upload("team/a"), body=data[:500])["location"]
            place.rename(tmp_path / "away")
            # An empty directory, as an unmounted disk leaves it, is not taken for the storage.
            place.mkdir()
            response = owner.ask("PATCH", at, body=data[500:])
            assert response.status == 503 and error_code(response) == "UNAVAILABLE"
            other = owner.push_blob("team/a", b"another")
            assert held(own_registry, "team/a", other) == b"another"
            assert list(place.iterdir()) == []
            place.rmdir()
            (tmp_path / "away").rename(place)
            at = owner.expect(202, "PATCH", at, body=data[500:])["location"]
            owner.expect(201, "PUT", with_query(at, digest=digest_of(data)))
        assert held(own_registry, "team/a", digest_of(data)) == data
        assert counter(gate, "uploads_begun_total") == 1

    @pytest.mark.parametrize("part", ["blobs", "repositories/team"])
    def test_a_symbolic_link_leads_nowhere(self, own_gate: Gate, own_registry: Registry, tmp_path: Path,
                                           part: str) -> None:
        with Client(own_gate.connect, own_gate.credential("owner")) as owner:
            owner.push_blob("team/a", b"first")
        inside = own_registry.storage / V2 / part
        inside.rename(tmp_path / "outside")
        inside.symlink_to(tmp_path / "outside")
        before = sorted((tmp_path / "outside").rglob("*"))
        response = None
        with Client(own_gate.connect, own_gate.credential("owner")) as owner:
            at = with_query(owner.open_upload("team/b"), digest=digest_of(b"second"))
            response = owner.ask("PUT", at, body=b"second")
        assert response.status == 500 and error_code(response) == "UNAVAILABLE"
        assert sorted((tmp_path / "outside").rglob("*")) == before
        assert partial(own_registry) == []


# --- ways to come ---


def test_over_tls(make_gate: GateMaker, own_registry: Registry, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "authority")
    gate = make_gate(own_registry.url, POLICY, PASSWORDS, settings=writing(own_registry.storage),
                     listen={"tls": authority.issue().keys})
    gate.tls = authority.client()
    data = secrets.token_bytes(20 * MIB)
    with Client(gate.connect, gate.credential("owner")) as owner:
        at = owner.expect(202, "PATCH", owner.open_upload("team/a"), body=data[:7 * MIB])["location"]
        fields = [gate.credential("owner"), ("Transfer-Encoding", "chunked")]
        with gate.connect() as connection:
            connection.send(head("PATCH", at, fields) + chunked([data[7 * MIB:8 * MIB], data[8 * MIB:9 * MIB]]))
            at = connection.read_response()["location"]
        owner.expect(201, "PUT", with_query(at, digest=digest_of(data)), body=data[9 * MIB:])
    assert held(own_registry, "team/a", digest_of(data)) == data


def test_a_slow_client_is_refused(make_gate: GateMaker, own_registry: Registry) -> None:
    settings: dict[str, Any] = {**writing(own_registry.storage), "limits": {"idle": "1s"}}
    gate = make_gate(own_registry.url, POLICY, PASSWORDS, settings=settings)
    with Client(gate.connect, gate.credential("owner")) as owner:
        at = owner.open_upload("team/a")
    with send_part(gate, at, b"hello", 100) as connection:
        response = connection.read_response()
    assert response.status == 408
    # What had come is there.
    assert gate.ask("GET", at, user="owner")["range"] == "0-4"


@pytest.mark.parametrize("program", ["skopeo", "curl"])
def test_clients(gate: Gate, registry: Registry, tmp_path: Path, program: str) -> None:
    login = f"owner:{PASSWORDS['owner']}"
    host = "%s:%d" % gate.address
    weights = secrets.token_bytes(3 * MIB)
    finished = counter(gate, "uploads_finished_total")
    if program == "skopeo":
        layout = write_layout(image({"weights": weights}), tmp_path / "in")
        place = f"docker://{host}/team/skopeo:v1"
        run("skopeo", "copy", "--dest-tls-verify=false", "--dest-creds", login, f"oci:{layout}:latest", place)
        assert counter(gate, "uploads_finished_total") == finished + 2
        # The second time it is mounted, or there.
        run("skopeo", "copy", "--dest-tls-verify=false", "--dest-creds", login, f"oci:{layout}:latest",
            place.replace("team/skopeo", "team/again"))
        run("skopeo", "copy", "--src-tls-verify=false", "--src-creds", login, place,
            f"oci:{tmp_path / 'out'}:latest")
        return
    (tmp_path / "weights").write_bytes(weights)
    with Client(gate.connect, gate.credential("owner")) as owner:
        at = with_query(owner.open_upload("team/curl"), digest=digest_of(weights))
    said = run("curl", "-sS", "-u", login, "-T", tmp_path / "weights", "-o", "/dev/null", "-w", "%{http_code}",
               f"http://{host}{at}").stdout
    assert said == b"201"
    assert held(registry, "team/curl", digest_of(weights)) == weights


# --- the configuration ---


class TestConfiguration:
    @staticmethod
    def refused(gate: Gate, said: str) -> None:
        for verb in ("check", "serve"):
            result = gate.run_verb(verb, check=False)
            assert result.returncode == 3, result
            assert said in result.stderr.decode()

    def test_others_write_too(self, make_gate: GateMaker, registry: Registry) -> None:
        settings = writing(registry.storage)
        settings["upstream"]["exclusive"] = False  # type: ignore[assignment]
        gate = make_gate(registry.url, POLICY, PASSWORDS, settings=settings, start=False)
        self.refused(gate, "storage_mode: write needs upstream.exclusive: true")

    def test_no_storage(self, make_gate: GateMaker) -> None:
        gate = make_gate("http://127.0.0.1:9", POLICY, PASSWORDS, start=False,
                         settings={"upstream": {"storage_mode": "write"}})
        self.refused(gate, "storage_mode: write needs upstream.storage")

    def test_a_second_gate(self, make_gate: GateMaker, registry: Registry, gate: Gate) -> None:
        second = make_gate(registry.url, POLICY, PASSWORDS, settings=writing(registry.storage), start=False)
        result = second.run_verb("serve", check=False)
        assert result.returncode != 0
        assert b"is another layergate writing to this storage?" in result.stderr

    def test_a_directory_that_may_not_be_written(self, make_gate: GateMaker, tmp_path: Path) -> None:
        root = tmp_path / "root"
        for part in ("blobs", "repositories"):
            (root / V2 / part).mkdir(parents=True)
        root.chmod(0o555)
        bounds = "--bounding-set=-dac_override,-dac_read_search"
        gate = make_gate("http://127.0.0.1:9", POLICY, PASSWORDS, settings=writing(root), start=False)
        result = run("setpriv", bounds, "--inh-caps=-all", *verb(gate, "check"), check=False)
        assert result.returncode == 3
        assert "cannot be written by this user" in result.stderr.decode()


def verb(gate: Gate, name: str) -> list[str | Path]:
    from harness.gate import program

    return [program(), name, "--config-dir", gate.config]
