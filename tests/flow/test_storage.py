"""Blobs from the registry's own files (upstream.storage): the same answers as the registry's, nothing
more for those who may not read, and never a wrong byte under a digest.

The rest of the suite runs over it too: LAYERGATE_STORAGE=off (CONTRIBUTING.md).
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import secrets
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conftest import GateMaker
from harness.client import Client, error_code, with_query
from harness.gate import Gate
from harness.images import image, write_layout
from harness.process import run
from harness.rawhttp import BadResponse, Connection, Fields, Response, digest_of, head
from harness.registry import V2, Registry

POLICY = """\
version: 1
users:
  owner: {permissions: [view, pull, push, delete]}
  guest: {permissions: [view, pull]}
rules:
  - {who: [owner], images: ["**"], allow: [view, pull, push, delete]}
  - {who: [guest], images: ["team/open:*"], allow: [view, pull]}
"""
PASSWORDS = {"owner": "0wner Passw0rd!", "guest": "Guest Passw0rd!"}
DATA = random.Random(1).randbytes(300_000)  # the same in each worker: it is in names of tests
DIGEST = digest_of(DATA)
TARGET = f"/v2/team/a/blobs/{DIGEST}"
# What a proxy adds, or what differs from one moment to the next.
OWN = {"date", "x-request-id", "x-content-type-options"}


def storage(root: Path, verify: str) -> dict[str, dict[str, str]]:
    return {"upstream": {"storage": str(root), "storage_verify": verify}}


def served(gate: Gate) -> int:
    """The count of it comes a moment after the last byte: read when it stands still."""
    count = gate.metrics()["layergate_storage_served_total"]
    while True:
        time.sleep(0.05)
        before, count = count, gate.metrics()["layergate_storage_served_total"]
        if count == before:
            return int(count)


def is_served(gate: Gate, value: int) -> None:
    """It is counted when the last byte has gone, and the client may be faster to see that."""
    assert gate.process is not None
    gate.process.wait_until(lambda: served(gate) >= value, 5, f"{value} served")
    assert served(gate) == value


def missed(gate: Gate, reason: str) -> int:
    return int(gate.metrics()[f'layergate_storage_missed_total{{reason="{reason}"}}'])


def wait_for(gate: Gate, counter: str, value: int) -> None:
    """Files are compared with their digests by a thread of their own."""
    name = f"layergate_storage_{counter}_total"
    assert gate.process is not None
    gate.process.wait_until(lambda: gate.metrics()[name] >= value, 20, f"{name} {value}")


def ask_registry(registry: Registry, method: str, target: str, fields: Fields = ()) -> Response:
    with registry.connect() as connection:
        return connection.request(method, target, fields)


@pytest.fixture(scope="module")
def gate(make_module_gate: GateMaker, registry: Registry) -> Gate:
    """Files are believed: every request that can be is answered from them."""
    gate = make_module_gate(registry.url, POLICY, PASSWORDS, settings=storage(registry.storage, "off"))
    with Client(gate.connect, gate.credential("owner")) as owner:
        owner.push_blob("team/a", DATA)
        owner.push_blob("team/a", b"")
    return gate


@pytest.fixture(scope="module")
def careful(make_module_gate: GateMaker, registry: Registry) -> Gate:
    """As it is by default: files are compared with their digests first."""
    return make_module_gate(registry.url, POLICY, PASSWORDS, settings=storage(registry.storage, "first"))


@pytest.fixture
def blob(gate: Gate) -> bytes:
    """New bytes in team/a, for tests that do something to their file."""
    data = secrets.token_bytes(100_000)
    with Client(gate.connect, gate.credential("owner")) as owner:
        owner.push_blob("team/a", data)
    return data


def get(gate: Gate, data: bytes, method: str = "GET", user: str = "owner") -> Response:
    return gate.ask(method, f"/v2/team/a/blobs/{digest_of(data)}", user=user)


class TestTheSameAnswer:
    RANGES = ["bytes=0-9", "bytes=-5", "bytes=100000-", "bytes=0-", "bytes=299999-299999",
              "bytes=0-99999999999", "bytes=-99999999999"]

    @staticmethod
    def compare(gate: Gate, registry: Registry, method: str, target: str, fields: Fields,
                status: int) -> None:
        before = served(gate)
        theirs = ask_registry(registry, method, target, fields)
        ours = gate.ask(method, target, user="owner", fields=list(fields))
        assert ours.status == theirs.status == status
        assert ours.body == theirs.body
        assert {f for f in ours.fields if f[0] not in OWN} == {f for f in theirs.fields if f[0] not in OWN}
        assert ours["date"].endswith(" GMT") and len(ours["date"]) == len(theirs["date"])
        is_served(gate, before + 1)

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_the_whole_blob(self, gate: Gate, registry: Registry, method: str) -> None:
        self.compare(gate, registry, method, TARGET, [], 200)

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    @pytest.mark.parametrize("text", RANGES)
    def test_a_part(self, gate: Gate, registry: Registry, method: str, text: str) -> None:
        self.compare(gate, registry, method, TARGET, [("Range", text)], 206)

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_no_byte(self, gate: Gate, registry: Registry, method: str) -> None:
        self.compare(gate, registry, method, f"/v2/team/a/blobs/{digest_of(b'')}", [], 200)

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    @pytest.mark.parametrize(("text", "status"), [
        (f'"{DIGEST}"', 304), (f'W/"{DIGEST}"', 304), (f'"x", "{DIGEST}"', 304), ("*", 304),
        ('"x"', 200), (DIGEST, 200)])
    def test_if_none_match(self, gate: Gate, registry: Registry, method: str, text: str,
                           status: int) -> None:
        self.compare(gate, registry, method, TARGET, [("If-None-Match", text)], status)

    @pytest.mark.parametrize(("text", "status"), [
        (f'"{DIGEST}"', 206), ('"x"', 200), ("Thu, 26 Nov 2026 00:00:00 GMT", 200)])
    def test_if_range(self, gate: Gate, registry: Registry, text: str, status: int) -> None:
        self.compare(gate, registry, "GET", TARGET, [("Range", "bytes=5-9"), ("If-Range", text)], status)

    def test_if_range_by_way_of_the_registry(self, make_gate: GateMaker, registry: Registry) -> None:
        """A part of these bytes is none of those that the client has: it was sent all the same."""
        gate = make_gate(registry.url, POLICY, PASSWORDS, settings={"upstream": {"storage": ""}})
        with Client(gate.connect, gate.credential("owner")) as owner:
            owner.push_blob("team/a", DATA)
            owner.expect(206, "GET", TARGET, [("Range", "bytes=5-9"), ("If-Range", f'"{DIGEST}"')])
            whole = owner.expect(200, "GET", TARGET, [("Range", "bytes=5-9"), ("If-Range", '"x"')])
        assert whole.body == DATA

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    @pytest.mark.parametrize("target", [TARGET, f"/v2/team/a/blobs/{digest_of(b'')}"])
    def test_beyond_the_end(self, gate: Gate, registry: Registry, method: str, target: str) -> None:
        """The registry announces the whole length here and sends a sentence."""
        fields = [("Range", "bytes=300000-")]
        before = served(gate)
        ours = gate.ask(method, target, user="owner", fields=fields)
        with registry.connect() as connection:
            connection.send(head(method, target, fields))
            theirs = connection.read_head()
        assert ours.status == theirs.status == 416
        assert ours["content-range"] == theirs["content-range"]
        if method == "GET":
            assert error_code(ours) == "SIZE_INVALID"
        is_served(gate, before + 1)

    @pytest.mark.parametrize(("text", "reason"), [
        ("bytes=5-2", "unusual"), ("bytes=-0", "unusual"), ("bytes=0-1,5-6", ""), ("lines=1-2", "")])
    def test_unusual_ranges(self, gate: Gate, text: str, reason: str) -> None:
        """Some are the registry's to answer; of others nobody takes notice, as without storage."""
        before = missed(gate, "unusual")
        with gate.connect() as connection:
            connection.send(head("GET", TARGET, [gate.credential("owner"), ("Range", text)]))
            response = connection.read_head()
            assert response.status in ((206, 416) if reason else (200,))
        assert missed(gate, "unusual") == before + (1 if reason else 0)

    def test_malformed_fields_are_refused_all_the_same(self, gate: Gate) -> None:
        for field in [("If-None-Match", "(x)"), ("Accept", "x")]:
            assert gate.ask("GET", TARGET, user="owner", fields=[field]).status == 400

    def test_sha512(self, gate: Gate, registry: Registry) -> None:
        """It is kept under its sha256, and the link says so."""
        data = secrets.token_bytes(1000)
        digest = "sha512:" + hashlib.sha512(data).hexdigest()
        with Client(gate.connect, gate.credential("owner")) as owner:
            location = with_query(owner.open_upload("team/a"), digest=digest)
            owner.expect(201, "PUT", location, body=data)
        for method in ("GET", "HEAD"):
            self.compare(gate, registry, method, f"/v2/team/a/blobs/{digest}", [], 200)

    def test_a_kept_connection_goes_on(self, gate: Gate) -> None:
        with gate.connect() as connection:
            for method, size in [("GET", len(DATA)), ("HEAD", 0), ("GET", len(DATA))]:
                response = connection.request(method, TARGET, [gate.credential("owner")])
                assert response.status == 200 and response.keeps_alive
                assert len(response.body) == size

    def test_the_record_says_what_was_sent(self, gate: Gate) -> None:
        response = gate.ask("GET", TARGET, user="owner", fields=[("Range", "bytes=0-9")])
        record = gate.wait_record(lambda r: r["trace"] == response["x-request-id"])
        assert (record["status"], record["bytes_out"], record["digest"]) == (206, 10, DIGEST)
        assert record["complete"] and record["decision"] == "allowed"


class TestWhoMayNotRead:
    """The decision is made before any file is looked for."""

    def test_a_closed_repository(self, make_gate: GateMaker, registry: Registry, gate: Gate) -> None:
        plain = make_gate(registry.url, POLICY, PASSWORDS, settings={"upstream": {"storage": ""}})
        before = served(gate)
        for target in (TARGET, f"/v2/team/open/blobs/{DIGEST}", f"/v2/team/a/blobs/{digest_of(b'x')}"):
            for method in ("GET", "HEAD"):
                ours, theirs = (g.ask(method, target, user="guest") for g in (gate, plain))
                assert ours.status == theirs.status == 404
                assert ours.body == theirs.body
        assert gate.ask("GET", TARGET).status == 401
        assert served(gate) == before

    def test_what_a_tag_reaches(self, gate: Gate) -> None:
        made = image({"weights": secrets.token_bytes(5000)})
        with Client(gate.connect, gate.credential("owner")) as owner:
            owner.push("team/open", "v1", made)
        before = served(gate)
        target = f"/v2/team/open/blobs/{digest_of(made.layers[0])}"
        assert gate.ask("GET", target, user="guest").body == made.layers[0]
        is_served(gate, before + 1)

    def test_a_deleted_blob(self, gate: Gate, registry: Registry) -> None:
        made = image({"weights": secrets.token_bytes(5000)})
        target = f"/v2/team/gone/blobs/{digest_of(made.layers[0])}"
        with Client(gate.connect, gate.credential("owner")) as owner:
            owner.push("team/gone", "v1", made)
            before = served(gate) + 1
            owner.expect(200, "GET", target)
            is_served(gate, before)
            owner.expect(202, "DELETE", target)
            owner.expect(404, "GET", target)
            owner.expect(404, "HEAD", target)
        assert not registry.link_of("team/gone", digest_of(made.layers[0])).exists()
        assert served(gate) == before


class TestFilesThatAreNotAsTheyWere:
    """Files are believed in these; whoever touches them does so without the registry."""

    @pytest.fixture
    def misses(self, gate: Gate, registry: Registry, blob: bytes) -> Iterator[Callable[[str, str], None]]:
        """That a request is not answered from the file, for that reason, but as the registry does."""

        def check(method: str, reason: str) -> None:
            counts = served(gate), missed(gate, reason)
            ours = get(gate, blob, method)
            assert (served(gate), missed(gate, reason)) == (counts[0], counts[1] + 1)
            theirs = ask_registry(registry, method, f"/v2/team/a/blobs/{digest_of(blob)}")
            assert ours.status == theirs.status
            if ours.status == 200:
                assert ours.body == theirs.body

        assert get(gate, blob).body == blob
        yield check

    def test_removed(self, registry: Registry, blob: bytes, misses: Callable[[str, str], None]) -> None:
        registry.file_of(digest_of(blob)).unlink()
        misses("HEAD", "no_file")

    def test_emptied(self, registry: Registry, blob: bytes, misses: Callable[[str, str], None]) -> None:
        os.truncate(registry.file_of(digest_of(blob)), 0)
        misses("HEAD", "empty")

    def test_a_symbolic_link(self, registry: Registry, blob: bytes, tmp_path: Path,
                             misses: Callable[[str, str], None]) -> None:
        file = registry.file_of(digest_of(blob))
        file.rename(tmp_path / "elsewhere")
        file.symlink_to(tmp_path / "elsewhere")
        misses("GET", "no_regular_file")

    def test_a_symbolic_link_on_the_way(self, registry: Registry, blob: bytes, tmp_path: Path,
                                        misses: Callable[[str, str], None]) -> None:
        directory = registry.file_of(digest_of(blob)).parent
        directory.rename(tmp_path / "elsewhere")
        directory.symlink_to(tmp_path / "elsewhere")
        misses("GET", "no_regular_file")

    def test_a_pipe(self, registry: Registry, blob: bytes, misses: Callable[[str, str], None]) -> None:
        file = registry.file_of(digest_of(blob))
        file.unlink()
        os.mkfifo(file)
        misses("HEAD", "no_regular_file")

    def test_a_directory(self, registry: Registry, blob: bytes,
                         misses: Callable[[str, str], None]) -> None:
        file = registry.file_of(digest_of(blob))
        file.unlink()
        file.mkdir()
        misses("HEAD", "no_regular_file")

    def test_a_link_that_is_missing(self, registry: Registry, blob: bytes,
                                    misses: Callable[[str, str], None]) -> None:
        registry.link_of("team/a", digest_of(blob)).unlink()
        misses("GET", "no_link")

    @pytest.mark.parametrize("text", ["", DIGEST, "sha256:x", DIGEST * 10])
    def test_a_link_that_says_something_else(self, gate: Gate, registry: Registry, blob: bytes,
                                             text: str) -> None:
        """What the registry makes of it is not asked here: it goes where the link leads."""
        before = served(gate)
        assert get(gate, blob, "HEAD").status == 200
        is_served(gate, before + 1)
        registry.link_of("team/a", digest_of(blob)).write_text(text)
        counts = served(gate), missed(gate, "bad_link")
        get(gate, blob, "HEAD")
        assert (served(gate), missed(gate, "bad_link")) == (counts[0], counts[1] + 1)

    def test_one_that_shrinks_while_it_is_sent(self, gate: Gate, registry: Registry) -> None:
        data = secrets.token_bytes(1 << 20) * 64
        with Client(gate.connect, gate.credential("owner")) as owner:
            digest = owner.push_blob("team/a", data)
        cuts = gate.metrics()["layergate_storage_cut_total"]
        connection = Connection(gate.address, timeout=20)
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        with connection:
            connection.send(head("GET", f"/v2/team/a/blobs/{digest}", [gate.credential("owner")]))
            response = connection.read_head()
            os.truncate(registry.file_of(digest), 40 << 20)
            with pytest.raises((BadResponse, ConnectionResetError)):
                got = b"".join(connection.iterate_body(response))
                pytest.fail(f"{len(got)} bytes as if they were all")
        assert gate.metrics()["layergate_storage_cut_total"] == cuts + 1
        record = gate.wait_record(lambda r: r["digest"] == digest and r["method"] == "GET")
        assert not record["complete"] and record["reason"] == "file changed"
        assert "was changed while it was sent" in gate.log_text()

    def test_unreadable(self, make_gate: GateMaker, registry: Registry) -> None:
        """Root without its privilege over permissions."""
        data = secrets.token_bytes(1000)
        bounds = "--bounding-set=-dac_override,-dac_read_search"
        gate = make_gate(registry.url, POLICY, PASSWORDS, settings=storage(registry.storage, "off"),
                         prefix=["setpriv", bounds])
        with Client(gate.connect, gate.credential("owner")) as owner:
            owner.push_blob("team/a", data)
        registry.file_of(digest_of(data)).chmod(0)
        assert get(gate, data).body == data
        assert missed(gate, "unreadable") == 1
        assert "may not be read by this user" in gate.log_text()


class TestVerification:
    """storage_verify: first."""

    @pytest.fixture
    def verified(self, careful: Gate) -> bytes:
        """A blob whose file was compared with its digest."""
        data = secrets.token_bytes(100_000)
        with Client(careful.connect, careful.credential("owner")) as owner:
            owner.push_blob("team/a", data)
        goods = careful.metrics()["layergate_storage_verified_total"]
        counts = served(careful), missed(careful, "unverified")
        assert get(careful, data).body == data
        assert (served(careful), missed(careful, "unverified")) == (counts[0], counts[1] + 1)
        wait_for(careful, "verified", int(goods) + 1)
        return data

    def test_the_second_request_comes_from_the_file(self, careful: Gate, verified: bytes) -> None:
        before = served(careful)
        assert get(careful, verified).body == verified
        assert get(careful, verified, "HEAD").status == 200
        assert served(careful) == before + 2

    def test_head_has_nothing_read(self, careful: Gate) -> None:
        data = secrets.token_bytes(1000)
        with Client(careful.connect, careful.credential("owner")) as owner:
            owner.push_blob("team/a", data)
        goods = careful.metrics()["layergate_storage_verified_total"]
        for _ in range(3):
            assert get(careful, data, "HEAD").status == 200
        assert missed(careful, "unverified") >= 3
        assert careful.metrics()["layergate_storage_verified_total"] == goods

    @pytest.mark.parametrize("damage", ["other bytes", "a byte in place", "shorter", "longer"])
    def test_damaged_files_are_not_served(self, careful: Gate, registry: Registry, verified: bytes,
                                          damage: str) -> None:
        file = registry.file_of(digest_of(verified))
        bads = int(careful.metrics()["layergate_storage_damaged_total"])
        before = served(careful)
        if damage == "other bytes":
            beside = file.with_name("new")
            beside.write_bytes(secrets.token_bytes(len(verified)))
            beside.rename(file)
        elif damage == "a byte in place":
            with file.open("r+b") as opened:
                opened.seek(500)
                opened.write(bytes([verified[500] ^ 1]))
        else:
            os.truncate(file, len(verified) + (-1 if damage == "shorter" else 1))
        with careful.connect() as connection:  # the registry's, as long as it is not known
            connection.send(head("GET", f"/v2/team/a/blobs/{digest_of(verified)}",
                                 [careful.credential("owner")]))
            connection.read_head()
        wait_for(careful, "damaged", bads + 1)
        response = get(careful, verified)
        assert response.status == 500 and error_code(response) == "UNAVAILABLE"
        assert get(careful, verified, "HEAD").status == 500
        assert served(careful) == before
        assert f"{file} is damaged" in careful.log_text()
        record = careful.wait_record(lambda r: r["trace"] == response["x-request-id"])
        assert record["reason"] == "damaged in the storage"
        # Brought back, it is another file again, and read again.
        goods = int(careful.metrics()["layergate_storage_verified_total"])
        file.write_bytes(verified)
        with careful.connect() as connection:
            connection.send(head("GET", f"/v2/team/a/blobs/{digest_of(verified)}",
                                 [careful.credential("owner")]))
            assert connection.read_head().status == 200
        wait_for(careful, "verified", goods + 1)
        assert get(careful, verified).body == verified
        assert served(careful) == before + 1


def test_eight_at_once(careful: Gate) -> None:
    data = secrets.token_bytes(1 << 20) * 32
    with Client(careful.connect, careful.credential("owner")) as owner:
        owner.push_blob("team/a", data)
    goods = int(careful.metrics()["layergate_storage_verified_total"])
    assert get(careful, data).body == data
    wait_for(careful, "verified", goods + 1)
    before = served(careful)
    digests: list[str] = []

    def pull() -> None:
        digests.append(digest_of(get(careful, data).body))

    threads = [threading.Thread(target=pull) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert digests == [digest_of(data)] * 8
    assert served(careful) == before + 8


def test_a_slow_client(make_gate: GateMaker, registry: Registry) -> None:
    """It empties the megabytes of the socket for longer than `idle`, in which no byte is written."""
    idle = 2.0
    settings = {**storage(registry.storage, "off"), "limits": {"idle": f"{idle:.0f}s", "minimum_rate": "1KiB"}}
    gate = make_gate(registry.url, POLICY, PASSWORDS, settings=settings)
    data = secrets.token_bytes(1 << 20) * 16
    with Client(gate.connect, gate.credential("owner")) as owner:
        digest = owner.push_blob("team/a", data)
    before = served(gate)
    with gate.connect() as connection:
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        connection.send(head("GET", f"/v2/team/a/blobs/{digest}", [gate.credential("owner")]))
        response = connection.read_head()
        got = connection.read_slowly(response, time.monotonic() + 4 * idle)
    assert got == data
    is_served(gate, before + 1)


def test_a_client_that_does_not_read(make_gate: GateMaker, registry: Registry) -> None:
    settings = {**storage(registry.storage, "off"), "limits": {"idle": "1s", "minimum_rate": "1KiB"}}
    gate = make_gate(registry.url, POLICY, PASSWORDS, settings=settings)
    data = secrets.token_bytes(1 << 20) * 32
    with Client(gate.connect, gate.credential("owner")) as owner:
        digest = owner.push_blob("team/a", data)
    before = served(gate)
    with gate.connect() as connection:
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        connection.send(head("GET", f"/v2/team/a/blobs/{digest}", [gate.credential("owner")]))
        record = gate.wait_record(lambda r: r["digest"] == digest and r["method"] == "GET", 20)
    assert not record["complete"] and record["reason"] == "client too slow"
    assert served(gate) == before


def test_what_is_not_in_memory(gate: Gate, registry: Registry) -> None:
    """A file that the kernel has dropped is brought back by other threads, and all of it comes."""
    data = secrets.token_bytes(1 << 20) * 24
    with Client(gate.connect, gate.credential("owner")) as owner:
        owner.push_blob("team/a", data)
    fd = os.open(registry.file_of(digest_of(data)), os.O_RDONLY)
    try:
        os.fsync(fd)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(fd)
    before = served(gate)
    assert digest_of(get(gate, data).body) == digest_of(data)
    is_served(gate, before + 1)


def test_a_directory_that_is_moved_away(make_gate: GateMaker, registry: Registry, tmp_path: Path) -> None:
    place = tmp_path / "storage"
    place.symlink_to(registry.storage)
    gate = make_gate(registry.url, POLICY, PASSWORDS, settings=storage(place, "off"))
    data = secrets.token_bytes(1000)
    with Client(gate.connect, gate.credential("owner")) as owner:
        owner.push_blob("team/a", data)
    assert get(gate, data).body == data
    is_served(gate, 1)
    place.rename(tmp_path / "away")
    for _ in range(3):
        assert get(gate, data).body == data
    assert (served(gate), missed(gate, "no_root")) == (1, 3)
    assert gate.log_text().count("the directory is not there") == 1
    ready = gate.ask_admin("/readyz")
    assert ready.status == 200
    assert "is not there" in json.loads(ready.body)["storage"]["problem"]
    (tmp_path / "away").rename(place)
    assert get(gate, data).body == data
    is_served(gate, 2)
    assert json.loads(gate.ask_admin("/readyz").body)["storage"]["problem"] == ""


def test_a_registry_to_which_nobody_has_pushed(make_gate: GateMaker, tmp_path: Path) -> None:
    with Registry(tmp_path / "registry") as registry:
        assert list(registry.storage.iterdir()) == []
        gate = make_gate(registry.url, POLICY, PASSWORDS, settings=storage(registry.storage, "off"))
        with Client(gate.connect, gate.credential("owner")) as owner:
            owner.push_blob("team/a", DATA)
        assert get(gate, DATA).body == DATA
        is_served(gate, 1)


class TestConfiguration:
    @pytest.mark.parametrize(("make", "said"), [
        (lambda root: None, "does not exist"),
        (lambda root: root.write_text(""), "is not a directory"),
        (lambda root: (root / "other").mkdir(parents=True), f"holds no {V2}: it must be"),
        (lambda root: (root / "repositories").mkdir(parents=True), f"is {V2} itself"),
        (lambda root: (root / V2).mkdir(parents=True), f"holds no {V2}/repositories"),
        (lambda root: (root / V2 / "blobs").mkdir(parents=True), f"holds no {V2}/repositories"),
    ])
    def test_a_directory_that_is_no_registrys(self, make_gate: GateMaker, tmp_path: Path,
                                              make: Callable[[Path], object], said: str) -> None:
        root = tmp_path / "root"
        make(root)
        gate = make_gate("http://127.0.0.1:9", POLICY, PASSWORDS, settings=storage(root, "off"), start=False)
        lines = (gate.config / "layergate.yml").read_text().splitlines()
        line = next(i for i, text in enumerate(lines, 1) if text.lstrip().startswith("storage:"))
        problem = f"layergate.yml:{line}:12: upstream.storage: {root} {said}"
        result = gate.run_verb("check", check=False)
        assert result.returncode == 3 and problem in result.stderr.decode()
        result = gate.run_verb("serve", check=False)
        assert result.returncode == 3 and problem in result.stderr.decode()

    def test_a_relative_path_starts_at_the_directory_of_the_file(self, make_gate: GateMaker) -> None:
        gate = make_gate("http://127.0.0.1:9", POLICY, PASSWORDS, start=False,
                         settings={"upstream": {"storage": "../registry"}})
        (gate.root / "registry").mkdir()
        assert gate.run_verb("check").returncode == 0
        shutil.rmtree(gate.root / "registry")
        assert gate.run_verb("check", check=False).returncode == 3


def test_skopeo(make_gate: GateMaker, registry: Registry, tmp_path: Path) -> None:
    """A client that checks every digest, both ways."""
    gate = make_gate(registry.url, POLICY, PASSWORDS, settings=storage(registry.storage, "off"))
    layout = write_layout(image({"weights": secrets.token_bytes(2 << 20)}), tmp_path / "in")
    place = "docker://%s:%d/team/skopeo:v1" % gate.address
    run("skopeo", "copy", "--dest-tls-verify=false", "--dest-creds", f"owner:{PASSWORDS['owner']}",
        f"oci:{layout}:latest", place)
    before = served(gate)
    run("skopeo", "copy", "--src-tls-verify=false", "--src-creds", f"owner:{PASSWORDS['owner']}", place,
        f"oci:{tmp_path / 'out'}:latest")
    assert served(gate) >= before + 2
    files = sorted((tmp_path / "in/blobs/sha256").iterdir())
    assert [f.read_bytes() for f in files] == [
        f.read_bytes() for f in sorted((tmp_path / "out/blobs/sha256").iterdir())]
