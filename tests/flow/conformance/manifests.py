"""Push: manifests and indexes."""

from __future__ import annotations

import json
from typing import Any

from harness.images import INDEX, MANIFEST, descriptor, encode, image, index
from harness.rawhttp import Response, digest_of

from .case import ACCEPT, Side, Table, error_codes, resolve

TABLE = Table("manifest")
case = TABLE.case

EMPTY = b"{}"
EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
MADE = image({"model.txt": b"weights"})


def manifest(**changes: Any) -> bytes:
    """MADE's manifest with fields changed, or left out where None is given."""
    fields = {**json.loads(MADE.manifest), **changes}
    return encode({key: value for key, value in fields.items() if value is not None})


def _stored(side: Side, response: Response, data: bytes, media_type: str = MANIFEST) -> None:
    """A 201 names the digest, and a Location where the very bytes are."""
    assert response["docker-content-digest"] == digest_of(data)
    for target in (resolve(response), side.manifest(digest_of(data))):
        got = side.expect(200, "GET", target, ACCEPT)
        assert got.body == data and got["content-type"] == media_type


@case()
def by_tag(side: Side) -> None:
    side.have(MADE)
    for tag in ("test0", "test1", "Upper_case.and-more", "_", "t" * 128):
        _stored(side, side.put(tag, MADE.manifest), MADE.manifest)
        assert side.get(side.manifest(tag), ACCEPT) == MADE.manifest


@case()
def by_digest(side: Side) -> None:
    for data in MADE.blobs:
        side.have_blob(data)
    _stored(side, side.put(MADE.digest, MADE.manifest), MADE.manifest)


@case()
def again(side: Side) -> None:
    side.have(MADE, "latest")
    for reference in ("latest", MADE.digest):
        _stored(side, side.put(reference, MADE.manifest), MADE.manifest)


@case()
def a_tag_moves(side: Side) -> None:
    """And what it pointed to is still there by its digest."""
    before, after = image({"a": b"before"}), image({"a": b"after"})
    side.have(before, "latest")
    side.have(after)
    side.put("latest", after.manifest)
    head = side.expect(200, "HEAD", side.manifest("latest"), ACCEPT)
    assert head["docker-content-digest"] == after.digest
    assert side.get(side.manifest(before.digest), ACCEPT) == before.manifest


@case()
def byte_for_byte(side: Side) -> None:
    side.have(MADE)
    data = b"\n\t " + json.dumps(json.loads(MADE.manifest), indent=3).encode() + b"\n\n"
    _stored(side, side.put("spaced", data), data)


@case()
def without_layers(side: Side) -> None:
    side.have(MADE)
    data = manifest(layers=[])
    _stored(side, side.put("no-layers", data), data)


@case()
def an_artifact(side: Side) -> None:
    """An artifactType, the empty config, and layers of a type of one's own."""
    side.have_blob(EMPTY)
    side.have_blob(b"an sbom")
    for tag, layers in (("with", [descriptor("application/vnd.example.sbom.v1", b"an sbom")]),
                        ("without", [descriptor(EMPTY_TYPE, EMPTY)])):
        data = manifest(artifactType="application/vnd.example.sbom.v1",
                        config=descriptor(EMPTY_TYPE, EMPTY), layers=layers)
        _stored(side, side.put(tag, data), data)


@case()
def a_config_of_a_type_of_ones_own(side: Side) -> None:
    """As Helm's charts have."""
    side.have_blob(b'{"name":"chart"}')
    side.have_blob(b"a chart")
    data = manifest(
        config=descriptor("application/vnd.cncf.helm.config.v1+json", b'{"name":"chart"}'),
        layers=[descriptor("application/vnd.cncf.helm.chart.content.v1.tar+gzip", b"a chart")])
    _stored(side, side.put("1.0.0", data), data)


@case()
def data_and_unknown_fields(side: Side) -> None:
    side.have(MADE)
    config = {**json.loads(MADE.manifest)["config"], "data": "eyJub3QiOiJ1c2VkIn0=",
              "newUnspecifiedField": "aGVsbG8gd29ybGQ="}
    data = manifest(config=config, annotations={"org.example": "x"}, another={"field": [1, None]})
    _stored(side, side.put("more", data), data)


@case()
def of_nearly_4_mib(side: Side) -> None:
    """Pushes of at least 4 megabytes SHOULD be expected."""
    side.have(MADE)
    data = manifest(annotations={f"large-{number}": "A" * 10_000 for number in range(390)})
    assert len(data) > 3_900_000
    _stored(side, side.put("large", data), data)


@case(lacks="413 for large manifests")
def of_more_than_4_mib(side: Side) -> None:
    side.have(MADE)
    data = manifest(annotations={f"large-{number}": "A" * 10_000 for number in range(430)})
    side.put("huge", data, status=413)


@case()
def with_parameters_of_the_content_type(side: Side) -> None:
    """The registry SHOULD ignore them."""
    side.have(MADE)
    side.put("parameters", MADE.manifest, f"{MANIFEST}; charset=utf-8")
    head = side.expect(200, "HEAD", side.manifest("parameters"), ACCEPT)
    assert head["content-type"].split(";")[0] == MANIFEST


# Indexes


@case()
def an_index(side: Side) -> None:
    amd, arm = image({"a": b"amd"}), image({"a": b"arm"}, architecture="arm64")
    for made in (amd, arm):
        side.have(made)
    both = index(amd, arm)
    for reference in ("multi", digest_of(both)):
        _stored(side, side.put(reference, both, INDEX), both, INDEX)


@case()
def an_index_of_indexes(side: Side) -> None:
    amd, arm = image({"a": b"amd"}), image({"a": b"arm"}, architecture="arm64")
    for made in (amd, arm):
        side.have(made)
    children = [index(amd), index(arm)]
    for child in children:
        side.have_manifest(digest_of(child), child, INDEX)
    data = encode({"schemaVersion": 2, "mediaType": INDEX,
                   "manifests": [descriptor(INDEX, child) for child in children]})
    _stored(side, side.put("nested", data, INDEX), data, INDEX)


@case()
def an_empty_index(side: Side) -> None:
    data = encode({"schemaVersion": 2, "mediaType": INDEX, "manifests": []})
    _stored(side, side.put("empty", data, INDEX), data, INDEX)


@case()
def an_index_of_artifacts(side: Side) -> None:
    side.have(MADE)
    side.have_blob(EMPTY)
    child = manifest(artifactType="application/vnd.example.sbom.v1",
                     config=descriptor(EMPTY_TYPE, EMPTY), layers=[descriptor(EMPTY_TYPE, EMPTY)])
    side.have_manifest(digest_of(child), child)
    data = encode({"schemaVersion": 2, "mediaType": INDEX, "annotations": {"a": "b"},
                   "artifactType": "application/vnd.example.sboms.v1",
                   "manifests": [{**descriptor(MANIFEST, child), "artifactType": "x/y"}]})
    _stored(side, side.put("artifacts", data, INDEX), data, INDEX)


# Subjects


@case()
def with_a_subject_that_is_absent(side: Side) -> None:
    """It MUST be accepted: the subject may come later."""
    side.have(MADE)
    data = manifest(subject=descriptor(MANIFEST, b"not there yet"))
    for reference in ("early", digest_of(data)):
        _stored(side, side.put(reference, data), data)


# Refusals


def _refused(side: Side, reference: str, data: bytes, code: str,
             media_type: str = MANIFEST) -> Response:
    response = side.put(reference, data, media_type, (400, 404))
    assert error_codes(response) == {code}
    return response


@case()
def with_absent_blobs(side: Side) -> None:
    """A registry MAY refuse them, and then with this code."""
    absent = image({"a": b"never pushed"})
    for reference in ("absent", absent.digest):
        _refused(side, reference, absent.manifest, "MANIFEST_BLOB_UNKNOWN")
        side.is_absent(side.manifest(reference))


@case()
def with_one_absent_layer(side: Side) -> None:
    side.have(MADE)
    layers = [*json.loads(MADE.manifest)["layers"], descriptor("application/x", b"never pushed")]
    _refused(side, "sparse", manifest(layers=layers), "MANIFEST_BLOB_UNKNOWN")


@case()
def an_index_with_an_absent_manifest(side: Side) -> None:
    side.have(MADE)
    sparse = index(MADE, image({"a": b"never pushed"}))
    _refused(side, "sparse", sparse, "MANIFEST_BLOB_UNKNOWN", INDEX)


@case(lacks="layers with urls")
def with_layers_that_are_elsewhere(side: Side) -> None:
    """Accepted, or refused as any absent layer; registry 2.8.2 says 500."""
    side.have(MADE)
    away = {**descriptor("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", b"away"),
            "urls": ["https://store.example.com/blobs/away"]}
    data = manifest(layers=[*json.loads(MADE.manifest)["layers"], away])
    response = side.put("elsewhere", data, status=(201, 400, 404))
    if response.status != 201:
        assert error_codes(response) == {"MANIFEST_BLOB_UNKNOWN"}


@case()
def by_another_digest(side: Side) -> None:
    side.have(MADE)
    digest = digest_of(MADE.manifest + b"  ")
    _refused(side, digest, MADE.manifest, "DIGEST_INVALID")
    side.is_absent(side.manifest(digest))


@case(lacks="malformed digests")
def by_a_malformed_digest(side: Side) -> None:
    side.have(MADE)
    side.put("sha256:baddigeststring", MADE.manifest, status=(400, 404))


@case()
def by_what_is_no_tag(side: Side) -> None:
    side.have(MADE)
    for reference in (".dot", "-dash", "t" * 129):
        side.put(reference, MADE.manifest, status=(400, 404))


@case()
def that_is_no_json(side: Side) -> None:
    side.have(MADE)
    for data in (b"blablabla", b"[]", b'"text"', b"{", b""):
        _refused(side, "broken", data, "MANIFEST_INVALID")


@case()
def of_another_type_than_it_says(side: Side) -> None:
    side.have(MADE)
    _refused(side, "other", MADE.manifest, "MANIFEST_INVALID", INDEX)
