"""What is asked in the rows of the matrix. Each function asks one thing as the account of a cell,
looks at what came of it, and returns the answer, which test_matrix.py compares with its table.

Most ask in `models`; where a row says "in the workshop", the account may push there.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable

from harness.client import Client, with_query
from harness.images import (
    CONFIG, INDEX, LAYER, MANIFEST, artifact, descriptor, index_of, manifest_of,
)
from harness.rawhttp import Response, digest_of
from matrix_world import ACCEPT, OCTETS, Cell, World, fallback_tag, layer_of

Operation = Callable[[Cell], Response]
OPERATIONS: dict[str, Operation] = {}


def operation(name: str) -> Callable[[Operation], Operation]:
    def register(function: Operation) -> Operation:
        assert name not in OPERATIONS
        OPERATIONS[name] = function
        return function

    return register


# Reading


def check_content(response: Response, method: str, data: bytes) -> None:
    """A whole answer is the thing that was asked for."""
    if response.status == 200:
        assert response["content-length"] == str(len(data))
        assert response["docker-content-digest"] == digest_of(data)
        assert response.body == (b"" if method == "HEAD" else data)


def get(path: str, content: Callable[[World], bytes], method: str = "GET") -> Operation:
    """Asks for a manifest or a blob by its digest. `path` is "manifests" or "blobs"."""

    def ask(at: Cell) -> Response:
        data = at.pick(content(at.world))
        response = at.ask(method, f"/v2/models/{path}/{digest_of(data)}",
                          ACCEPT if path == "manifests" else [])
        check_content(response, method, data)
        return response

    return ask


def get_tag(tag: Callable[[Cell], str], content: Callable[[World], bytes],
            method: str = "GET") -> Operation:
    def ask(at: Cell) -> Response:
        response = at.ask(method, f"/v2/models/manifests/{tag(at)}", ACCEPT)
        check_content(response, method, content(at.world))
        return response

    return ask


def secret_tag(at: Cell) -> str:
    return at.choose("secret-1", "secret-0")


def secret_fallback(at: Cell) -> str:
    return fallback_tag(at.digest(at.world.secret.manifest))


def absent(ask: Operation) -> Operation:
    """The same of what does not exist, for those as well who may read what does."""

    def ask_absent(at: Cell) -> Response:
        at.exists = False
        return ask(at)

    return ask_absent


OPERATIONS |= {
    "log in": lambda at: at.ask("GET", "/v2/"),
    "pull by tag": get_tag(secret_tag, lambda w: w.secret.manifest),
    "HEAD by tag": get_tag(secret_tag, lambda w: w.secret.manifest, "HEAD"),
    "manifest by digest": get("manifests", lambda w: w.secret.manifest),
    "HEAD of a manifest by digest": get("manifests", lambda w: w.secret.manifest, "HEAD"),
    "index by digest": get("manifests", lambda w: w.index),
    "child of an index": get("manifests", lambda w: w.amd.manifest),
    "HEAD of a child of an index": get("manifests", lambda w: w.arm.manifest, "HEAD"),
    "config": get("blobs", lambda w: w.secret.config),
    "layer": get("blobs", lambda w: layer_of(w.secret)),
    "HEAD of a layer": get("blobs", lambda w: layer_of(w.secret), "HEAD"),
    "layer that a sibling shares": get("blobs", lambda w: w.secret.layers[0]),
    "HEAD of a layer that a sibling shares": get("blobs", lambda w: w.secret.layers[0], "HEAD"),
    "layer of a child of an index": get("blobs", lambda w: layer_of(w.arm)),
    "blob that no tag reaches": get("blobs", lambda w: w.json),
    "JSON blob as a manifest": get("manifests", lambda w: w.json),
    "layer as a manifest": get("manifests", lambda w: layer_of(w.secret)),
    "referrer by digest": get("manifests", lambda w: w.referrer.manifest),
    "HEAD of a referrer by digest": get("manifests", lambda w: w.referrer.manifest, "HEAD"),
    "layer of a referrer": get("blobs", lambda w: w.referrer.layers[0]),
    "signature tag": get_tag(lambda at: secret_fallback(at) + ".sig",
                             lambda w: w.signature.manifest),
}
OPERATIONS |= {
    "tag that does not exist": absent(OPERATIONS["pull by tag"]),
    "manifest that does not exist": absent(OPERATIONS["manifest by digest"]),
    "blob that does not exist": absent(OPERATIONS["layer"]),
}


@operation("range of a layer")
def range_of_a_layer(at: Cell) -> Response:
    data = at.pick(layer_of(at.world.secret))
    response = at.ask("GET", f"/v2/models/blobs/{digest_of(data)}", [("Range", "bytes=3-9")])
    if response.status == 206:
        assert response.body == data[3:10]
        assert response["content-range"] == f"bytes 3-9/{len(data)}"
    return response


@operation("fallback tag")
def fallback_tag_of_a_manifest(at: Cell) -> Response:
    response = at.ask("GET", f"/v2/models/manifests/{secret_fallback(at)}", ACCEPT)
    if response.status == 200:
        listed = [entry["digest"] for entry in json.loads(response.body)["manifests"]]
        assert listed == [at.world.referrer.digest]
    return response


@operation("referrers")
def referrers(at: Cell) -> Response:
    response = at.ask("GET", f"/v2/models/referrers/{at.digest(at.world.secret.manifest)}")
    if response.status == 200:
        assert response["content-type"] == INDEX
        listed = json.loads(response.body)
        assert listed["schemaVersion"] == 2 and listed["mediaType"] == INDEX
        at.shown = at.world.referrer.digest in [entry["digest"] for entry in listed["manifests"]]
        assert at.shown or listed["manifests"] == [], "some are shown and others not"
    return response


OPERATIONS["referrers of what does not exist"] = absent(referrers)


@operation("tags/list")
def tags(at: Cell) -> Response:
    name = at.choose("models", "ghosts")
    response = at.ask("GET", f"/v2/{name}/tags/list?n=10&last=secret-0")
    if response.status == 200:
        at.shown = "secret-1" in json.loads(response.body)["tags"]
    return response


@operation("catalog")
def catalog(at: Cell) -> Response:
    """Of a repository that has nothing but the tag."""
    response = at.ask("GET", "/v2/_catalog?n=10&last=seal")
    if response.status == 200:
        at.shown = "sealed" in json.loads(response.body)["repositories"]
    return response


# Mounting and uploading


def cancel(client: Client, begun: Response) -> None:
    """Ends an upload, if one has begun: how many may be open is another test's matter."""
    if begun.status == 202:
        client.expect(204, "DELETE", begun["location"])


def mount(at: Cell, target: str, data: bytes) -> Response:
    digest = at.digest(data)
    response = at.ask("POST", f"/v2/{target}/blobs/uploads/?mount={digest}&from=models")
    at.world.direct.expect(200 if response.status == 201 else 404,
                           "HEAD", f"/v2/{target}/blobs/{digest}")
    if response.status == 201:
        # And what it has mounted, it possesses.
        at.client.expect(200, "HEAD", f"/v2/{target}/blobs/{digest}")
    cancel(at.client, response)
    return response


@operation("mount from")
def mount_from(at: Cell) -> Response:
    return mount(at, at.fresh(f"scratch/{at.account}/"), layer_of(at.world.secret))


@operation("mount from, a shared layer")
def mount_shared(at: Cell) -> Response:
    return mount(at, at.fresh(f"scratch/{at.account}/"), at.world.secret.layers[0])


@operation("mount from, without push")
def mount_without_push(at: Cell) -> Response:
    return mount(at, at.fresh("sealed/"), layer_of(at.world.secret))


@operation("start an upload")
def start_an_upload(at: Cell) -> Response:
    response = at.ask("POST", f"/v2/{at.choose('models', 'ghosts')}/blobs/uploads/")
    cancel(at.client, response)
    return response


def someone_elses(method: str) -> Operation:
    """An upload in models that another account has opened; or none, under an id of that form."""

    def ask(at: Cell) -> Response:
        location = at.other.open_upload("models")
        opened = re.search("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", location)
        assert opened, location
        used = at.choose(opened[0], str(uuid.uuid4()))
        target = location.replace(opened[0], used)
        body = b"a stolen upload" if method in ("PATCH", "PUT") else b""
        if method == "PUT":
            target = with_query(target, digest=digest_of(body))
        response = at.ask(method, target, [OCTETS], body)
        status = at.other.expect(204, "GET", location)
        assert status["range"] == "0-0", "somebody wrote to it"
        at.other.expect(204, "DELETE", location)
        return response

    return ask


OPERATIONS |= {f"{method} to an upload of someone else": someone_elses(method)
               for method in ("GET", "PATCH", "PUT", "DELETE")}


# Pushing


def check_put(at: Cell, response: Response, name: str, reference: str, data: bytes) -> None:
    """What was taken is there, and what was refused is not."""
    there = at.world.owner.ask("GET", f"/v2/{name}/manifests/{reference}", ACCEPT)
    if response.status == 201:
        assert response["docker-content-digest"] == digest_of(data)
        assert response["location"] == f"/v2/{name}/manifests/{digest_of(data)}"
        if not reference.startswith("sha256:"):
            assert (there.status, there.body) == (200, data)
    else:
        assert there.status == 404 or there.body != data


def put_naming(at: Cell, name: str, *, config: bytes | None = None, layer: bytes | None = None,
               **layer_more: object) -> Response:
    """Puts an image under a tag that the account may push, if it may push any, with a config or a
    layer of others."""
    named = at.upload(name, at.own_config()) if config is None else descriptor(CONFIG, config)
    layers = [] if layer is None else [{**descriptor(LAYER, layer), **layer_more}]
    data, tag = manifest_of(named, layers), at.own_tag()
    response = at.put(name, tag, data)
    check_put(at, response, name, tag, data)
    return response


def put_index(at: Cell, name: str, child: dict[str, object]) -> Response:
    data, tag = index_of([child]), at.own_tag()
    response = at.put(name, tag, data, INDEX)
    check_put(at, response, name, tag, data)
    return response


@operation("PUT over a tag")
def put_over_a_tag(at: Cell) -> Response:
    planted, other = at.plant(), at.world.open
    response = at.put("models", planted.tag, other.manifest)
    check_put(at, response, "models", planted.tag, other.manifest)
    return response


@operation("PUT by digest of what is there")
def put_by_digest(at: Cell) -> Response:
    made = at.plant().made
    return at.put("models", made.digest, made.manifest)


@operation("PUT naming a foreign layer")
def put_foreign_layer(at: Cell) -> Response:
    return put_naming(at, "models", layer=at.pick(layer_of(at.world.secret)))


@operation("workshop: PUT naming a foreign layer")
def put_foreign_layer_in_workshop(at: Cell) -> Response:
    return put_naming(at, "workshop", layer=at.pick(layer_of(at.world.secret)))


@operation("workshop: PUT naming a layer with urls")
def put_foreign_layer_with_urls(at: Cell) -> Response:
    """Of a type that the registry does not know, it takes even an absent one that has `urls`."""
    return put_naming(at, "workshop", layer=at.pick(layer_of(at.world.secret)),
                      mediaType="application/vnd.test.weights", urls=["http://x.test/weights"])


@operation("workshop: PUT naming a shared layer")
def put_shared_layer(at: Cell) -> Response:
    return put_naming(at, "workshop", layer=at.pick(at.world.secret.layers[0]))


@operation("workshop: PUT naming a layer as config")
def put_foreign_config(at: Cell) -> Response:
    return put_naming(at, "workshop", config=at.pick(layer_of(at.world.secret)))


@operation("workshop: PUT naming a foreign child")
def put_foreign_child(at: Cell) -> Response:
    return put_index(at, "workshop", descriptor(MANIFEST, at.pick(at.world.secret.manifest)))


@operation("workshop: PUT naming a foreign index")
def put_foreign_index_as_child(at: Cell) -> Response:
    return put_index(at, "workshop", descriptor(INDEX, at.pick(at.world.index)))


@operation("workshop: PUT naming a JSON blob")
def put_index_of_a_blob(at: Cell) -> Response:
    """A manifest that names the secret layer, uploaded by the account itself as a blob."""
    data = at.pick(at.world.json)
    if at.exists:
        at.upload("workshop", data)
    return put_index(at, "workshop", descriptor(MANIFEST, data))


def attach(at: Cell, name: str) -> Response:
    """Puts a referrer of the secret by its digest, as oras and cosign do."""
    subject = descriptor(MANIFEST, at.pick(at.world.secret.manifest))
    at.upload(name, b"{}")
    at.upload(name, b"attached by %s" % at.column.encode())
    made = artifact("application/vnd.test.note", b"attached by %s" % at.column.encode(), subject)
    response = at.put(name, made.digest, made.manifest)
    if response.status == 201:
        assert response["oci-subject"] == subject["digest"]
        assert response["docker-content-digest"] == made.digest
    return response


@operation("attach to a foreign subject")
def attach_in_models(at: Cell) -> Response:
    return attach(at, "models")


@operation("workshop: attach to a foreign subject")
def attach_in_workshop(at: Cell) -> Response:
    return attach(at, "workshop")


@operation("PUT of a fallback tag")
def put_fallback_tag(at: Cell) -> Response:
    tag, data = fallback_tag(at.plant().made.digest), index_of([])
    response = at.put("models", tag, data, INDEX)
    check_put(at, response, "models", tag, data)
    return response


# Deleting


def check_gone(owner: Client, response: Response, target: str) -> None:
    """What was deleted is gone, and what was refused is there."""
    owner.expect(404 if response.status == 202 else 200, "HEAD", target, ACCEPT)


@operation("delete by tag")
def delete_by_tag(at: Cell) -> Response:
    planted = at.plant()
    response = at.ask("DELETE", f"/v2/models/manifests/{planted.tag}")
    if at.exists:
        check_gone(at.world.owner, response, f"/v2/models/manifests/{planted.tag}")
        for sibling in (planted.twin, planted.made.digest):
            at.world.owner.expect(200, "HEAD", f"/v2/models/manifests/{sibling}", ACCEPT)
    return response


@operation("delete by digest")
def delete_by_digest(at: Cell) -> Response:
    planted = at.plant()
    response = at.ask("DELETE", f"/v2/models/manifests/{planted.made.digest}")
    if at.exists:
        for reference in (planted.made.digest, planted.tag, planted.twin):
            check_gone(at.world.owner, response, f"/v2/models/manifests/{reference}")
    return response


@operation("delete of what no tag reaches")
def delete_untagged(at: Cell) -> Response:
    made = at.plant(tagged=False).made
    target = f"/v2/models/manifests/{made.digest}"
    response = at.ask("DELETE", target)
    if at.exists:
        # The admin reads what nobody else may, such as what the maker alone possesses.
        check_gone(at.world.root, response, target)
    return response


@operation("delete of a layer")
def delete_layer(at: Cell) -> Response:
    target = f"/v2/models/blobs/{digest_of(at.plant().layer)}"
    response = at.ask("DELETE", target)
    if at.exists:
        check_gone(at.world.owner, response, target)
    return response


@operation("delete of a layer that no tag reaches")
def delete_untagged_layer(at: Cell) -> Response:
    target = f"/v2/models/blobs/{digest_of(at.plant(tagged=False).layer)}"
    response = at.ask("DELETE", target)
    if at.exists:
        check_gone(at.world.root, response, target)
    return response


@operation("delete of a fallback tag")
def delete_fallback_tag(at: Cell) -> Response:
    tag = fallback_tag(at.plant().made.digest)
    target = f"/v2/models/manifests/{tag}"
    if at.exists:
        done = at.world.owner.put_manifest("models", tag, index_of([]), INDEX)
        assert done.status == 201, done
    response = at.ask("DELETE", target)
    if at.exists:
        check_gone(at.world.owner, response, target)
    return response
