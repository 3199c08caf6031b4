"""TLS on the port and to the registry, as clients and operators meet it."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import GateMaker
from harness import waiting
from harness.certificates import Authority, Pair, server
from harness.client import Client, with_query
from harness.gate import Gate, is_sanitized
from harness.images import image, write_layout
from harness.process import run
from harness.rawhttp import BadResponse, chunked, digest_of, head
from harness.registry import Registry
from harness.upstream import RecordingUpstream, Request, reply

POLICY = """\
version: 1
users:
  alice: {permissions: [view, pull, push]}
rules:
  - {who: [alice], images: ["**"], allow: [view, pull, push]}
"""
PASSWORDS = {"alice": "Alice Passw0rd!"}
LOGIN = f"alice:{PASSWORDS['alice']}"
MIB = 1 << 20
SOON = 20.0 if is_sanitized() else 10.0
wait = functools.partial(waiting.wait, seconds=SOON)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Another authority, which nobody here trusts."""
    return Authority(tmp_path_factory.mktemp("stranger"), "stranger.test")


def secured(make: GateMaker, upstream: str, authority: Authority, *pairs: Pair,
            **options: object) -> Gate:
    """A gate whose port has TLS, with a pair for this machine if none is given."""
    tls = [pair.keys for pair in pairs or (authority.issue(),)]
    options["listen"] = {"tls": tls if len(tls) > 1 else tls[0], **options.get("listen", {})}
    gate = make(upstream, POLICY, PASSWORDS, **options)
    gate.tls = authority.client()
    return gate


@pytest.fixture(scope="module")
def gate(make_module_gate: GateMaker, registry: Registry, authority: Authority) -> Gate:
    """What most tests share: two certificates, the second for other.test and *.wild.test."""
    return secured(make_module_gate, registry.url, authority, authority.issue(),
                   authority.issue("DNS:other.test", "DNS:*.wild.test"))


def alice(gate: Gate) -> Client:
    return Client(gate.connect, gate.credential("alice"))


def handshakes(gate: Gate, kind: str) -> float:
    return gate.metrics()[f'layergate_tls_handshakes_total{{kind="{kind}"}}']


def state_of_tls(gate: Gate) -> dict[str, object]:
    return json.loads(gate.ask_admin("/readyz").body)["tls"]


def curl(gate: Gate, authority: Authority, *arguments: str | Path) -> bytes:
    return run("curl", "--noproxy", "*", "--silent", "--show-error", "--cacert", authority.file,
               "--user", LOGIN, *arguments).stdout


def s_client(gate: Gate, *arguments: str | Path, stdin: bytes = b"") -> str:
    """What `openssl s_client` says of a connection that it made, or did not make."""
    done = run("openssl", "s_client", "-connect", "%s:%d" % gate.address, *arguments,
               stdin=stdin, check=False, timeout=30)
    return (done.stdout + done.stderr).decode(errors="replace")


# Handshakes

@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_login_by_curl(gate: Gate, authority: Authority, version: str) -> None:
    before = handshakes(gate, "full")
    answer = curl(gate, authority, f"--tlsv{version}", "--tls-max", version, "--include",
                  "--http1.1", "https://localhost:%d/v2/" % gate.address[1])
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert handshakes(gate, "full") == before + 1


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_ciphers_are_authenticated_and_forward_secret(gate: Gate, version: str) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = getattr(ssl.TLSVersion, f"TLSv{version.replace('.', '_')}")
    with gate.connect(tls=context) as connection:
        name = connection.socket.cipher()[0]  # type: ignore[attr-defined]
    assert name in ("ECDHE-ECDSA-AES128-GCM-SHA256", "TLS_AES_128_GCM_SHA256")


@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_old_versions_are_refused(gate: Gate, version: str) -> None:
    before = handshakes(gate, "failed")
    said = s_client(gate, version, "-cipher", "DEFAULT@SECLEVEL=0")
    assert "alert protocol version" in said, said
    wait(lambda: handshakes(gate, "failed") == before + 1, "a failed handshake is counted")


def test_ciphers_without_forward_secrecy_are_refused(gate: Gate) -> None:
    said = s_client(gate, "-tls1_2", "-cipher", "AES128-SHA:AES128-GCM-SHA256:ECDHE-RSA-AES128-SHA")
    assert "handshake failure" in said, said


def test_renegotiation_is_refused(gate: Gate) -> None:
    said = s_client(gate, "-tls1_2", stdin=b"R\n")
    assert "RENEGOTIATING" in said and "no renegotiation" in said, said


def test_name_picks_the_certificate(gate: Gate, authority: Authority) -> None:
    def names(asked: str) -> set[str]:
        context = authority.client()
        context.check_hostname = False
        with gate.connect(tls=context, name=asked) as connection:
            certificate = connection.socket.getpeercert()  # type: ignore[attr-defined]
        return {value for _, value in certificate["subjectAltName"]}

    own, other = {"localhost", "127.0.0.1"}, {"other.test", "*.wild.test"}
    assert names("localhost") == own
    assert names("other.test") == other
    assert names("A.Wild.Test") == other
    assert names("b.a.wild.test") == own
    assert names("unknown.test") == own
    answer = curl(gate, authority, "--resolve", "other.test:%d:127.0.0.1" % gate.address[1],
                  "--output", "/dev/null", "--write-out", "%{http_code}",
                  "https://other.test:%d/v2/" % gate.address[1])
    assert answer == b"200"


def test_only_http_1_1_is_negotiated(gate: Gate, authority: Authority) -> None:
    context = authority.client()
    context.set_alpn_protocols(["h2", "http/1.1"])
    with gate.connect(tls=context) as connection:
        assert connection.socket.selected_alpn_protocol() == "http/1.1"  # type: ignore[attr-defined]
        assert connection.request("GET", "/v2/", [gate.credential("alice")]).status == 200
    context.set_alpn_protocols(["h2"])
    with pytest.raises(ssl.SSLError, match="(?i)no.application.protocol"):
        gate.connect(tls=context)


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_sessions_are_resumed(gate: Gate, version: str, tmp_path: Path) -> None:
    # With TLS 1.3 the ticket comes with the answer.
    ask = b"GET /v2/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    session = tmp_path / "session"
    assert "New, TLSv1." in s_client(gate, version, "-sess_out", session, "-ign_eof", stdin=ask)
    before = handshakes(gate, "resumed")
    assert "Reused, TLSv1." in s_client(gate, version, "-sess_in", session, "-ign_eof", stdin=ask)
    assert handshakes(gate, "resumed") == before + 1


# Clients that do it wrong

def test_plain_http_is_told_to_use_https(gate: Gate) -> None:
    def is_told() -> bool:  # at most once a second in the log
        for method in ("GET", "PUT"):
            with gate.connect(tls=None) as connection:
                answer = connection.request(method, "/v2/")
                assert answer.status == 400
                assert b"https://" in answer.body
                assert connection.is_closed()
        return "no TLS with 127.0.0.1: http request" in gate.log_text()

    wait(is_told, "a line in the log")


def test_noise_is_closed_with_a_line_in_the_log(make_gate: GateMaker, registry: Registry,
                                                authority: Authority) -> None:
    gate = secured(make_gate, registry.url, authority)
    with gate.connect(tls=None) as connection:
        connection.send(b"SSH-2.0-OpenSSH_9.2\r\n")
        connection.read_rest()
    wait(lambda: "no TLS with 127.0.0.1: " in gate.log_text(), "the failure is told")


def test_a_client_that_trusts_others_is_told_of(make_gate: GateMaker, registry: Registry,
                                                authority: Authority, stranger: Authority) -> None:
    gate = secured(make_gate, registry.url, authority)
    with pytest.raises(ssl.SSLCertVerificationError):
        gate.connect(tls=stranger.client())
    wait(lambda: "no TLS with 127.0.0.1: tlsv1 alert unknown ca" in gate.log_text(), "the reason")
    assert gate.ask("GET", "/v2/", user="alice").status == 200


def test_a_handshake_that_does_not_end_is_cut(make_gate: GateMaker, registry: Registry,
                                              authority: Authority) -> None:
    gate = secured(make_gate, registry.url, authority, settings={"limits": {"head": "1s"}})
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    hello = authority.client().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        hello.do_handshake()
    text = outgoing.read()
    with gate.connect(tls=None) as drip, gate.connect(tls=None) as silent:
        ended = False
        for at in range(len(text) - 1):  # each byte is progress, and the time is over all the same
            try:
                drip.send(text[at : at + 1])
                ended = not drip.is_silent(0.05)
            except OSError:
                ended = True
            if ended:
                break
        assert ended
        assert silent.is_closed()
    wait(lambda: "the handshake did not end in time" in gate.log_text(), "the reason in the log")
    wait(lambda: handshakes(gate, "failed") == 1, "the one that had begun is counted")


def test_records_in_drips_do_not_hold_a_place(make_gate: GateMaker, registry: Registry,
                                              authority: Authority) -> None:
    gate = secured(make_gate, registry.url, authority, settings={"limits": {"head": "1s"}})
    with gate.connect() as connection:
        # The header of a record, whose body comes a byte at a time.
        raw = socket.socket(fileno=os.dup(connection.socket.fileno()))
        with raw:
            raw.sendall(b"\x17\x03\x03\x40\x00")
            deadline = time.monotonic() + SOON
            while time.monotonic() < deadline:
                try:
                    raw.sendall(b"x")
                except OSError:
                    return
                time.sleep(0.05)
    raise AssertionError("a request that never came kept its connection")


# Bodies

def content(mib: int) -> bytes:
    block = os.urandom(MIB)
    return b"".join(number.to_bytes(8, "big") + block[8:] for number in range(mib))


def test_large_bodies_in_both_directions(gate: Gate) -> None:
    data = content(64)
    with alice(gate) as client:
        digest = client.push_blob("large", data)
        assert digest == digest_of(data)
        for _ in range(2):  # on one connection
            assert digest_of(client.expect(200, "GET", f"/v2/large/blobs/{digest}").body) == digest
        part = client.expect(206, "GET", f"/v2/large/blobs/{digest}",
                             [("Range", "bytes=1000000-40000000")])
        assert part.body == data[1_000_000:40_000_001]


def test_layers_from_the_registrys_disk(make_gate: GateMaker, registry: Registry,
                                        authority: Authority) -> None:
    gate = secured(make_gate, registry.url, authority, settings={
        "upstream": {"storage": str(registry.storage), "storage_verify": "off"}})
    data = content(64)
    with alice(gate) as client:
        digest = client.push_blob("disk", data)
        before = gate.metrics()["layergate_storage_served_total"]
        for _ in range(2):  # on one connection
            assert digest_of(client.expect(200, "GET", f"/v2/disk/blobs/{digest}").body) == digest
        assert client.expect(200, "HEAD", f"/v2/disk/blobs/{digest}")["content-length"] == str(len(data))
        for first, last in ((0, 0), (16_383, 16_384), (1_000_000, 40_000_000), (len(data) - 1, len(data) - 1)):
            part = client.expect(206, "GET", f"/v2/disk/blobs/{digest}", [("Range", f"bytes={first}-{last}")])
            assert part.body == data[first : last + 1]
        assert gate.metrics()["layergate_storage_served_total"] == before + 7


@pytest.mark.parametrize("size", [1, 1000, 300_000, 9 * MIB])
def test_chunked_bodies(gate: Gate, size: int) -> None:
    data = content(10)
    pieces = [data[at : at + size] for at in range(0, len(data) if size > 1 else 3000, size)]
    whole = b"".join(pieces)
    with alice(gate) as client:
        location = client.open_upload("chunks")
        coded = client.expect(202, "PATCH", location, [("Transfer-Encoding", "chunked")],
                              chunked(pieces))
        location = with_query(coded["location"], digest=digest_of(whole))
        client.expect(201, "PUT", location)
        assert client.expect(200, "GET", f"/v2/chunks/blobs/{digest_of(whole)}").body == whole


def test_expect_100_continue(gate: Gate) -> None:
    data = content(3)
    with alice(gate) as client, gate.connect() as connection:
        location = with_query(client.open_upload("expect"), digest=digest_of(data))
        connection.send(head("PUT", location, [
            gate.credential("alice"), ("Expect", "100-continue"), ("Content-Length", str(len(data)))]))
        assert connection.read_interim() == 100
        connection.send(data)
        assert connection.read_response("PUT").status == 201


def test_requests_in_any_records(gate: Gate) -> None:
    """Many requests in one record, and one request in many: no event of the kernel tells of those."""
    asked = head("GET", "/v2/", [gate.credential("alice")])
    with gate.connect() as connection:
        connection.send(asked * 300)
        for _ in range(300):
            assert connection.read_response().status == 200
        for byte in asked:
            connection.send(bytes([byte]))
        assert connection.read_response().status == 200
        # Records that arrive at once: more than one read takes.
        for _ in range(3):
            for at in range(0, len(asked), 7):
                connection.send(asked[at : at + 7])
            assert connection.read_response().status == 200


def test_a_slow_client_gets_all_of_it(gate: Gate) -> None:
    """And on the same connection the next answer: nothing is counted as sent that was only sealed."""
    data = content(12)
    with alice(gate) as client:
        digest = client.push_blob("slow", data)
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 128 << 10)
    raw.settimeout(20)
    raw.connect(gate.address)
    with gate.connect() as connection:
        connection.close()
        connection.socket = authority_of(gate).wrap_socket(raw, server_hostname="localhost")
        ask = head("GET", f"/v2/slow/blobs/{digest}", [gate.credential("alice")])
        for _ in range(2):
            connection.send(ask)
            response = connection.read_head()
            time.sleep(0.3)  # the sockets between fill up
            got = hashlib.sha256()
            for piece in connection.iterate_body(response):
                got.update(piece)
            assert "sha256:" + got.hexdigest() == digest


def authority_of(gate: Gate) -> ssl.SSLContext:
    assert gate.tls is not None
    return gate.tls


def test_an_ended_connection_says_so(gate: Gate) -> None:
    with gate.connect() as connection:
        answer = connection.request("GET", "/v2/", [gate.credential("alice"), ("Connection", "close")])
        assert answer.status == 200
        assert connection.socket.recv(1) == b""  # an end without close_notify would raise


def test_front_end_speaks_before_the_handshake(make_gate: GateMaker, registry: Registry,
                                               authority: Authority) -> None:
    gate = secured(make_gate, registry.url, authority,
                   listen={"trusted_proxies": ["127.0.0.1/32"]})
    header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11" + struct.pack(
        "!H4s4sHH", 12, socket.inet_aton("192.0.2.7"), socket.inet_aton("127.0.0.1"), 1000, 443)
    for at_once in (True, False):
        raw = socket.create_connection(gate.address, 10)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = authority_of(gate).wrap_bio(incoming, outgoing, server_hostname="localhost")
        with pytest.raises(ssl.SSLWantReadError):
            tls.do_handshake()
        hello = outgoing.read()
        with raw:
            if at_once:
                raw.sendall(header + hello)
            else:
                raw.sendall(header)
                time.sleep(0.05)
                raw.sendall(hello)
            asked, answer = False, b""
            while b"\r\n\r\n" not in answer:
                piece = raw.recv(1 << 16)
                assert piece, "closed"
                incoming.write(piece)
                try:
                    if not asked:
                        tls.do_handshake()
                        tls.write(head("GET", f"/v2/front{at_once:d}/tags/list",
                                       [gate.credential("alice")]))
                        asked = True
                    answer += tls.read(1 << 16)
                except ssl.SSLWantReadError:
                    pass
                raw.sendall(outgoing.read())
        record = gate.wait_record(lambda found: found["repository"] == f"front{at_once:d}")
        assert record["address"] == "192.0.2.7"


# Real clients

def test_skopeo_pushes_and_pulls(gate: Gate, authority: Authority, tmp_path: Path) -> None:
    made = image({"weights.bin": os.urandom(24 << 20)}, {"config.json": b"{}"})
    layout = write_layout(made, tmp_path / "pushed")
    remote = f"docker://localhost:{gate.address[1]}/telechat:7b-fp16"
    run("skopeo", "copy", "--dest-cert-dir", authority.root, "--dest-creds", LOGIN,
        f"oci:{layout}:latest", remote)
    run("skopeo", "copy", "--src-cert-dir", authority.root, "--src-creds", LOGIN,
        remote, f"oci:{tmp_path}/pulled:latest")
    for blob in (layout / "blobs/sha256").iterdir():
        assert (tmp_path / "pulled/blobs/sha256" / blob.name).read_bytes() == blob.read_bytes()


# Certificates that change

def put(to: Pair, new: Pair) -> None:
    """As renewal tools do: each file by a rename, one after the other."""
    for source, target in ((new.key, to.key), (new.certificate, to.certificate)):
        beside = target.with_name(f".{target.name}.new")
        beside.write_bytes(source.read_bytes())
        beside.chmod(0o600)
        beside.rename(target)


def shown(gate: Gate) -> bytes:
    with gate.connect() as connection:
        return connection.socket.getpeercert(True)  # type: ignore[attr-defined]


def installed(root: Path, pair: Pair) -> Pair:
    """The pair at a place where it can be replaced."""
    root.mkdir()
    here = Pair(root / "server.crt", root / "server.key")
    put(here, pair)
    return here


def test_a_hundred_swaps_under_load(make_gate: GateMaker, registry: Registry, authority: Authority,
                                    tmp_path: Path) -> None:
    pairs = [authority.issue(), authority.issue()]
    here = installed(tmp_path / "tls", pairs[0])
    gate = secured(make_gate, registry.url, authority, here)
    data = content(2)
    with alice(gate) as client:
        digest = client.push_blob("swaps", data)
    failed: list[str] = []
    asked = [0] * 4
    over = threading.Event()

    def load(number: int) -> None:
        try:
            with alice(gate) as client:
                while not over.is_set():
                    got = client.expect(200, "GET", f"/v2/swaps/blobs/{digest}").body
                    assert got == data
                    asked[number] += 1
                    if number % 2 == 0:
                        client.close()  # a new handshake for each
        except Exception as error:
            failed.append(repr(error))

    threads = [threading.Thread(target=load, args=(number,)) for number in range(len(asked))]
    for thread in threads:
        thread.start()
    try:
        for number in range(1, 101):
            put(here, pairs[number % 2])
            wait(lambda: shown(gate) == pairs[number % 2].der, f"swap {number}")
            assert not failed
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert not failed
    assert all(count > 10 for count in asked), asked
    state = state_of_tls(gate)
    assert state["problems"] == [] and state["generation"] > 100


def test_a_bad_pair_keeps_the_old_one_and_says_so(make_gate: GateMaker, registry: Registry,
                                                  authority: Authority, tmp_path: Path) -> None:
    first, second = authority.issue(), authority.issue()
    here = installed(tmp_path / "tls", first)
    gate = secured(make_gate, registry.url, authority, here)
    put(here, Pair(second.certificate, first.key))
    wait(lambda: bool(state_of_tls(gate)["problems"]), "the problem is told")
    told = f"layergate.yml:4:5: {here.key} is not the key of {here.certificate}"
    assert told in gate.log_text() and state_of_tls(gate)["problems"] == [told]
    assert state_of_tls(gate)["kept_back"] is True
    assert gate.metrics()["layergate_tls_kept_back"] == 1
    assert gate.is_ready()
    assert shown(gate) == first.der

    put(here, second)
    wait(lambda: shown(gate) == second.der, "the right pair is taken")
    assert state_of_tls(gate)["problems"] == []
    assert gate.metrics()["layergate_tls_kept_back"] == 0


def test_no_byte_of_a_key_is_in_the_log(make_gate: GateMaker, registry: Registry,
                                        authority: Authority, tmp_path: Path) -> None:
    pair = authority.issue()
    here = installed(tmp_path / "tls", pair)
    gate = secured(make_gate, registry.url, authority, here)
    here.certificate.write_bytes(pair.key.read_bytes())  # the files taken for one another
    wait(lambda: bool(state_of_tls(gate)["problems"]), "the problem is told")
    lines = [line for line in pair.key.read_text().splitlines() if not line.startswith("-----")]
    told = gate.log_text() + json.dumps(state_of_tls(gate))
    assert lines and not any(line in told for line in lines)


def test_expiry_is_in_the_metrics(gate: Gate, authority: Authority) -> None:
    with gate.connect() as connection:
        until = connection.socket.getpeercert()["notAfter"]  # type: ignore[attr-defined]
    of_port = {name: value for name, value in gate.metrics().items()
               if name.startswith("layergate_tls_certificate_expiry_seconds")}
    assert len(of_port) == 2
    assert ssl.cert_time_to_seconds(until) in of_port.values()


def test_check_tells_what_is_wrong(make_gate: GateMaker, authority: Authority) -> None:
    pair, other = authority.issue(), authority.issue()
    for tls, told in (
        ({"certificate": "absent.crt", "key": str(pair.key)}, "absent.crt cannot be opened"),
        ({"certificate": str(pair.certificate), "key": str(other.key)}, "is not the key of"),
    ):
        gate = make_gate("http://127.0.0.1:1", POLICY, PASSWORDS, listen={"tls": tls}, start=False)
        checked = gate.run_verb("check", check=False)
        assert checked.returncode == 3
        assert re.search(rf"error: layergate\.yml:4:5: .*{told}", checked.stderr.decode()), checked
        started = gate.run_verb("serve", check=False)
        assert started.returncode == 3 and told in started.stderr.decode()
    pair.key.chmod(0o644)
    gate = make_gate("http://127.0.0.1:1", POLICY, PASSWORDS, listen={"tls": pair.keys}, start=False)
    checked = gate.run_verb("check")
    assert "warning: layergate.yml:4:5: " in checked.stderr.decode()
    assert "is open to every user of this machine" in checked.stderr.decode()


# A registry over https

@pytest.fixture(scope="module")
def distant(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Registry]:
    with Registry(tmp_path_factory.mktemp("distant"), tls=authority) as started:
        yield started


def by_name(url: str) -> str:
    return url.replace("127.0.0.1", "localhost")


@pytest.mark.parametrize("inner", [True, False])
@pytest.mark.parametrize("named", [True, False])
def test_upstream_over_https(make_gate: GateMaker, distant: Registry, authority: Authority,
                             named: bool, inner: bool, tmp_path: Path) -> None:
    """By its name and by its address, with TLS on this side too and without."""
    url = by_name(distant.url) if named else distant.url
    settings = {"upstream": {"ca": str(authority.file)}}
    gate = (secured(make_gate, url, authority, settings=settings) if inner
            else make_gate(url, POLICY, PASSWORDS, settings=settings))
    made = image({"weights.bin": content(5)})
    with alice(gate) as client:
        client.push(f"https{named}{inner}".lower(), "latest", made)
        large = content(64)
        digest = client.push_blob("large", large)
        for _ in range(2):
            got = client.expect(200, "GET", f"/v2/large/blobs/{digest}").body
            assert digest_of(got) == digest
        location = client.open_upload("large")
        coded = client.expect(202, "PATCH", location, [("Transfer-Encoding", "chunked")],
                              chunked([large[:9_000_000], large[9_000_000:9_000_001]]))
        client.expect(201, "PUT", with_query(coded["location"], digest=digest_of(large[:9_000_001])))
    gate.wait_for_index()  # libcurl trusts the same authority
    assert "TLS with the registry" not in gate.log_text()


@pytest.mark.parametrize("trusts", ["another", "the system's"])
def test_index_does_not_speak_to_a_stranger(make_gate: GateMaker, distant: Registry,
                                            stranger: Authority, trusts: str) -> None:
    """libcurl fills the index: with what it would be told all rights could be had."""
    settings = {"upstream": {"ca": str(stranger.file)}} if trusts == "another" else {}
    gate = make_gate(distant.url, POLICY, PASSWORDS, settings=settings)
    answer = gate.ask("GET", "/v2/distant/tags/list", user="alice")
    assert answer.status == 503 and b"certificate" not in answer.body
    assert "certificate problem" in gate.log_text()


def is_refused(gate: Gate, why: str) -> None:
    """A request that the relay carries, which nothing was sent of."""
    answer = gate.ask("POST", "/v2/distant/blobs/uploads/", user="alice")
    assert answer.status == 502
    assert b"certificate" not in answer.body and b"127.0.0.1" not in answer.body
    assert f"TLS with the registry: certificate verify failed: {why}" in gate.log_text()


@pytest.mark.parametrize("named", [True, False])
def test_layers_do_not_go_to_a_stranger(make_gate: GateMaker, authority: Authority,
                                        stranger: Authority, named: bool) -> None:
    """The registry that was known is replaced by one of another authority, or for another name."""
    with RecordingUpstream(tls=server(authority.issue())) as fake:
        gate = make_gate(by_name(fake.url) if named else fake.url, POLICY, PASSWORDS,
                         settings={"upstream": {"ca": str(authority.file)}})
        gate.wait_for_index()
        assert gate.ask("GET", "/v2/distant/tags/list", user="alice").status in (200, 404)
        for pair, why in (
            (stranger.issue(), "unable to get local issuer certificate"),
            (authority.issue("DNS:other.test", "IP:192.0.2.1"),
             "hostname mismatch" if named else "IP address mismatch"),
        ):
            fake.tls = server(pair)
            fake.drop_connections()
            is_refused(gate, why)
        assert not fake.requests


def test_authority_of_the_upstream_changes(make_gate: GateMaker, distant: Registry,
                                           authority: Authority, stranger: Authority,
                                           tmp_path: Path) -> None:
    trusted = tmp_path / "ca.crt"
    trusted.write_bytes(authority.file.read_bytes())
    # Uploads go to the registry, whatever LAYERGATE_STORAGE says.
    gate = make_gate(distant.url, POLICY, PASSWORDS,
                     settings={"upstream": {"ca": str(trusted), "storage_mode": "read"}})
    gate.wait_for_index()
    for number, of, status in ((2, stranger, 502), (3, authority, 202)):
        Gate.replace(trusted, of.file.read_text())
        wait(lambda: state_of_tls(gate)["generation"] == number, "the other authority")
        answer = gate.ask("POST", "/v2/distant/blobs/uploads/", user="alice")
        assert answer.status == status


def test_upstream_sessions_are_resumed_and_connections_kept(make_gate: GateMaker,
                                                            authority: Authority) -> None:
    context = server(authority.issue())

    def handler(request: Request, _: socket.socket) -> bytes:
        if request.method == "POST":
            return reply("202 Accepted", b"", ("Location", "/v2/kept/blobs/uploads/x?_state=y"))
        return reply("200 OK", b"weights")

    made = image()
    with RecordingUpstream(tls=context, handler=handler) as fake:
        fake.holds.add("kept", "latest", made)
        gate = make_gate(fake.url, POLICY, PASSWORDS,
                         settings={"upstream": {"ca": str(authority.file)}, "workers": 1})
        gate.wait_for_index()
        before = context.session_stats()
        with alice(gate) as client:
            for _ in range(3):  # changes take a connection each
                client.open_upload("kept")
            after = context.session_stats()
            assert after["accept_good"] - before["accept_good"] == 3
            assert after["hits"] - before["hits"] >= 2  # short from the second one on
            connections = len(fake.streams)
            for _ in range(5):
                blob = client.expect(200, "GET", f"/v2/kept/blobs/{digest_of(made.layers[0])}")
                assert blob.body == b"weights"
            assert len(fake.streams) <= connections + 1


@pytest.mark.parametrize("secure", [True, False])
def test_a_kept_connection_that_the_registry_closes_is_left_alone(
        make_gate: GateMaker, authority: Authority, secure: bool) -> None:
    """Until it is wanted again: nobody is told of it over and over."""
    made = image()
    with RecordingUpstream(tls=server(authority.issue()) if secure else None,
                           handler=lambda *_: reply("200 OK", b"weights")) as fake:
        fake.holds.add("left", "latest", made)
        gate = make_gate(fake.url, POLICY, PASSWORDS,
                         settings={"upstream": {"ca": str(authority.file)} if secure else {}})
        gate.wait_for_index()
        with alice(gate) as client:
            target = f"/v2/left/blobs/{digest_of(made.layers[0])}"
            client.expect(200, "GET", target)
            fake.drop_connections()
            before = seconds_of(gate)
            time.sleep(1.5)
            assert seconds_of(gate) - before < 0.5
            client.expect(200, "GET", target)


def seconds_of(gate: Gate) -> float:
    """Of CPU that the program has used."""
    fields = Path(f"/proc/{gate.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("inner", [True, False])
def test_an_upstream_answer_that_is_cut_off_is_no_answer(make_gate: GateMaker, authority: Authority,
                                                         inner: bool) -> None:
    made = image()
    data = content(2)
    whole = {
        "length": reply("200 OK", data),
        "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked([data]),
    }
    # What somebody on the way can forge: an end of TCP, and none of TLS.
    parts = {"length": whole["length"][: len(data) // 2], "chunks": whole["chunks"][:-5],
             "no end": b"HTTP/1.1 200 OK\r\n\r\n" + data, "head": whole["length"][:10]}
    sent = b""

    def cut(_: Request, peer: socket.socket) -> None:
        peer.sendall(sent)
        peer.shutdown(socket.SHUT_RDWR)

    with RecordingUpstream(tls=server(authority.issue()), handler=cut) as fake:
        fake.holds.add("cut", "latest", made)
        settings = {"upstream": {"ca": str(authority.file)}}
        gate = (secured(make_gate, fake.url, authority, settings=settings) if inner
                else make_gate(fake.url, POLICY, PASSWORDS, settings=settings))
        ask = head("GET", f"/v2/cut/blobs/{digest_of(made.layers[0])}", [gate.credential("alice")])
        for name, sent in parts.items():
            with gate.connect() as connection:
                connection.send(ask)
                response = connection.read_head()
                if name in ("no end", "head"):
                    assert response.status == 502, name
                    continue
                assert response.status == 200
                with pytest.raises((BadResponse, OSError)):
                    for _ in connection.iterate_body(response):
                        pass
