"""Content discovery: referrers."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from harness.images import INDEX, MANIFEST, descriptor, encode, image
from harness.rawhttp import Response, digest_of

from .case import ACCEPT, Side, Table
from .manifests import EMPTY, EMPTY_TYPE

TABLE = Table("referrers")
case = TABLE.case
LACKS = "referrers API"

SUBJECT = image({"a": b"the subject"})
BAGEL, CROISSANT = "application/vnd.example.bagel", "application/vnd.example.croissant+json"
NOTE = "org.opencontainers.conformance.test"


def referrer(kind: str, note: str, subject: dict[str, Any], *, by_config: bool = False) -> bytes:
    """A manifest whose artifactType is `kind`, in a field of its own or as the config's type."""
    fields: dict[str, Any] = {"config": descriptor(kind, EMPTY)} if by_config else {
        "artifactType": kind, "config": descriptor(EMPTY_TYPE, EMPTY)}
    return encode({"schemaVersion": 2, "mediaType": MANIFEST, **fields,
                   "layers": [descriptor(EMPTY_TYPE, EMPTY)], "subject": subject,
                   "annotations": {NOTE: note}})


def index_referrer(note: str, subject: dict[str, Any], children: list[bytes],
                   kind: str | None = None) -> bytes:
    return encode({"schemaVersion": 2, "mediaType": INDEX,
                   **({"artifactType": kind} if kind else {}),
                   "manifests": [descriptor(MANIFEST, child) for child in children],
                   "subject": subject, "annotations": {NOTE: note}})


def listed(side: Side, digest: str, kind: str | None = None) -> list[dict[str, Any]]:
    """The descriptors in an answer whose form is checked."""
    query = f"?artifactType={quote(kind, safe='')}" if kind else ""
    response = side.expect(200, "GET", f"/v2/{side.name}/referrers/{digest}{query}")
    assert response["content-type"] == INDEX
    if kind:
        applied = response["oci-filters-applied"].split(",")
        assert [one.strip() for one in applied] == ["artifactType"]
    else:
        assert response.get("oci-filters-applied") is None
    found = json.loads(response.body)
    assert found["schemaVersion"] == 2 and found["mediaType"] == INDEX
    return found["manifests"]


def entry(data: bytes, kind: str | None, note: str) -> dict[str, Any]:
    """What the list says of a referrer."""
    media_type = json.loads(data)["mediaType"]
    return {**descriptor(media_type, data), **({"artifactType": kind} if kind else {}),
            "annotations": {NOTE: note}}


def by_digest(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(entries, key=lambda one: one["digest"])


def _put(side: Side, data: bytes) -> Response:
    return side.put(digest_of(data), data, json.loads(data)["mediaType"])


def _have_all(side: Side) -> list[dict[str, Any]]:
    """The official suite's set, some before the subject and some after; returns its entries."""
    subject = descriptor(MANIFEST, SUBJECT.manifest)
    side.have_blob(EMPTY)
    early = [referrer(BAGEL, "config a", subject, by_config=True),
             referrer(BAGEL, "layer a", subject)]
    early += [index_referrer("index", subject, early, "application/vnd.example.stand")]
    late = [referrer(CROISSANT, "config b", subject, by_config=True),
            referrer(CROISSANT, "layer b", subject),
            index_referrer("an index without a type", subject, early[:1])]
    for data in early:
        side.have_manifest(digest_of(data), data, json.loads(data)["mediaType"])
    side.have(SUBJECT, "latest")
    for data in late:
        side.have_manifest(digest_of(data), data, json.loads(data)["mediaType"])
    kinds = [BAGEL, BAGEL, "application/vnd.example.stand", CROISSANT, CROISSANT, None]
    notes = ["config a", "layer a", "index", "config b", "layer b", "an index without a type"]
    return [entry(*each) for each in zip(early + late, kinds, notes)]


@case(lacks=LACKS)
def of_what_is_absent(side: Side) -> None:
    side.have(SUBJECT, "latest")
    assert listed(side, digest_of(b"hello world")) == []


@case(lacks=LACKS)
def in_a_repository_that_is_absent(side: Side) -> None:
    """A registry with the API never says 404 to it."""
    assert listed(side, digest_of(b"hello world")) == []


@case(lacks=LACKS)
def of_what_has_none(side: Side) -> None:
    side.have(SUBJECT, "latest")
    assert listed(side, SUBJECT.digest) == []
    assert listed(side, SUBJECT.digest, BAGEL) == []


@case(lacks=LACKS)
def all_of_them(side: Side) -> None:
    """With types (the config's where the manifest has none of its own) and annotations."""
    wanted = _have_all(side)
    assert by_digest(listed(side, SUBJECT.digest)) == by_digest(wanted)


@case(lacks=LACKS)
def of_one_type(side: Side) -> None:
    wanted = _have_all(side)
    for kind, count in ((BAGEL, 2), (CROISSANT, 2), ("application/vnd.example.stand", 1)):
        some = [one for one in wanted if one.get("artifactType") == kind]
        assert len(some) == count
        assert by_digest(listed(side, SUBJECT.digest, kind)) == by_digest(some)
    assert listed(side, SUBJECT.digest, "application/vnd.example.other") == []


@case(lacks=LACKS)
def each_can_be_pulled(side: Side) -> None:
    _have_all(side)
    for one in listed(side, SUBJECT.digest):
        got = side.expect(200, "GET", side.manifest(one["digest"]), ACCEPT)
        assert len(got.body) == one["size"] and got["content-type"] == one["mediaType"]
        assert digest_of(got.body) == one["digest"]


@case(lacks=LACKS)
def of_another_repository_are_not_listed(side: Side) -> None:
    side.have(SUBJECT, "latest")
    side.have_blob(EMPTY, side.other)
    data = referrer(BAGEL, "there", descriptor(MANIFEST, SUBJECT.manifest))
    side.expect(201, "PUT", side.manifest(digest_of(data), side.other),
                [("Content-Type", MANIFEST)], data)
    assert listed(side, SUBJECT.digest) == []


@case(lacks=LACKS)
def of_a_referrer(side: Side) -> None:
    """A signature of an sbom of an image: each knows its own."""
    side.have(SUBJECT, "latest")
    side.have_blob(EMPTY)
    sbom = referrer(BAGEL, "sbom", descriptor(MANIFEST, SUBJECT.manifest))
    signature = referrer(CROISSANT, "signature", descriptor(MANIFEST, sbom))
    for data in (sbom, signature):
        side.have_manifest(digest_of(data), data)
    assert listed(side, SUBJECT.digest) == [entry(sbom, BAGEL, "sbom")]
    assert listed(side, digest_of(sbom)) == [entry(signature, CROISSANT, "signature")]


@case(lacks=LACKS)
def with_tags_of_their_own(side: Side) -> None:
    side.have(SUBJECT, "latest")
    side.have_blob(EMPTY)
    data = referrer(BAGEL, "tagged", descriptor(MANIFEST, SUBJECT.manifest))
    for tag in ("sbom", "sbom-2"):
        side.have_manifest(tag, data)
    assert listed(side, SUBJECT.digest) == [entry(data, BAGEL, "tagged")]


@case(lacks=LACKS)
def of_a_subject_that_comes_later(side: Side) -> None:
    """As long as it is absent, the official suite lists them and the contract does not ask for it;
    from its coming on they are there."""
    side.have_blob(EMPTY)
    data = referrer(BAGEL, "early", descriptor(MANIFEST, SUBJECT.manifest))
    side.have_manifest(digest_of(data), data)
    wanted = [entry(data, BAGEL, "early")]
    assert listed(side, SUBJECT.digest) in ([], wanted)
    side.have(SUBJECT, "latest")
    assert listed(side, SUBJECT.digest) == wanted


@case(lacks=LACKS)
def without_those_that_were_deleted(side: Side) -> None:
    side.have(SUBJECT, "latest")
    side.have_blob(EMPTY)
    first, second = (referrer(BAGEL, note, descriptor(MANIFEST, SUBJECT.manifest))
                     for note in ("first", "second"))
    for data in (first, second):
        side.have_manifest(digest_of(data), data)
    side.expect(202, "DELETE", side.manifest(digest_of(first)))
    assert listed(side, SUBJECT.digest) == [entry(second, BAGEL, "second")]


@case(lacks=LACKS)
def of_a_malformed_digest(side: Side) -> None:
    side.have(SUBJECT, "latest")
    side.expect(400, "GET", f"/v2/{side.name}/referrers/sha256:totallywrong")


# OCI-Subject, by which a client knows that it need not keep the list itself


@case("oci-subject-of-a-manifest", lacks="OCI-Subject")
def oci_subject_of_a_manifest(side: Side) -> None:
    side.have(SUBJECT, "latest")
    side.have_blob(EMPTY)
    for by_config in (False, True):
        data = referrer(BAGEL, "new", descriptor(MANIFEST, SUBJECT.manifest), by_config=by_config)
        for reference in (digest_of(data), "tagged"):
            assert side.put(reference, data)["oci-subject"] == SUBJECT.digest


@case("oci-subject-of-an-index", lacks="OCI-Subject")
def oci_subject_of_an_index(side: Side) -> None:
    side.have(SUBJECT, "latest")
    data = index_referrer("new", descriptor(MANIFEST, SUBJECT.manifest), [SUBJECT.manifest])
    assert _put(side, data)["oci-subject"] == SUBJECT.digest


@case("oci-subject-of-an-absent-subject", lacks="OCI-Subject")
def oci_subject_of_an_absent_subject(side: Side) -> None:
    side.have_blob(EMPTY)
    data = referrer(BAGEL, "new", descriptor(MANIFEST, b"not there yet"))
    assert _put(side, data)["oci-subject"] == digest_of(b"not there yet")


@case()
def no_oci_subject_without_a_subject(side: Side) -> None:
    for data in SUBJECT.blobs:
        side.have_blob(data)
    assert side.put("latest", SUBJECT.manifest).get("oci-subject") is None


# The tag schema of clients that do not know the API


@case()
def the_tag_schema(side: Side) -> None:
    side.have(SUBJECT, "latest")
    side.have_blob(EMPTY)
    data = referrer(BAGEL, "kept by the client", descriptor(MANIFEST, SUBJECT.manifest))
    side.have_manifest(digest_of(data), data)
    tag = SUBJECT.digest.replace(":", "-")
    side.is_absent(side.manifest(tag))
    for entries in ([entry(data, BAGEL, "kept by the client")], []):
        found = encode({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries})
        side.put(tag, found, INDEX)
        assert side.get(side.manifest(tag), ACCEPT) == found
