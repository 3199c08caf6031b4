"""Ways to read, through one's own repository or tag, what belongs to others.

Mallory may view, pull and push `workshop:mallory-*` and `scratch/mallory/**`, and knows all bytes of
the secret's manifests, as somebody does who could read them last week; not those of its layers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from conftest import GateMaker
from harness.client import Client, error_code
from harness.images import (
    CONFIG, INDEX, LAYER, MANIFEST, artifact, descriptor, encode, image, index_of, manifest_of,
)
from harness.rawhttp import Response, digest_of
from harness.registry import Registry
from matrix_world import ACCEPT, PASSWORDS, POLICY, Cell, World, fallback_tag, layer_of, put

OWN_CONFIG = encode({"architecture": "amd64", "os": "linux", "own": "mallory's"})
OWN_LAYER = b"a layer of mallory's"


@pytest.fixture(scope="module")
def world(make_module_gate: GateMaker, registry: Registry) -> Iterator[World]:
    with World(make_module_gate(registry.url, POLICY, PASSWORDS), registry) as world:
        yield world


@pytest.fixture
def mallory(world: World) -> Iterator[Client]:
    """With a small image of his own."""
    with world.client("mallory") as client:
        for data in (OWN_CONFIG, OWN_LAYER):
            client.push_blob("workshop", data)
        put(client, "workshop", "mallory-own", manifest_of(own_config(), [OWN]))
        yield client


@pytest.fixture(autouse=True)
def nothing_gained(world: World) -> Iterator[None]:
    """After each attack mallory reads as little as before, though the owner has just read it all."""
    yield
    manifests = [world.secret.manifest, world.index, world.amd.manifest, world.referrer.manifest]
    blobs = [world.secret.config, *world.secret.layers, layer_of(world.amd),
             world.referrer.layers[0]]
    with world.client("mallory") as client:
        for path, things in (("manifests", manifests), ("blobs", blobs)):
            for data in things:
                target = f"/v2/workshop/{path}/{digest_of(data)}"
                assert world.owner.expect(200, "GET", target, ACCEPT).body == data
                for method in ("GET", "HEAD"):
                    response = client.expect(404, method, target, ACCEPT)
                    assert data not in response.body


def refused(response: Response) -> None:
    assert (response.status, error_code(response)) == (404, "MANIFEST_BLOB_UNKNOWN"), response


def own_config() -> dict[str, object]:
    return descriptor(CONFIG, OWN_CONFIG)


def with_layer(at: Cell, data: bytes, media_type: str = LAYER, **more: object) -> bytes:
    """An image of mallory's config and this one layer."""
    return manifest_of(own_config(), [{**descriptor(media_type, at.pick(data)), **more}])


def with_config(at: Cell, data: bytes, media_type: str = CONFIG) -> bytes:
    return manifest_of(descriptor(media_type, at.pick(data)), [OWN])


def with_child(at: Cell, data: bytes, media_type: str = MANIFEST) -> bytes:
    return index_of([OWN_CHILD, descriptor(media_type, at.pick(data))])


OWN = descriptor(LAYER, OWN_LAYER)
OWN_CHILD = descriptor(MANIFEST, manifest_of(own_config(), [OWN]))
UNKNOWN = "application/vnd.test.weights"

# Manifests and indexes that name what is not mallory's.
FOREIGN: dict[str, Callable[[Cell, World], bytes]] = {
    "a layer": lambda at, w: with_layer(at, layer_of(w.secret)),
    # Of a type that it does not know the registry takes what is absent, if it has `urls`.
    "a layer with urls": lambda at, w: with_layer(
        at, layer_of(w.secret), UNKNOWN, urls=["http://x.test/weights"]),
    "a manifest as a layer": lambda at, w: with_layer(at, w.secret.manifest, MANIFEST),
    "an index as a layer": lambda at, w: with_layer(at, w.index, INDEX),
    "one foreign layer among many": lambda at, w: manifest_of(
        own_config(), [*[OWN] * 100, descriptor(LAYER, at.pick(layer_of(w.secret))), OWN]),
    "a layer as the config": lambda at, w: with_config(at, layer_of(w.secret)),
    "a layer as a config of an unknown type": lambda at, w: with_config(
        at, layer_of(w.secret), UNKNOWN),
    "a manifest as the config": lambda at, w: with_config(at, w.secret.manifest, MANIFEST),
    "a child": lambda at, w: with_child(at, w.secret.manifest),
    "a child of an unknown type": lambda at, w: with_child(at, w.secret.manifest, UNKNOWN),
    "an index as a child": lambda at, w: with_child(at, w.index, INDEX),
    "a referrer as a child": lambda at, w: with_child(at, w.referrer.manifest),
    # The registry takes it.
    "a layer as a child": lambda at, w: with_child(at, layer_of(w.secret), LAYER),
    "all that the manifest names": lambda at, w: manifest_of(
        descriptor(CONFIG, at.pick(w.secret.config)),
        [descriptor(LAYER, at.pick(data)) for data in w.secret.layers]),
    "all that the index names": lambda at, w: index_of(
        descriptor(MANIFEST, at.pick(made.manifest)) for made in (w.amd, w.arm)),
}


class TestPut:
    """Naming in one's own manifest what is not one's own."""

    @pytest.mark.parametrize("by_digest", [False, True], ids=["by tag", "by digest"])
    @pytest.mark.parametrize("foreign", FOREIGN.values(), ids=FOREIGN)
    def test_refused_as_if_it_did_not_exist(
        self, world: World, mallory: Client, foreign: Callable[[Cell, World], bytes],
        by_digest: bool,
    ) -> None:
        told = []
        for exists in (True, False):
            with Cell(world, "mallory", exists) as at:
                data, tag = foreign(at, world), at.own_tag()
                response = at.put("workshop", digest_of(data) if by_digest else tag, data,
                                  INDEX if b'"manifests"' in data else MANIFEST)
                refused(response)
                told.append(at.told(response))
                mallory.expect(404, "HEAD", f"/v2/workshop/manifests/{tag}", ACCEPT)
        assert told[0] == told[1]

    def test_the_same_bytes_under_ones_own_tag(self, world: World, mallory: Client) -> None:
        """The manifest is known; what it names has to be one's own all the same."""
        for data, media_type in ((world.secret.manifest, MANIFEST), (world.index, INDEX)):
            for reference in ("mallory-copy", digest_of(data)):
                refused(mallory.put_manifest("workshop", reference, data, media_type))

    def test_the_same_bytes_in_a_repository_of_ones_own(self, world: World, mallory: Client) -> None:
        """What another repository holds, or the storage below, counts for nothing here."""
        for made in (world.secret, world.amd):
            refused(mallory.put_manifest("scratch/mallory/a", "1", made.manifest, MANIFEST))
        for data in world.secret.layers:
            mallory.expect(404, "GET", f"/v2/scratch/mallory/a/blobs/{digest_of(data)}")


class TestBlobsThatLookLikeManifests:
    """registry 2.8.2 serves a blob that is JSON under manifests/, and takes it as a child."""

    @pytest.fixture(params=["the secret's manifest", "a manifest that names the secret's layer",
                            "the secret's index"])
    def uploaded(self, world: World, mallory: Client, request: pytest.FixtureRequest) -> bytes:
        data = {
            "the secret's manifest": world.secret.manifest,
            "a manifest that names the secret's layer": manifest_of(
                own_config(), [descriptor(LAYER, layer_of(world.secret))]),
            "the secret's index": world.index,
        }[request.param]
        # In another name, where no such manifest was put: here it is a blob and nothing else.
        mallory.push_blob("scratch/mallory/json", data)
        return data

    def test_no_manifest(self, world: World, mallory: Client, uploaded: bytes) -> None:
        target = f"/v2/scratch/mallory/json/manifests/{digest_of(uploaded)}"
        world.direct.expect(200, "GET", target, ACCEPT)  # the registry serves it
        for client in (mallory, world.owner, world.root):
            assert error_code(client.expect(404, "GET", target, ACCEPT)) == "MANIFEST_UNKNOWN"
        mallory.expect(200, "GET", target.replace("manifests", "blobs"))

    def test_no_child(self, world: World, mallory: Client, uploaded: bytes) -> None:
        media_type = INDEX if b'"manifests"' in uploaded else MANIFEST
        data = index_of([descriptor(media_type, uploaded)])
        world.direct.push_blob("proof", uploaded)
        put(world.direct, "proof", "1", data, INDEX)  # the registry takes it
        refused(mallory.put_manifest("scratch/mallory/json", "1", data, INDEX))

    def test_no_child_where_the_manifest_is_anothers(
        self, world: World, mallory: Client
    ) -> None:
        """The worst case: the same digest is a manifest in this repository, and the blob is his."""
        digest = mallory.push_blob("workshop", world.secret.manifest)
        refused(mallory.put_manifest(
            "workshop", "mallory-1", index_of([descriptor(MANIFEST, world.secret.manifest)]), INDEX))
        mallory.expect(404, "GET", f"/v2/workshop/manifests/{digest}", ACCEPT)

    @pytest.mark.parametrize("media_type", [MANIFEST, LAYER])
    @pytest.mark.parametrize("manifest_of_others", [False, True], ids=["", "a manifest of others"])
    def test_a_layer_is_a_layer_whatever_its_type(
        self, world: World, mallory: Client, media_type: str, manifest_of_others: bool
    ) -> None:
        """His own blob may be his own layer; what stands in it is reached by nothing, even where the
        same digest is a manifest of others."""
        data = world.secret.manifest if manifest_of_others else manifest_of(
            own_config(), [descriptor(LAYER, layer_of(world.secret))], annotations={"as": media_type})
        digest = mallory.push_blob("workshop", data)
        made = manifest_of(own_config(), [descriptor(media_type, data)])
        put(mallory, "workshop", "mallory-layer", made)
        mallory.expect(200, "GET", "/v2/workshop/manifests/mallory-layer", ACCEPT)
        mallory.expect(200, "GET", f"/v2/workshop/blobs/{digest}")
        mallory.expect(404, "GET", f"/v2/workshop/manifests/{digest}", ACCEPT)


class TestSubject:
    """Naming a subject gives nothing and is never refused."""

    def test_neither_the_subject_nor_its_referrers(self, world: World, mallory: Client) -> None:
        mallory.push_blob("workshop", b"{}")
        note = b"mallory was here"
        mallory.push_blob("workshop", note)
        made = artifact("application/vnd.test.note", note, descriptor(MANIFEST, world.secret.manifest))
        for reference in ("mallory-note", made.digest):
            response = mallory.put_manifest("workshop", reference, made.manifest, MANIFEST)
            assert response.status == 201
            assert response["oci-subject"] == world.secret.digest
        # A tag on the referrer reaches the referrer, and not back to its subject.
        mallory.expect(200, "GET", "/v2/workshop/manifests/mallory-note", ACCEPT)
        mallory.expect(404, "GET", f"/v2/workshop/manifests/{world.secret.digest}", ACCEPT)
        listed = mallory.expect(200, "GET", f"/v2/workshop/referrers/{world.secret.digest}").body
        assert world.referrer.digest.encode() not in listed

    def test_the_list_of_ones_own_does_not_tell_whether_the_subject_exists(
        self, world: World, mallory: Client
    ) -> None:
        """Whoever attaches to a digest may see his referrer listed, or not: the same for both."""
        told = []
        for exists in (True, False):
            with Cell(world, "mallory", exists) as at:
                subject = descriptor(MANIFEST, at.pick(world.secret.manifest))
                mallory.push("workshop", "mallory-asks", artifact(
                    "application/vnd.test.asks", b"is it there?", subject))
                told.append(at.told(at.ask(
                    "GET", f"/v2/workshop/referrers/{subject['digest']}"
                    "?artifactType=application/vnd.test.asks")))
        assert told[0] == told[1]


class TestMount:
    def test_the_secret_layer_stays_where_it_is(self, world: World, mallory: Client) -> None:
        """zot CVE-2024-39897, openshift/origin#9819."""
        target, digest = "scratch/mallory/mount", digest_of(layer_of(world.secret))
        for source in ("&from=workshop", "&from=models", "&from=sealed", f"&from={target}", ""):
            begun = mallory.expect(202, "POST",
                                   f"/v2/{target}/blobs/uploads/?mount={digest}{source}")
            assert begun.get("docker-content-digest") is None
            mallory.expect(204, "DELETE", begun["location"])
        for client in (mallory, world.owner, world.direct):
            client.expect(404, "GET", f"/v2/{target}/blobs/{digest}")

    def test_what_is_ones_own_here_is_not_so_there(self, mallory: Client) -> None:
        """Possession is of a digest in a repository; a mount carries it over."""
        data = b"uploaded to one repository"
        digest = mallory.push_blob("scratch/mallory/from", data)
        named = manifest_of(own_config(), [descriptor(LAYER, data)])
        mallory.expect(404, "HEAD", f"/v2/workshop/blobs/{digest}")
        refused(mallory.put_manifest("workshop", "mallory-mounted", named, MANIFEST))
        mallory.expect(201, "POST",
                       f"/v2/workshop/blobs/uploads/?mount={digest}&from=scratch/mallory/from")
        mallory.expect(200, "HEAD", f"/v2/workshop/blobs/{digest}")
        put(mallory, "workshop", "mallory-mounted", named)


class TestFallbackTags:
    """sha256-<hex> and its kin stand for the manifest that they name."""

    @pytest.mark.parametrize("suffix", ["", ".sig", ".att", ".sbom"])
    def test_of_a_forbidden_manifest(self, world: World, mallory: Client, suffix: str) -> None:
        target = f"/v2/workshop/manifests/{fallback_tag(world.secret.digest)}{suffix}"
        for method in ("GET", "HEAD"):
            mallory.expect(404, method, target, ACCEPT)
        data = index_of([])
        for method in ("PUT", "DELETE"):
            response = mallory.ask(method, target, [("Content-Type", INDEX)],
                                   data if method == "PUT" else b"")
            assert (response.status, error_code(response)) == (403, "DENIED")

    @pytest.mark.parametrize("suffix", ["", ".sig"])
    def test_a_right_on_their_names_does_not_open_them(self, world: World, suffix: str) -> None:
        """The tagger may do anything with tags of such names: of manifests that a tag reaches, that
        tag decides; of all others, the name."""
        with world.client("tagger") as tagger:
            target = f"/v2/workshop/manifests/{fallback_tag(world.secret.digest)}{suffix}"
            tagger.expect(404, "GET", target, ACCEPT)
            denied = tagger.expect(403, "PUT", target, [("Content-Type", INDEX)], index_of([]))
            assert error_code(denied) == "DENIED"
            free = fallback_tag(digest_of(b"nobody has this manifest")) + suffix
            put(tagger, "workshop", free, index_of([]), INDEX)
            tagger.expect(200, "GET", f"/v2/workshop/manifests/{free}", ACCEPT)

    def test_of_ones_own_manifest(self, mallory: Client) -> None:
        """Without a right on its name, but on the tag that reaches what it stands for."""
        made = image({"own": b"signed by its owner"})
        mallory.push("workshop", "mallory-signed", made)
        signature = artifact("application/vnd.test.cosign", b"mallory's signature")
        tag = fallback_tag(made.digest) + ".sig"
        mallory.push("workshop", tag, signature)
        got = mallory.expect(200, "GET", f"/v2/workshop/manifests/{tag}", ACCEPT)
        assert got.body == signature.manifest

    def test_a_foreign_child_in_ones_own(self, world: World, mallory: Client) -> None:
        made = image({"own": b"the root of a trap"})
        mallory.push("workshop", "mallory-trap", made)
        refused(mallory.put_manifest("workshop", fallback_tag(made.digest),
                                     index_of([descriptor(MANIFEST, world.secret.manifest)]), INDEX))

    def test_lists_hide_them_too(self, world: World, mallory: Client) -> None:
        mallory.push("workshop", "mallory-listed", image({"own": b"listed"}))
        body = mallory.expect(200, "GET", "/v2/workshop/tags/list?n=1000").body
        assert fallback_tag(world.secret.digest).encode() not in body
        body = world.owner.expect(200, "GET", "/v2/workshop/tags/list?n=1000").body
        assert fallback_tag(world.secret.digest).encode() in body


class TestManifestsAsBlobs:
    @pytest.mark.parametrize("column", ["sibling", "stranger", "pusher"])
    def test_hidden_under_blobs_too(self, world: World, column: str) -> None:
        """The other path to the same digest."""
        for data in (world.secret.manifest, world.index, world.referrer.manifest):
            for method in ("GET", "HEAD"):
                told = []
                for exists in (True, False):
                    with Cell(world, column, exists) as at:
                        response = at.ask(method, f"/v2/workshop/blobs/{at.digest(data)}", ACCEPT)
                        assert response.status == 404
                        told.append(at.told(response))
                assert told[0] == told[1]
