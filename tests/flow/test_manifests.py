"""Manifests through the gate, against the real registry: which are taken, what refers to what, and the
tags that the policy does not leave to their pushers."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from conftest import GateMaker
from harness.client import Client, error_code
from harness.gate import Gate
from harness.images import (
    INDEX, LAYER, MANIFEST, Image, artifact, descriptor, encode, image, index,
)
from harness.rawhttp import Response, chunked, digest_of
from harness.registry import Registry

POLICY = """\
version: 1
users:
  owner:  {permissions: [view, pull, push, delete]}
  viewer: {permissions: [view, pull]}
  root:   {permissions: [admin]}
rules:
  - {who: [owner], images: ["**"], allow: [view, pull, push, delete]}
  - {who: [viewer], images: [shown], allow: [view, pull]}
"""
PASSWORDS = {name: f"{name} Passw0rd!" for name in ("owner", "viewer", "root")}


@pytest.fixture(scope="module")
def gate(make_module_gate: GateMaker, registry: Registry) -> Gate:
    return make_module_gate(registry.url, POLICY, PASSWORDS)


@pytest.fixture
def owner(gate: Gate) -> Iterator[Client]:
    with Client(gate.connect, gate.credential("owner")) as client:
        yield client


class TestPush:
    """What a manifest has to be."""

    @pytest.fixture
    def made(self, owner: Client) -> Image:
        made = image({"a": b"pushed"})
        for data in made.blobs:
            owner.push_blob("api", data)
        return made

    def test_the_answer(self, owner: Client, made: Image) -> None:
        for reference in ("pushed", made.digest):
            done = owner.put_manifest("api", reference, made.manifest, MANIFEST)
            assert done.status == 201
            assert done["location"] == f"/v2/api/manifests/{made.digest}"
            assert done["docker-content-digest"] == made.digest
            assert done.get("oci-subject") is None
            assert owner.expect(200, "GET", done["location"], [("Accept", MANIFEST)]).body == (
                made.manifest)

    @pytest.mark.parametrize("framing", ["length", "chunks"])
    def test_however_it_is_framed(self, owner: Client, made: Image, framing: str) -> None:
        fields, body = [("Content-Type", MANIFEST)], made.manifest
        if framing == "chunks":
            fields.append(("Transfer-Encoding", "chunked"))
            body = chunked([body[:1], body[1:100], body[100:]])
        done = owner.expect(201, "PUT", "/v2/api/manifests/framed", fields, body)
        assert done["docker-content-digest"] == made.digest

    @pytest.mark.parametrize("name, media_type, change, code", [
        ("no media type that is known", "application/json", {}, "MANIFEST_INVALID"),
        ("another media type than it says itself", INDEX, {}, "MANIFEST_INVALID"),
        ("no JSON", MANIFEST, None, "MANIFEST_INVALID"),
        ("schema 1", "application/vnd.docker.distribution.manifest.v1+prettyjws",
         {"schemaVersion": 1, "mediaType": None}, "MANIFEST_INVALID"),
        ("layers without digests", MANIFEST, {"layers": [{}]}, "MANIFEST_INVALID"),
        ("a layer that is nowhere", MANIFEST, {"layers": [descriptor(LAYER, b"nowhere")]},
         "MANIFEST_BLOB_UNKNOWN"),
    ], ids=lambda value: value if isinstance(value, str) and " " in value else "")
    def test_what_is_not_taken(self, owner: Client, made: Image, name: str, media_type: str,
                               change: dict[str, Any] | None, code: str) -> None:
        data = b"{"
        if change is not None:
            members = {**json.loads(made.manifest), **change}
            data = encode({key: value for key, value in members.items() if value is not None})
        refused = owner.put_manifest("api", "not-taken", data, media_type)
        assert refused.status == (404 if code == "MANIFEST_BLOB_UNKNOWN" else 400)
        assert error_code(refused) == code
        if name == "schema 1":
            assert b"schema 1" in refused.body
        owner.expect(404, "HEAD", "/v2/api/manifests/not-taken")

    def test_another_digest(self, owner: Client, made: Image) -> None:
        refused = owner.put_manifest("api", digest_of(b"another"), made.manifest, MANIFEST)
        assert (refused.status, error_code(refused)) == (400, "DIGEST_INVALID")


class TestReferrers:
    """registry 2.8.2 has none, and answers 404. They are listed from the index."""

    SIGNATURE, NOTE = "application/vnd.test.signature", "application/vnd.test.note"

    @pytest.fixture
    def subject(self, owner: Client) -> Image:
        made = image({"a": secrets.token_bytes(8)})
        owner.push("api", "subject", made)
        return made

    @staticmethod
    def listed(client: Client, digest: str, query: str = "") -> tuple[Response, list[dict[str, Any]]]:
        response = client.expect(200, "GET", f"/v2/api/referrers/{digest}{query}")
        assert response["content-type"] == INDEX
        body = json.loads(response.body)
        assert (body["schemaVersion"], body["mediaType"]) == (2, INDEX)
        return response, body["manifests"]

    def attach(self, client: Client, kind: str, subject: str) -> Image:
        made = artifact(kind, secrets.token_bytes(8), {
            "mediaType": MANIFEST, "digest": subject, "size": 1})
        for data in made.blobs:
            client.push_blob("api", data)
        done = client.put_manifest("api", made.digest, made.manifest, MANIFEST)
        assert done.status == 201
        assert done["oci-subject"] == subject
        return made

    def test_none(self, owner: Client, subject: Image) -> None:
        assert self.listed(owner, subject.digest)[1] == []

    def test_of_what_is_not_there(self, owner: Client) -> None:
        assert self.listed(owner, digest_of(b"absent"))[1] == []

    def test_all_and_those_of_one_type(self, owner: Client, subject: Image) -> None:
        made = [self.attach(owner, kind, subject.digest) for kind in (self.SIGNATURE, self.NOTE)]
        response, all_ = self.listed(owner, subject.digest)
        assert response.get("oci-filters-applied") is None
        assert sorted(all_, key=lambda entry: entry["digest"]) == sorted(
            ({**descriptor(MANIFEST, each.manifest), "artifactType": kind}
             for each, kind in zip(made, (self.SIGNATURE, self.NOTE))),
            key=lambda entry: entry["digest"])
        response, some = self.listed(owner, subject.digest,
                                     f"?artifactType={quote(self.NOTE, safe='')}")
        assert response["oci-filters-applied"] == "artifactType"
        assert [entry["digest"] for entry in some] == [made[1].digest]

    def test_a_subject_may_come_later(self, owner: Client) -> None:
        subject = image({"a": secrets.token_bytes(8)})
        made = self.attach(owner, self.NOTE, subject.digest)
        owner.push("api", "subject", subject)
        assert [entry["digest"] for entry in self.listed(owner, subject.digest)[1]] == [made.digest]

    def test_to_who_may_pull_nothing_here(self, gate: Gate, subject: Image) -> None:
        for digest in (subject.digest, digest_of(b"absent")):
            response = gate.ask("GET", f"/v2/api/referrers/{digest}", user="viewer")
            assert (response.status, error_code(response)) == (403, "DENIED")


class TestImmutable:
    """`immutable:` in the policy. For admins too."""

    @pytest.fixture
    def gate(self, make_gate: GateMaker, registry: Registry) -> Gate:
        return make_gate(registry.url, POLICY + 'immutable: ["release/**:v*"]\n', PASSWORDS)

    @pytest.fixture(params=["owner", "root"])
    def client(self, request: pytest.FixtureRequest, gate: Gate) -> Iterator[Client]:
        with Client(gate.connect, gate.credential(request.param)) as client:
            yield client

    def test_a_tag_is_pushed_once(self, gate: Gate, client: Client) -> None:
        name = f"release/{secrets.token_hex(4)}"
        first, second = image({"a": b"first"}), image({"a": b"second"})
        client.push(name, "v1", first)
        client.push(name, "v1", first)  # the same again moves nothing
        for data in second.blobs:
            client.push_blob(name, data)
        moved = client.put_manifest(name, "v1", second.manifest, MANIFEST)
        assert (moved.status, error_code(moved)) == (403, "DENIED")
        client.push(name, "nightly", second)  # not immutable
        client.push(name, "nightly", first)
        for target in (f"/v2/{name}/manifests/v1", f"/v2/{name}/manifests/{first.digest}",
                       f"/v2/{name}/blobs/{digest_of(first.layers[0])}"):
            kept = client.expect(403, "DELETE", target)
            assert error_code(kept) == "DENIED"
        client.expect(202, "DELETE", f"/v2/{name}/manifests/nightly")
        got = client.expect(200, "GET", f"/v2/{name}/manifests/v1", [("Accept", MANIFEST)])
        assert got.body == first.manifest
        # The command that operators ask knows that it is there.
        for tag, action, allowed in [("v1", "push", False), ("v1", "delete", False),
                                     ("v2", "push", True), ("nightly", "push", True)]:
            verb = gate.run_verb("access", "check", "owner", name, tag, "--action", action,
                                 check=False)
            assert verb.returncode == (0 if allowed else 1), verb

    def test_what_an_immutable_index_names_stays(self, client: Client) -> None:
        name = f"release/{secrets.token_hex(4)}"
        child = image({"a": b"child"})
        client.push(name, child.digest, child)
        assert client.put_manifest(name, "v1", index(child), INDEX).status == 201
        assert client.ask("DELETE", f"/v2/{name}/manifests/{child.digest}").status == 403
        client.expect(200, "GET", f"/v2/{name}/manifests/{child.digest}", [("Accept", MANIFEST)])

    def test_of_many_first_pushes_one_is_first(self, gate: Gate) -> None:
        # zot CVE-2026-31801: a create that moved.
        name = f"release/{secrets.token_hex(4)}"
        made = [image({"a": b"%d" % number}) for number in range(8)]
        with Client(gate.connect, gate.credential("owner")) as owner:
            for each in made:
                for data in each.blobs:
                    owner.push_blob(name, data)
        statuses: dict[str, int] = {}

        def put(each: Image) -> None:
            with Client(gate.connect, gate.credential("owner")) as client:
                answer = client.put_manifest(name, "v1", each.manifest, MANIFEST)
                statuses[each.digest] = answer.status

        threads = [threading.Thread(target=put, args=(each,)) for each in made]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(statuses.values()) == [201] + [403] * 7
        got = gate.ask("GET", f"/v2/{name}/manifests/v1", user="owner", fields=[("Accept", MANIFEST)])
        assert statuses[got["docker-content-digest"]] == 201


class TestUnregistered:
    """`unregistered: push`: people push first and register afterwards."""

    POLICY = """\
version: 1
users:
  alice: {permissions: [view, pull, push, delete]}
  bob:   {permissions: [view, pull, push]}
  carol: {permissions: [view, pull]}
rules:
  - {who: [alice], images: ["covered:*"], allow: [view, pull, push]}
"""
    PASSWORDS = {name: f"{name} Passw0rd!" for name in ("alice", "bob", "carol")}

    @pytest.fixture
    def gate(self, make_gate: GateMaker, registry: Registry) -> Gate:
        return make_gate(registry.url, self.POLICY + "unregistered: push\n", self.PASSWORDS)

    @pytest.fixture
    def name(self) -> str:
        return f"new/{secrets.token_hex(4)}"

    @staticmethod
    def as_(gate: Gate, account: str) -> Client:
        return Client(gate.connect, gate.credential(account))

    def test_who_pushed_first_goes_on_and_nobody_else(self, gate: Gate, name: str) -> None:
        first, second = image({"a": b"first"}), image({"a": b"second"})
        target = f"/v2/{name}/manifests/v1"
        with self.as_(gate, "alice") as alice, self.as_(gate, "bob") as bob:
            alice.push(name, "v1", first)
            alice.push(name, "v1", second)
            assert alice.expect(200, "GET", target, [("Accept", MANIFEST)]).body == second.manifest
            assert json.loads(alice.expect(200, "GET", f"/v2/{name}/tags/list").body)["tags"] == ["v1"]
            assert name in json.loads(alice.expect(200, "GET", "/v2/_catalog").body)["repositories"]
            # To take it away is not among what it gives.
            alice.expect(403, "DELETE", target)
            bob.expect(404, "GET", target, [("Accept", MANIFEST)])  # he may push here, so not 403
            for data in first.blobs:
                bob.push_blob(name, data)
            taken = bob.put_manifest(name, "v1", first.manifest, MANIFEST)
            assert (taken.status, error_code(taken)) == (403, "DENIED")
            bob.expect(404, "GET", f"/v2/{name}/blobs/{digest_of(second.layers[0])}")
            bob.push(name, "v2", first)
            assert json.loads(bob.expect(200, "GET", f"/v2/{name}/tags/list").body)["tags"] == ["v2"]

    def test_it_needs_the_permission(self, gate: Gate, name: str) -> None:
        with self.as_(gate, "carol") as carol:
            assert carol.ask("POST", f"/v2/{name}/blobs/uploads/").status == 403
            assert carol.ask("GET", f"/v2/{name}/manifests/v1").status == 403

    def test_what_a_rule_covers_is_closed(self, gate: Gate) -> None:
        with self.as_(gate, "bob") as bob:
            assert bob.ask("POST", "/v2/covered/blobs/uploads/").status == 403
            assert bob.put_manifest("covered", "v1", image().manifest, MANIFEST).status == 403

    def test_and_stays_closed_when_the_rule_goes(self, gate: Gate) -> None:
        rule = "  - {who: [alice], images: [\"covered:*\"], allow: [view, pull, push]}\n"
        with self.as_(gate, "bob") as bob:
            assert bob.ask("POST", "/v2/covered/blobs/uploads/").status == 403
            gate.write_policy(self.POLICY.replace("rules:\n" + rule, "rules: []\n")
                              + "unregistered: push\n")
            deadline = time.monotonic() + 5
            while gate.metrics()["layergate_policy_generation"] < 2:
                assert time.monotonic() < deadline
                time.sleep(0.05)
            assert bob.ask("POST", "/v2/covered/blobs/uploads/").status == 403
            bob.close()
            gate.stop()
            gate.start()
            assert bob.ask("POST", "/v2/covered/blobs/uploads/").status == 403
            bob.expect(202, "POST", "/v2/never-covered/blobs/uploads/")

    def test_not_without_that_line(self, make_gate: GateMaker, registry: Registry, name: str) -> None:
        gate = make_gate(registry.url, self.POLICY, self.PASSWORDS)
        assert gate.ask("POST", f"/v2/{name}/blobs/uploads/", user="alice").status == 403

    def test_of_many_first_pushes_of_several_accounts_one_is_first(self, gate: Gate, name: str) -> None:
        made = {account: image({"a": account.encode()}) for account in ("alice", "bob")}
        statuses: dict[str, int] = {}

        def put(account: str) -> None:
            with self.as_(gate, account) as client:
                statuses[account] = client.put_manifest(
                    name, "v1", made[account].manifest, MANIFEST).status

        for account, each in made.items():
            with self.as_(gate, account) as client:
                for data in each.blobs:
                    client.push_blob(name, data)
        threads = [threading.Thread(target=put, args=(account,)) for account in made]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(statuses.values()) == [201, 403]
