"""What an account with `view, pull` on telechat:7b-* is refused: status, code, form and record.

The upstream is a recording one: a refusal must not even ask it, and what is there is refused as what is
not.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from conftest import GateMaker
from harness.client import error_code
from harness.gate import Gate, Record
from harness.images import MANIFEST, image
from harness.rawhttp import Response, digest_of
from harness.upstream import RecordingUpstream, Request, reply

POLICY = """\
version: 1
groups:
  research: [reader]
users:
  reader:   {permissions: [view, pull]}
  pusher:   {permissions: [view, pull, push]}
  everyone: {permissions: [view, pull, push, delete]}
  expired:  {permissions: [view, pull], expires: 2020-01-31T00:00:00Z}
  disabled: {permissions: [view, pull], enabled: false}
  abroad:   {permissions: [view, pull], from: [10.0.0.0/8, 127.0.0.9/32]}
  unlisted: {permissions: [admin]}
rules:
  - name: research pulls the small models
    who: ["@research", expired, disabled, abroad, pusher]
    images: ["telechat:7b-*"]
    allow: [view, pull, push]
  - name: everyone keeps telechat
    who: [everyone]
    images: [telechat]
    allow: [view, pull, push, delete]
  - name: nobody replaces a release
    who: ["*"]
    images: ["telechat:*-fp16"]
    deny: [push, delete]
    reason: fp16 images are releases
"""
PASSWORDS = {
    name: f"{name} Passw0rd!"
    for name in ("reader", "pusher", "everyone", "expired", "disabled", "abroad", "ghost")
}
DIGEST = digest_of(b"anything")  # of nothing that is there
BASE = {"base": b"a layer that all images share"}
SMALL, LARGE, RELEASE, SECRET = (
    image(BASE, {"model": name}) for name in (b"small", b"large", b"release", b"secret"))
LAYER_OF_LARGE, LAYER_OF_RELEASE = digest_of(LARGE.layers[1]), digest_of(RELEASE.layers[1])


def holds(upstream: RecordingUpstream) -> None:
    for tag, made in (("7b-int4", SMALL), ("12b-fp16", LARGE), ("7b-fp16", RELEASE)):
        upstream.holds.add("telechat", tag, made)
    upstream.holds.add("secret", "7b-int4", SECRET)


@pytest.fixture(scope="module")
def upstream_() -> Iterator[RecordingUpstream]:
    with RecordingUpstream() as started:
        holds(started)
        yield started


@pytest.fixture(scope="module")
def gate(make_module_gate: GateMaker, upstream_: RecordingUpstream) -> Gate:
    gate = make_module_gate(
        upstream_.url, POLICY, PASSWORDS, listen={"trusted_proxies": ["127.0.0.3/32"]}
    )
    gate.wait_for_index()
    return gate


@dataclass(frozen=True)
class Refusal:
    name: str
    user: str
    method: str
    target: str
    status: int
    code: str
    action: str | None = None  # as the record says it
    rule: str | None = None  # a part of the record's rule


REFUSALS = [
    # The acts the account has no permission for, on an image it may pull.
    Refusal("push: opening an upload", "reader", "POST", "/v2/telechat/blobs/uploads/",
            403, "DENIED", "push"),
    Refusal("push: a manifest", "reader", "PUT", "/v2/telechat/manifests/7b-int4",
            403, "DENIED", "push"),
    Refusal("push: a manifest by digest", "reader", "PUT", f"/v2/telechat/manifests/{DIGEST}",
            403, "DENIED", "push"),
    Refusal("push: mounting", "reader", "POST",
            f"/v2/telechat/blobs/uploads/?mount={DIGEST}&from=telechat", 403, "DENIED", "push"),
    Refusal("delete: a tag", "reader", "DELETE", "/v2/telechat/manifests/7b-int4",
            403, "DENIED", "delete"),
    Refusal("delete: a digest", "reader", "DELETE", f"/v2/telechat/manifests/{DIGEST}",
            403, "DENIED", "delete"),
    Refusal("delete: the digest of a tag it may pull", "reader", "DELETE",
            f"/v2/telechat/manifests/{SMALL.digest}", 403, "DENIED", "delete"),
    Refusal("delete: the digest of another tag", "reader", "DELETE",
            f"/v2/telechat/manifests/{LARGE.digest}", 403, "DENIED", "delete"),
    Refusal("delete: a blob", "reader", "DELETE", f"/v2/telechat/blobs/{DIGEST}",
            404, "BLOB_UNKNOWN", "delete"),
    Refusal("delete: a layer of a tag it may pull", "reader", "DELETE",
            f"/v2/telechat/blobs/{digest_of(SMALL.layers[1])}", 403, "DENIED", "delete"),
    Refusal("delete: a layer of another tag", "reader", "DELETE",
            f"/v2/telechat/blobs/{LAYER_OF_LARGE}", 404, "BLOB_UNKNOWN", "delete"),
    # Another tag, another repository.
    Refusal("another tag", "reader", "GET", "/v2/telechat/manifests/12b-fp16",
            403, "DENIED", "pull"),
    Refusal("another tag, HEAD", "reader", "HEAD", "/v2/telechat/manifests/12b-fp16",
            403, "DENIED", "pull"),
    Refusal("another repository", "reader", "GET", "/v2/secret/manifests/7b-int4",
            403, "DENIED", "pull"),
    Refusal("a name that only begins alike", "reader", "GET", "/v2/telechat/x/manifests/7b-int4",
            403, "DENIED", "pull"),
    # containerd asks for the manifest before it pushes, and stops on 403: who may push some tag of
    # the name is told 404 instead.
    Refusal("another tag, for a pusher", "pusher", "GET", "/v2/telechat/manifests/12b-fp16",
            404, "MANIFEST_UNKNOWN", "pull"),
    Refusal("another tag, for a pusher, HEAD", "pusher", "HEAD",
            "/v2/telechat/manifests/12b-fp16", 404, "MANIFEST_UNKNOWN", "pull"),
    Refusal("another repository, for a pusher", "pusher", "GET", "/v2/secret/manifests/7b-int4",
            403, "DENIED", "pull"),
    Refusal("pushing another tag", "pusher", "PUT", "/v2/telechat/manifests/12b-int4",
            403, "DENIED", "push"),
    Refusal("uploading elsewhere", "pusher", "POST", "/v2/secret/blobs/uploads/",
            403, "DENIED", "push"),
    # Deny beats allow.
    Refusal("replacing a release", "everyone", "PUT", "/v2/telechat/manifests/7b-fp16",
            403, "DENIED", "push", "nobody replaces a release"),
    Refusal("deleting a release", "everyone", "DELETE", "/v2/telechat/manifests/7b-fp16",
            403, "DENIED", "delete", "nobody replaces a release"),
    Refusal("deleting a release by its digest", "everyone", "DELETE",
            f"/v2/telechat/manifests/{RELEASE.digest}", 403, "DENIED", "delete",
            "nobody replaces a release"),
    Refusal("deleting a layer of a release", "everyone", "DELETE",
            f"/v2/telechat/blobs/{LAYER_OF_RELEASE}", 403, "DENIED", "delete",
            "nobody replaces a release"),
    Refusal("deleting a layer that a release shares", "everyone", "DELETE",
            f"/v2/telechat/blobs/{digest_of(RELEASE.layers[0])}", 403, "DENIED", "delete",
            "nobody replaces a release"),
    Refusal("deleting a digest that is not there", "everyone", "DELETE",
            f"/v2/telechat/manifests/{DIGEST}", 404, "MANIFEST_UNKNOWN", "delete"),
    # A digest opens nothing that no tag opens, and absent and hidden look alike.
    *(Refusal(f"{what}, {user}, {method}", user, method, f"/v2/{target}", status, code, "pull")
      for what, target in (
          ("a manifest that is not there", f"telechat/manifests/{DIGEST}"),
          ("a manifest of another tag", f"telechat/manifests/{LARGE.digest}"),
          ("a manifest of another repository here", f"telechat/manifests/{SECRET.digest}"),
          ("a blob as a manifest", f"telechat/manifests/{digest_of(SMALL.layers[0])}"))
      for user, status, code in (("reader", 403, "DENIED"), ("pusher", 404, "MANIFEST_UNKNOWN"))
      for method in ("GET", "HEAD")),
    *(Refusal(f"{what}, {user}, {method}", user, method, f"/v2/{target}", 404, "BLOB_UNKNOWN", "pull")
      for what, target in (
          ("a blob that is not there", f"telechat/blobs/{DIGEST}"),
          ("a blob of another tag", f"telechat/blobs/{LAYER_OF_LARGE}"),
          ("a blob of another repository", f"secret/blobs/{digest_of(SECRET.layers[1])}"),
          ("a blob of another repository here", f"telechat/blobs/{digest_of(SECRET.layers[1])}"))
      for user in ("reader", "pusher") for method in ("GET", "HEAD")),
    Refusal("a signature tag of nothing", "reader", "GET",
            f"/v2/telechat/manifests/{DIGEST.replace(':', '-')}.sig", 403, "DENIED", "pull"),
    Refusal("a signature tag of another tag", "reader", "GET",
            f"/v2/telechat/manifests/{LARGE.digest.replace(':', '-')}.sig", 403, "DENIED", "pull"),
    Refusal("referrers in another repository", "reader", "GET",
            f"/v2/secret/referrers/{SECRET.digest}", 403, "DENIED", "pull"),
    # The account itself.
    Refusal("expired", "expired", "GET", "/v2/telechat/manifests/7b-int4", 401, "UNAUTHORIZED"),
    Refusal("disabled", "disabled", "GET", "/v2/telechat/manifests/7b-int4", 401, "UNAUTHORIZED"),
    Refusal("in htpasswd but not in users", "ghost", "GET", "/v2/telechat/manifests/7b-int4",
            401, "UNAUTHORIZED"),
    Refusal("from a foreign address", "abroad", "GET", "/v2/telechat/manifests/7b-int4",
            403, "DENIED"),
    Refusal("login from a foreign address", "abroad", "GET", "/v2/", 403, "DENIED"),
]


def check_form(gate: Gate, response: Response, method: str, code: str) -> None:
    """What every refusal looks like on the wire."""
    if method == "HEAD":
        assert response.body == b""
    else:
        assert error_code(response) == code
    challenge = response.get("www-authenticate")
    if response.status == 401:
        assert challenge is not None and challenge.startswith('Basic realm="Layergate"')
    else:
        # A challenge beside 403 would make docker ask for the password again.
        assert challenge is None
    assert response["docker-distribution-api-version"] == "registry/2.0"


@dataclass(frozen=True)
class Refused:
    response: Response
    asked: int  # requests that reached the upstream meanwhile
    record: Record


@pytest.fixture(scope="module")
def refused(gate: Gate, upstream_: RecordingUpstream) -> dict[str, Refused]:
    """All of them by their names. At once, because records are written once a second."""
    answers: dict[str, tuple[Response, int]] = {}
    for case in REFUSALS:
        before = len(upstream_.asked() + upstream_.questioned())
        fields = [("Content-Type", MANIFEST)] if "/manifests/" in case.target else []
        response = gate.ask(case.method, case.target, user=case.user, fields=fields)
        answers[case.name] = response, len(upstream_.asked() + upstream_.questioned()) - before
    gate.wait_record(lambda record: record["trace"] == response["x-request-id"])
    records = {record["trace"]: record for record in gate.records()}
    return {name: Refused(response, asked, records[response["x-request-id"]])
            for name, (response, asked) in answers.items()}


def test_the_names_are_different() -> None:
    assert len({case.name for case in REFUSALS}) == len(REFUSALS)


@pytest.mark.parametrize("case", REFUSALS, ids=lambda case: case.name)
def test_refused(gate: Gate, refused: dict[str, Refused], case: Refusal) -> None:
    response, record = refused[case.name].response, refused[case.name].record
    assert response.status == case.status, response
    check_form(gate, response, case.method, case.code)
    assert refused[case.name].asked == 0, "a refusal asked the upstream"

    assert record["decision"] == "denied"
    assert record["user"] == case.user
    assert record["address"] == "127.0.0.1"
    assert record["method"] == case.method
    assert record["status"] == case.status
    assert record["code"] == case.code
    assert record["reason"], record
    if case.action is not None:
        assert record["action"] == case.action
        assert record["repository"] == case.target.split("/v2/")[1].rsplit("/", 2)[0].replace(
            "/blobs", "")
    if case.rule is not None:
        assert case.rule in record["rule"]


def test_all_that_is_wrong_with_a_credential_looks_alike(gate: Gate) -> None:
    target = "/v2/telechat/manifests/7b-int4"
    answers = [
        gate.ask("GET", target),
        gate.ask("GET", target, user="reader", password="wrong"),
        gate.ask("GET", target, user="nobody", password="wrong"),
        gate.ask("GET", target, user="unlisted", password="wrong"),
        gate.ask("GET", target, user="expired"),
        gate.ask("GET", target, user="expired", password="wrong"),
        gate.ask("GET", target, user="disabled"),
        gate.ask("GET", target, user="ghost"),
        # Not told apart from a wrong password at home, or it could be guessed from abroad.
        gate.ask("GET", target, user="abroad", password="wrong"),
    ]
    for answer in answers:
        assert answer.status == 401
        check_form(gate, answer, "GET", "UNAUTHORIZED")
    with_password = {(answer["www-authenticate"], answer.body) for answer in answers[1:]}
    assert len(with_password) == 1, with_password


@pytest.mark.parametrize(
    "value",
    [
        "Bearer abcdef",
        "Basic",
        "Basic ",
        "Basic !!!!",
        "Basic cmVhZGVy",  # "reader": no colon
        "Basic OnB3",  # ":pw": no user
        "Digest username=reader",
        "Basic cmVhZGVyOnB3 extra",
    ],
)
def test_a_credential_that_is_none_is_asked_for_again(gate: Gate, value: str) -> None:
    response = gate.ask("GET", "/v2/", fields=[("Authorization", value)])
    assert response.status == 401
    check_form(gate, response, "GET", "UNAUTHORIZED")


def test_no_password_at_all_is_recorded(gate: Gate) -> None:
    assert gate.ask("GET", "/v2/telechat/manifests/7b-anonymous").status == 401
    record = gate.wait_record(lambda r: r.get("reference") == "7b-anonymous")
    assert (record["decision"], record["status"], record["code"]) == ("denied", 401, "UNAUTHORIZED")
    assert not record["user"]
    assert record["reason"]


def test_login_works_for_who_may_do_anything_at_all(gate: Gate) -> None:
    for user in ("reader", "pusher", "everyone"):
        response = gate.ask("GET", "/v2/", user=user)
        assert response.status == 200
        assert response["docker-distribution-api-version"] == "registry/2.0"


class TestAddress:
    """`from:` asks for the client's address, which a trusted proxy may name."""

    TARGET = "/v2/telechat/manifests/7b-int4"

    def test_the_right_source_address_is_let_in(self, gate: Gate) -> None:
        assert gate.ask("GET", "/v2/", user="abroad", source="127.0.0.9").status == 200

    def test_a_wrong_source_address_is_refused(self, gate: Gate) -> None:
        response = gate.ask("GET", self.TARGET, user="abroad", source="127.0.0.2")
        assert response.status == 403
        record = gate.wait_record(lambda r: r["address"] == "127.0.0.2")
        assert record["status"] == 403 and "address" in record["reason"]

    @pytest.mark.parametrize("forwarded", ["10.1.2.3", "1.2.3.4, 10.1.2.3"])
    def test_a_trusted_proxy_names_the_client(self, gate: Gate, forwarded: str) -> None:
        response = gate.ask("GET", "/v2/", user="abroad", source="127.0.0.3",
                            fields=[("X-Forwarded-For", forwarded)])
        assert response.status == 200
        gate.wait_record(lambda r: r["address"] == "10.1.2.3")

    def test_only_the_rightmost_address_that_is_not_trusted_counts(self, gate: Gate) -> None:
        # The left ones are the client's own claim.
        response = gate.ask("GET", "/v2/", user="abroad", source="127.0.0.3",
                            fields=[("X-Forwarded-For", "10.1.2.3, 192.0.2.7")])
        assert response.status == 403
        gate.wait_record(lambda r: r["address"] == "192.0.2.7")

    def test_addresses_of_trusted_proxies_are_skipped(self, gate: Gate) -> None:
        response = gate.ask("GET", "/v2/", user="abroad", source="127.0.0.3",
                            fields=[("X-Forwarded-For", "10.1.2.3, 127.0.0.3")])
        assert response.status == 200

    def test_from_anybody_else_the_field_is_ignored(self, gate: Gate) -> None:
        response = gate.ask("GET", "/v2/", user="abroad", source="127.0.0.2",
                            fields=[("X-Forwarded-For", "10.1.2.3")])
        assert response.status == 403

    @pytest.mark.parametrize("forwarded", ["", "unknown", "10.1.2.3:99999", "10.1.2", "_hidden"])
    def test_a_proxy_that_names_no_address_opens_nothing(self, gate: Gate, forwarded: str) -> None:
        response = gate.ask("GET", "/v2/", user="abroad", source="127.0.0.3",
                            fields=[("X-Forwarded-For", forwarded)])
        assert response.status in (400, 403)

    def test_proxy_protocol_v2_names_the_client(self, gate: Gate) -> None:
        with gate.connect(source="127.0.0.3") as connection:
            connection.send(proxy_v2("10.1.2.3"))
            assert connection.request("GET", "/v2/", [gate.credential("abroad")]).status == 200

    def test_proxy_protocol_v2_of_anybody_else_is_refused(self, gate: Gate) -> None:
        with gate.connect(source="127.0.0.2") as connection:
            connection.send(proxy_v2("10.1.2.3"))
            assert connection.read_response().status == 400


def proxy_v2(client: str) -> bytes:
    """The header of HAProxy's PROXY protocol, version 2, for TCP over IPv4."""
    octets = bytes(int(part) for part in client.split("."))
    addresses = octets + bytes([127, 0, 0, 1]) + (40000).to_bytes(2, "big") + (5000).to_bytes(2, "big")
    return b"\r\n\r\n\0\r\nQUIT\n" + b"\x21\x11" + len(addresses).to_bytes(2, "big") + addresses


OTHER = digest_of(b"other")
# What nobody here may see: by a name without any right, and by a digest beside a right.
HIDDEN = [
    ("/v2/secret/manifests/7b-int4", "/v2/absent/manifests/7b-int4"),
    (f"/v2/secret/manifests/{SECRET.digest}", f"/v2/secret/manifests/{OTHER}"),
    (f"/v2/secret/blobs/{digest_of(SECRET.config)}", f"/v2/secret/blobs/{OTHER}"),
    (f"/v2/secret/referrers/{SECRET.digest}", f"/v2/absent/referrers/{OTHER}"),
    ("/v2/secret/tags/list", "/v2/absent/tags/list"),
    (f"/v2/secret/manifests/{SECRET.digest.replace(':', '-')}.sig",
     f"/v2/secret/manifests/{OTHER.replace(':', '-')}.sig"),
]
BESIDE = [
    ("/v2/telechat/manifests/12b-fp16", "/v2/telechat/manifests/12b-fp32"),
    (f"/v2/telechat/manifests/{LARGE.digest}", f"/v2/telechat/manifests/{OTHER}"),
    (f"/v2/telechat/blobs/{LAYER_OF_LARGE}", f"/v2/telechat/blobs/{OTHER}"),
    (f"/v2/telechat/referrers/{LARGE.digest}", f"/v2/telechat/referrers/{OTHER}"),
    (f"/v2/telechat/manifests/{LARGE.digest.replace(':', '-')}.sig",
     f"/v2/telechat/manifests/{OTHER.replace(':', '-')}.sig"),
]


def told(gate: Gate, user: str, method: str, target: str) -> tuple[int, bytes, list[str]]:
    """The answer, without what the client said itself, which may come back to it."""
    response = gate.ask(method, target, user=user)
    parts = target.split("/")
    body = response.body.replace(parts[2].encode(), b"NAME").replace(parts[4].encode(), b"REFERENCE")
    return response.status, body, sorted(name for name, _ in response.fields)


@pytest.mark.parametrize("user", ["reader", "pusher"])
@pytest.mark.parametrize("there, absent", [*HIDDEN, *BESIDE])
def test_a_refusal_does_not_tell_whether_the_thing_exists(
    gate: Gate, upstream_: RecordingUpstream, there: str, absent: str, user: str
) -> None:
    before = len(upstream_.asked() + upstream_.questioned())
    for method in ("GET", "HEAD", "DELETE"):
        assert told(gate, user, method, there) == told(gate, user, method, absent), method
    assert len(upstream_.asked() + upstream_.questioned()) == before


def test_nor_does_it_while_the_gate_does_not_know_it_itself(
    make_gate: GateMaker, upstream: RecordingUpstream
) -> None:
    """Who has no right is not kept waiting for an answer that changes nothing, and asks nothing."""
    holds(upstream)
    upstream.answers_index = False
    known = threading.Event()

    def answer(request: Request, _: object) -> bytes:
        assert known.wait(20)
        return reply("503 Service Unavailable")

    upstream.handler = answer
    gate = make_gate(upstream.url, POLICY, PASSWORDS)
    try:
        for there, absent in HIDDEN:
            for method in ("GET", "HEAD", "DELETE"):
                for target in (there, absent):
                    assert gate.ask(method, target, user="reader", timeout=2).status in (403, 404, 405)
                assert told(gate, "reader", method, there) == told(gate, "reader", method, absent)
        assert upstream.asked() == []
        assert {request.target.split("?")[0] for request in upstream.questioned()} <= {"/v2/_catalog"}
    finally:
        known.set()


def test_access_check_says_the_same(gate: Gate) -> None:
    """The command that operators ask agrees with the door."""
    for user, tag, action, allowed in [
        ("reader", "7b-int4", "pull", True),
        ("reader", "12b-fp16", "pull", False),
        ("reader", "7b-int4", "push", False),
        ("expired", "7b-int4", "pull", False),
        ("everyone", "7b-fp16", "push", False),
        ("everyone", "7b-fp16", "pull", True),
    ]:
        verb = gate.run_verb("access", "check", user, "telechat", tag, "--action", action,
                             check=False)
        assert verb.returncode == (0 if allowed else 1), (user, tag, action, verb)
