"""Manifests out of memory: what the client sees is what the registry would have said, and never more."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import GateMaker
from harness.client import Client, error_code
from harness.gate import Gate
from harness.images import INDEX, MANIFEST, image, index
from harness.managed import wait_for
from harness.rawhttp import Response, digest_of
from harness.registry import Registry

POLICY = """\
version: 1
users:
  owner: {permissions: [view, pull, push, delete]}
  bob:   {permissions: [view, pull]}
  eve:   {permissions: [view, pull]}
rules:
  - {who: [owner], images: ["**"], allow: [view, pull, push, delete]}
  - {who: [bob], images: ["shared:v*"], allow: [view, pull]}
"""
PASSWORDS = {name: f"{name} Passw0rd!" for name in ("owner", "bob", "eve")}
NAME = "shared"
ACCEPT = [("Accept", MANIFEST)]
SAME = ("content-type", "content-length", "docker-content-digest", "docker-distribution-api-version", "etag")


@pytest.fixture
def own_registry(tmp_path: Path) -> Iterator[Registry]:
    """One that the test may stop and damage."""
    with Registry(tmp_path / "registry") as started:
        yield started


@pytest.fixture
def gate(make_gate: GateMaker, own_registry: Registry) -> Gate:
    return make_gate(own_registry.url, POLICY, PASSWORDS)


@pytest.fixture
def owner(gate: Gate) -> Iterator[Client]:
    with Client(gate.connect, gate.credential("owner")) as client:
        yield client


def counted(gate: Gate) -> tuple[float, float]:
    metrics = gate.metrics()
    return metrics["layergate_manifest_cache_hits_total"], metrics["layergate_manifest_cache_misses_total"]


def get(gate: Gate, reference: str, user: str = "bob", method: str = "GET", *fields: tuple[str, str]) -> Response:
    return gate.ask(method, f"/v2/{NAME}/manifests/{reference}", user=user, fields=[*ACCEPT, *fields])


def shown(response: Response) -> dict[str, str | None]:
    return {name: response.get(name) for name in SAME}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_answer_is_the_registrys(gate: Gate, owner: Client, own_registry: Registry, method: str) -> None:
    made = image({"a": b"a"})
    owner.push(NAME, "v1", made)
    for reference in ("v1", made.digest):
        with own_registry.connect() as direct:
            theirs = direct.request(method, f"/v2/{NAME}/manifests/{reference}", ACCEPT)
        for turn in ("fetched", "from memory"):
            ours = get(gate, reference, "bob", method)
            assert (ours.status, ours.body) == (theirs.status, theirs.body), turn
            assert shown(ours) == shown(theirs), turn
    hits, misses = counted(gate)
    assert (hits, misses) == (3, 1)
    assert gate.metrics()["layergate_manifest_cache_bytes"] > len(made.manifest)
    wait_for([made.digest] * 4, lambda: [record.get("digest") for record in gate.records()
                                         if record["method"] == method], "four records with the digest")


@pytest.mark.parametrize("tag", ['"{}"', "{}", 'W/"{}"', '"x", "{}"', "*"])
def test_who_has_it_already_is_told_so(gate: Gate, owner: Client, tag: str) -> None:
    digest = owner.push(NAME, "v1", image({"a": b"a"}))
    for _ in range(2):
        same = get(gate, "v1", "bob", "GET", ("If-None-Match", tag.format(digest)))
        assert (same.status, same.body, same["etag"]) == (304, b"", f'"{digest}"')
    other = get(gate, "v1", "bob", "GET", ("If-None-Match", '"sha256:' + "0" * 64 + '"'))
    assert other.status == 200


def test_it_goes_on_while_the_registry_is_down(gate: Gate, owner: Client, own_registry: Registry) -> None:
    made, unread = image({"a": b"a"}), image({"a": b"b"})
    owner.push(NAME, "v1", made)
    owner.push(NAME, "v2", unread)
    assert get(gate, "v1").status == 200
    own_registry.stop()
    assert get(gate, "v1").body == made.manifest
    assert get(gate, made.digest, "bob", "HEAD").status == 200
    assert get(gate, "v2").status in (502, 503)
    own_registry.start()
    wait_for(200, lambda: get(gate, "v2").status, "the registry is back")


def test_what_is_in_memory_is_decided_as_ever(gate: Gate, owner: Client) -> None:
    secret = image({"secret": b"secret"})
    owner.push(NAME, "secret", secret)
    owner.push("private", "v1", secret)
    for _ in range(2):
        assert get(gate, "secret", "owner").status == 200
    for reference in ("secret", secret.digest):
        assert get(gate, reference, "bob").status == 403
        assert get(gate, reference, "eve").status == 403
    # The bytes are in memory, but nothing in this repository that bob may pull reaches them.
    owner.push(NAME, "v1", image({"a": b"a"}))
    assert get(gate, secret.digest, "bob").status == 403
    refused = gate.ask("GET", f"/v2/{NAME}/manifests/v1", user="bob",
                       fields=[("Accept", "application/vnd.oci.image.index.v1+json")])
    assert (refused.status, error_code(refused)) == (404, "MANIFEST_UNKNOWN")


def test_a_tag_that_moves_or_goes_is_followed_at_once(gate: Gate, owner: Client) -> None:
    for n in range(5):
        made = image({"a": b"turn %d" % n})
        owner.push(NAME, "v1", made)
        assert get(gate, "v1").body == made.manifest
        assert get(gate, "v1", "bob", "HEAD")["docker-content-digest"] == made.digest
    owner.expect(202, "DELETE", f"/v2/{NAME}/manifests/v1")
    assert get(gate, "v1").status == 404
    owner.push(NAME, "v1", made)
    assert get(gate, made.digest).status == 200
    owner.expect(202, "DELETE", f"/v2/{NAME}/manifests/{made.digest}")
    assert get(gate, made.digest, "owner").status == 404
    assert get(gate, "v1", "owner").status == 404


def manifest_file(registry: Registry, digest: str) -> Path:
    hexadecimal = digest.removeprefix("sha256:")
    return registry.storage / "docker/registry/v2/blobs/sha256" / hexadecimal[:2] / hexadecimal / "data"


def test_other_bytes_than_the_digests_never_pass(gate: Gate, owner: Client, own_registry: Registry) -> None:
    made = image({"a": b"a"})
    owner.push(NAME, "v1", made)
    file = manifest_file(own_registry, made.digest)
    other = made.manifest.replace(b'"schemaVersion"', b'"schemaVersio\\u006e"', 1)
    assert other != made.manifest
    file.write_bytes(other)
    for reference in ("v1", made.digest):
        for method in ("GET", "HEAD"):
            assert get(gate, reference, "bob", method).status == 503
    assert "gives other bytes" in gate.log_text()
    file.write_bytes(made.manifest)
    assert get(gate, "v1").body == made.manifest
    file.write_bytes(other)
    assert get(gate, "v1").body == made.manifest, "what was right before is right for ever"


@pytest.mark.concurrent
def test_many_first_readers_ask_the_registry_once(gate: Gate, owner: Client, own_registry: Registry) -> None:
    made = image({"a": b"a"})
    owner.push(NAME, "v1", made)
    before = own_registry_asked(own_registry, made.digest)
    bodies: list[bytes] = []

    def read() -> None:
        bodies.append(get(gate, "v1").body)

    threads = [threading.Thread(target=read) for _ in range(8)]
    own_registry.process.send(signal.SIGSTOP)
    try:
        for thread in threads:
            thread.start()
        wait_for(8.0, lambda: counted(gate)[1], "eight that found nothing")
    finally:
        own_registry.process.send(signal.SIGCONT)
    for thread in threads:
        thread.join()
    assert bodies == [made.manifest] * 8
    assert own_registry_asked(own_registry, made.digest) == before + 1


def own_registry_asked(registry: Registry, digest: str) -> int:
    return registry.process.log_text().count(f"GET /v2/{NAME}/manifests/{digest} HTTP")


def test_without_a_cache_all_comes_from_the_registry(make_gate: GateMaker, own_registry: Registry) -> None:
    gate = make_gate(own_registry.url, POLICY, PASSWORDS, settings={"cache": {"manifests": 0}})
    made = image({"a": b"a"})
    with Client(gate.connect, gate.credential("owner")) as owner:
        owner.push(NAME, "v1", made)
    assert get(gate, "v1").body == made.manifest
    assert counted(gate) == (0, 0)
    own_registry.stop()
    assert get(gate, "v1").status in (502, 503)


def test_others_who_write_are_noticed(make_gate: GateMaker, own_registry: Registry) -> None:
    """`exclusive: false`: where the tag is, the registry says each time."""
    gate = make_gate(own_registry.url, POLICY, PASSWORDS, settings={"upstream": {"exclusive": False}})
    made, moved = image({"a": b"a"}), image({"a": b"b"})
    with Client(own_registry.connect) as other:
        other.push(NAME, "v1", made)
        assert get(gate, "v1").body == made.manifest
        other.push(NAME, "v1", moved)
        assert get(gate, "v1").body == moved.manifest
        other.push(NAME, "v1", made)
        hits, _ = counted(gate)
        assert get(gate, "v1").body == made.manifest
        assert counted(gate)[0] == hits + 1


def test_an_index_and_its_images(gate: Gate, owner: Client) -> None:
    parts = [image({"a": b"amd64"}), image({"a": b"arm64"})]
    for part in parts:
        owner.push(NAME, f"v-{part.digest[7:15]}", part)
    whole = index(*parts)
    assert owner.put_manifest(NAME, "v1", whole, INDEX).status == 201
    every = [(whole, INDEX), *((part.manifest, part.media_type) for part in parts)]
    for _ in range(2):
        for manifest, media_type in every:
            got = gate.ask("GET", f"/v2/{NAME}/manifests/{digest_of(manifest)}", user="bob",
                           fields=[("Accept", media_type)])
            assert (got.body, got["content-type"]) == (manifest, media_type)
