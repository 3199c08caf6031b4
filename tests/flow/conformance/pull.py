"""Pull: manifests and blobs, HEAD and GET."""

from __future__ import annotations

import json

from harness.images import INDEX, MANIFEST, encode, image, index
from harness.rawhttp import digest_of

from .case import ACCEPT, Side, Table, error_codes, is_json

TABLE = Table("pull")
case = TABLE.case

DATA = bytes(range(256)) * 8  # 2048 bytes


@case()
def the_api_is_there(side: Side) -> None:
    side.expect(200, "GET", "/v2/")


# Blobs


@case()
def a_blob(side: Side) -> None:
    digest = side.have_blob(DATA)
    response = side.expect(200, "GET", side.blob(digest))
    assert response.body == DATA
    assert response["docker-content-digest"] == digest
    assert response["content-length"] == str(len(DATA))


@case()
def head_of_a_blob(side: Side) -> None:
    digest = side.have_blob(DATA)
    response = side.expect(200, "HEAD", side.blob(digest))
    assert response["docker-content-digest"] == digest
    assert response["content-length"] == str(len(DATA)) and response.body == b""


@case()
def a_blob_that_is_absent(side: Side) -> None:
    side.have_blob(DATA)
    side.is_absent(side.blob(digest_of(b"hello world")))
    response = side.ask("GET", side.blob(digest_of(b"hello world")))
    assert error_codes(response) == {"BLOB_UNKNOWN"}


@case()
def a_blob_of_another_repository(side: Side) -> None:
    digest = side.have_blob(b"only there", side.other)
    side.have_blob(DATA)
    side.is_absent(side.blob(digest))


@case()
def a_blob_of_a_repository_that_is_absent(side: Side) -> None:
    side.is_absent(side.blob(digest_of(DATA)))


@case()
def a_blob_by_a_malformed_digest(side: Side) -> None:
    side.have_blob(DATA)
    response = side.expect((400, 404), "GET", side.blob("sha256:totallywrong"))
    assert not is_json(response) or error_codes(response)


@case()
def well_known_blobs(side: Side) -> None:
    for data in (b"", b"{}"):
        digest = side.have_blob(data)
        assert side.expect(200, "HEAD", side.blob(digest))["content-length"] == str(len(data))
        assert side.get(side.blob(digest)) == data


def _range(span: str, first: int, last: int) -> None:
    @case(f"range-{first}-to-{last}")
    def ask(side: Side) -> None:
        digest = side.have_blob(DATA)
        response = side.expect(206, "GET", side.blob(digest), [("Range", f"bytes={span}")])
        assert response.body == DATA[first:last + 1]
        assert response["content-length"] == str(last + 1 - first)
        assert response["content-range"] in (
            f"bytes {first}-{last}/{len(DATA)}", f"bytes {first}-{last}/*")


_range("500-1499", 500, 1499)
_range("500-", 500, 2047)
_range("-500", 1548, 2047)
_range("2000-5000", 2000, 2047)


def _range_outside(span: str) -> None:
    # registry 2.8.2 gives the blob's length to a shorter text: an answer that never ends.
    @case(f"range-{span}-outside", lacks="ranges outside a blob")
    def ask(side: Side) -> None:
        digest = side.have_blob(DATA)
        for _ in range(2):
            side.expect(416, "GET", side.blob(digest), [("Range", f"bytes={span}")])
        assert side.get(side.blob(digest)) == DATA


_range_outside("500-0")
_range_outside("5000-10000")


# Manifests


def _manifest(side: Side, reference: str, data: bytes, media_type: str) -> None:
    """HEAD and GET say the same, and it is right."""
    asked = side.expect(200, "HEAD", side.manifest(reference), ACCEPT)
    got = side.expect(200, "GET", side.manifest(reference), ACCEPT)
    assert got.body == data and asked.body == b""
    for response in (asked, got):
        assert response["content-type"] == media_type
        assert response["content-length"] == str(len(data))
        assert response["docker-content-digest"] == digest_of(data)


@case()
def a_manifest_by_tag(side: Side) -> None:
    made = image()
    side.have(made, "latest")
    _manifest(side, "latest", made.manifest, MANIFEST)


@case()
def a_manifest_by_digest(side: Side) -> None:
    tagged, untagged = image({"a": b"tagged"}), image({"a": b"untagged"})
    side.have(tagged, "latest")
    side.have(untagged)
    for made in (tagged, untagged):
        _manifest(side, made.digest, made.manifest, MANIFEST)


@case()
def an_index_and_its_manifests(side: Side) -> None:
    amd, arm = image({"a": b"amd"}), image({"a": b"arm"}, architecture="arm64")
    for made in (amd, arm):
        side.have(made)
    both = index(amd, arm)
    side.have_manifest("multi", both, INDEX)
    for reference in ("multi", digest_of(both)):
        _manifest(side, reference, both, INDEX)
    for made in (amd, arm):
        _manifest(side, made.digest, made.manifest, MANIFEST)


@case()
def a_manifest_without_a_media_type(side: Side) -> None:
    """What it was pushed as is what it is served as."""
    made = image()
    side.have(made)
    bare = json.loads(made.manifest)
    del bare["mediaType"]
    side.have_manifest("bare", encode(bare))
    _manifest(side, "bare", encode(bare), MANIFEST)
    empty = encode({"schemaVersion": 2, "manifests": []})
    side.have_manifest("bare-index", empty, INDEX)
    _manifest(side, "bare-index", empty, INDEX)


@case(lacks="manifests without Accept")
def a_manifest_without_accept(side: Side) -> None:
    """The client SHOULD send one; the manifest is there whether it does or not."""
    made = image()
    side.have(made, "latest")
    for reference in ("latest", made.digest):
        response = side.expect(200, "GET", side.manifest(reference))
        assert response.body == made.manifest and response["content-type"] == MANIFEST
        side.expect(200, "HEAD", side.manifest(reference), [("Accept", "*/*")])


@case()
def a_manifest_that_is_absent(side: Side) -> None:
    side.have(image(), "latest")
    for reference in ("absent", digest_of(b"hello world")):
        side.is_absent(side.manifest(reference))
        response = side.ask("GET", side.manifest(reference), ACCEPT)
        assert error_codes(response) == {"MANIFEST_UNKNOWN"}


@case()
def a_manifest_by_what_is_no_tag(side: Side) -> None:
    """The official suite's name of a manifest that can't be there."""
    side.have(image(), "latest")
    side.is_absent(side.manifest(".INVALID_MANIFEST_NAME"))


@case(lacks="malformed digests")
def a_manifest_by_a_malformed_digest(side: Side) -> None:
    side.have(image(), "latest")
    response = side.expect((400, 404), "GET", side.manifest("sha256:totallywrong"), ACCEPT)
    assert not is_json(response) or error_codes(response)


@case()
def a_manifest_of_a_repository_that_is_absent(side: Side) -> None:
    for reference in ("latest", digest_of(b"hello world")):
        side.is_absent(side.manifest(reference))


@case(lacks="blobs that are no manifests")
def a_blob_is_no_manifest(side: Side) -> None:
    """Whatever it looks like: only what was PUT as a manifest is one."""
    side.have(image(), "latest")
    for data in (DATA, encode({**json.loads(image().manifest), "layers": []})):
        side.is_absent(side.manifest(side.have_blob(data)))
