"""Content management: deleting tags, manifests and blobs."""

from __future__ import annotations

import json

from harness.images import INDEX, image, index
from harness.rawhttp import digest_of

from .case import ACCEPT, Side, Table, error_codes

TABLE = Table("delete")
case = TABLE.case


def _tags(side: Side) -> list[str]:
    response = side.expect((200, 404), "GET", f"/v2/{side.name}/tags/list")
    return json.loads(response.body)["tags"] or [] if response.status == 200 else []


# Tags


@case(lacks="delete by tag")
def a_tag(side: Side) -> None:
    """Its siblings and the manifest stay."""
    made = image()
    side.have(made, "one", "two")
    side.expect(202, "DELETE", side.manifest("one"))
    side.is_absent(side.manifest("one"))
    assert _tags(side) == ["two"]
    for reference in ("two", made.digest):
        assert side.get(side.manifest(reference), ACCEPT) == made.manifest
    for data in made.blobs:
        assert side.get(side.blob(digest_of(data))) == data


@case(lacks="delete by tag")
def the_only_tag(side: Side) -> None:
    side.have(image(), "only")
    side.expect(202, "DELETE", side.manifest("only"))
    side.is_absent(side.manifest("only"))
    assert _tags(side) == []


@case(lacks="delete by tag")
def a_tag_and_push_it_again(side: Side) -> None:
    before, after = image({"a": b"before"}), image({"a": b"after"})
    side.have(before, "latest")
    side.expect(202, "DELETE", side.manifest("latest"))
    side.have(after, "latest")
    assert side.get(side.manifest("latest"), ACCEPT) == after.manifest
    assert _tags(side) == ["latest"]


@case(lacks="delete by tag")
def a_tag_that_is_absent(side: Side) -> None:
    side.have(image(), "latest")
    side.expect(404, "DELETE", side.manifest("absent"))
    assert _tags(side) == ["latest"]


@case(lacks="delete by tag")
def a_tag_and_then_its_manifest(side: Side) -> None:
    """The official suite's order."""
    made = image()
    side.have(made, "latest")
    side.expect(202, "DELETE", side.manifest("latest"))
    side.expect(202, "DELETE", side.manifest(made.digest))
    side.is_absent(side.manifest(made.digest))


# Manifests


@case()
def a_manifest(side: Side) -> None:
    """With every tag that points to it."""
    doomed, kept = image({"a": b"doomed"}), image({"a": b"kept"})
    side.have(doomed, "one", "two")
    side.have(kept, "three")
    side.expect(202, "DELETE", side.manifest(doomed.digest))
    for reference in (doomed.digest, "one", "two"):
        side.is_absent(side.manifest(reference))
    assert _tags(side) == ["three"]
    assert side.get(side.manifest("three"), ACCEPT) == kept.manifest


@case()
def a_manifest_without_a_tag(side: Side) -> None:
    made = image()
    side.have(made)
    side.expect(202, "DELETE", side.manifest(made.digest))
    side.is_absent(side.manifest(made.digest))


@case()
def a_manifest_twice(side: Side) -> None:
    made = image()
    side.have(made, "latest")
    side.expect(202, "DELETE", side.manifest(made.digest))
    side.expect(404, "DELETE", side.manifest(made.digest))


@case()
def a_manifest_and_push_it_again(side: Side) -> None:
    made = image()
    side.have(made, "latest")
    side.expect(202, "DELETE", side.manifest(made.digest))
    side.have(made, "latest")
    for reference in ("latest", made.digest):
        assert side.get(side.manifest(reference), ACCEPT) == made.manifest


@case()
def an_index_without_its_manifests(side: Side) -> None:
    child = image()
    side.have(child)
    parent = index(child)
    side.have_manifest("multi", parent, INDEX)
    side.expect(202, "DELETE", side.manifest(digest_of(parent)))
    for reference in ("multi", digest_of(parent)):
        side.is_absent(side.manifest(reference))
    assert side.get(side.manifest(child.digest), ACCEPT) == child.manifest


@case()
def a_manifest_that_is_absent(side: Side) -> None:
    digest = digest_of(b"hello world")
    side.expect(404, "DELETE", side.manifest(digest))  # the repository is absent too
    side.have(image(), "latest")
    response = side.expect(404, "DELETE", side.manifest(digest))
    assert error_codes(response) == {"MANIFEST_UNKNOWN"}


# Blobs


@case()
def a_blob_of_an_image(side: Side) -> None:
    made = image({"a": b"first"}, {"a": b"second"})
    side.have(made, "latest")
    doomed, kept = (digest_of(data) for data in made.layers)
    side.expect(202, "DELETE", side.blob(doomed))
    side.is_absent(side.blob(doomed))
    assert side.get(side.blob(kept)) == made.layers[1]


@case()
def a_blob_and_push_it_again(side: Side) -> None:
    made = image()
    side.have(made, "latest")
    digest = digest_of(made.layers[0])
    side.expect(202, "DELETE", side.blob(digest))
    side.have_blob(made.layers[0])
    assert side.get(side.blob(digest)) == made.layers[0]


@case(admin=True)
def a_blob_of_no_image(side: Side) -> None:
    digest = side.have_blob(b"nobody's")
    side.expect(202, "DELETE", side.blob(digest))
    side.is_absent(side.blob(digest))


@case(admin=True)
def a_manifest_and_then_its_blobs(side: Side) -> None:
    """The official suite's order of cleaning up."""
    made = image()
    side.have(made, "latest")
    side.expect(202, "DELETE", side.manifest(made.digest))
    for data in made.blobs:
        side.expect(202, "DELETE", side.blob(digest_of(data)))
        side.is_absent(side.blob(digest_of(data)))


@case()
def a_blob_that_is_absent(side: Side) -> None:
    digest = digest_of(b"hello world")
    side.expect(404, "DELETE", side.blob(digest))  # the repository is absent too
    side.have(image(), "latest")
    response = side.expect(404, "DELETE", side.blob(digest))
    assert error_codes(response) == {"BLOB_UNKNOWN"}
