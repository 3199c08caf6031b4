"""What an account may do with what it has put there itself, and what becomes of that.

Everything happens in `workshop` (or `models`) of matrix_world.py, with images that are new for each
test, or in a gate of the test's own where the policy changes.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from conftest import GateMaker
from harness.client import Client, error_code
from harness.gate import Gate, is_sanitized
from harness.images import INDEX, MANIFEST, Image, artifact, descriptor, image, index
from harness.rawhttp import digest_of
from harness.registry import Registry
from matrix_world import ACCEPT, BASE, PASSWORDS, POLICY, World, layer_of, put

NOTE = "application/vnd.test.note"


@pytest.fixture(scope="module")
def world(make_module_gate: GateMaker, registry: Registry) -> Iterator[World]:
    with World(make_module_gate(registry.url, POLICY, PASSWORDS), registry) as world:
        yield world


@pytest.fixture
def account(world: World) -> Iterator[Callable[[str], Client]]:
    """Clients by their accounts' names."""
    clients: dict[str, Client] = {}

    def client(name: str) -> Client:
        return clients.setdefault(name, world.client(name))

    yield client
    for opened in clients.values():
        opened.close()


@pytest.fixture
def made() -> Image:
    """An image that nobody has seen, on the layer that all share."""
    return new_image()


def new_image() -> Image:
    return image(BASE, {"own": secrets.token_bytes(16)})


def new_tag(account: str) -> str:
    return f"{account}-x{secrets.token_hex(4)}"


def is_there(client: Client, name: str, data: bytes, path: str = "blobs") -> bool:
    """By HEAD, as clients ask. Blobs, unless `path` is "manifests"."""
    response = client.ask("HEAD", f"/v2/{name}/{path}/{digest_of(data)}", ACCEPT)
    assert response.status in (200, 403, 404), response
    return response.status == 200


class TestMayPushOnly:
    """An account with `push` and nothing else, as a build has it. docker asks HEAD for each blob
    before it uploads it and afterwards, and gives up if it is not there then."""

    @pytest.fixture
    def pusher(self, account: Callable[[str], Client]) -> Client:
        return account("pusher")

    @staticmethod
    def push_as_docker(client: Client, name: str, tag: str, made: Image) -> list[bytes]:
        """Returns the blobs that had to be uploaded."""
        uploaded = []
        for data in made.blobs:
            if not is_there(client, name, data):
                client.push_blob(name, data)
                uploaded.append(data)
            assert is_there(client, name, data)
        response = client.put_manifest(name, tag, made.manifest, made.media_type)
        assert response.status == 201, response
        assert response["docker-content-digest"] == made.digest
        return uploaded

    def test_a_whole_push(self, world: World, pusher: Client, made: Image) -> None:
        tag = new_tag("pusher")
        # containerd asks for the tag first, and would stop on 403.
        pusher.expect(404, "HEAD", f"/v2/models/manifests/{tag}", ACCEPT)
        uploaded = self.push_as_docker(pusher, "models", tag, made)
        assert made.blobs[0] in uploaded and layer_of(made) in uploaded
        got = world.owner.expect(200, "GET", f"/v2/models/manifests/{tag}", ACCEPT)
        assert got.body == made.manifest
        for data in made.blobs:
            got = world.owner.expect(200, "GET", f"/v2/models/blobs/{digest_of(data)}")
            assert got.body == data

    def test_a_layer_of_others_has_to_be_uploaded_once_more(
        self, world: World, account: Callable[[str], Client]
    ) -> None:
        """That it is there already is none of the pusher's business."""
        with world.client("maker") as maker:
            shared = b"pushed by the maker " + secrets.token_bytes(8)
            maker.push_blob("models", shared)
            assert is_there(maker, "models", shared)
            assert not is_there(account("pusher"), "models", shared)
            account("pusher").push_blob("models", shared)
            assert is_there(account("pusher"), "models", shared)

    def test_its_own_layers_again(self, pusher: Client) -> None:
        first, second = new_image(), new_image()
        self.push_as_docker(pusher, "models", new_tag("pusher"), first)
        uploaded = self.push_as_docker(pusher, "models", new_tag("pusher"), second)
        assert uploaded == [second.config, layer_of(second)]
        assert self.push_as_docker(pusher, "models", new_tag("pusher"), first) == []

    def test_a_tag_of_its_own_is_moved(self, world: World, pusher: Client) -> None:
        tag, second = new_tag("pusher"), new_image()
        for made in (new_image(), second):
            self.push_as_docker(pusher, "models", tag, made)
        got = world.owner.expect(200, "GET", f"/v2/models/manifests/{tag}", ACCEPT)
        assert got.body == second.manifest

    def test_an_index(self, world: World, pusher: Client) -> None:
        children, tag = [new_image(), new_image()], new_tag("pusher")
        for child in children:
            self.push_as_docker(pusher, "models", child.digest, child)
            assert is_there(pusher, "models", child.manifest, "manifests")
        put(pusher, "models", tag, index(*children), INDEX)
        for child in children:
            world.owner.expect(200, "GET", f"/v2/models/manifests/{child.digest}", ACCEPT)

    def test_it_reads_what_it_put_and_nothing_by_tag(self, pusher: Client, made: Image) -> None:
        tag = new_tag("pusher")
        self.push_as_docker(pusher, "models", tag, made)
        got = pusher.expect(200, "GET", f"/v2/models/manifests/{made.digest}", ACCEPT)
        assert got.body == made.manifest
        for reference in (tag, "secret-1", "open-1"):
            pusher.expect(404, "GET", f"/v2/models/manifests/{reference}", ACCEPT)
        pusher.expect(403, "GET", "/v2/models/tags/list")
        pusher.expect(403, "DELETE", f"/v2/models/manifests/{tag}")

    def test_a_manifest_before_its_blobs(self, pusher: Client, made: Image) -> None:
        """Refused, and what was absent then is no way to it later."""
        tag = new_tag("pusher")
        for uploaded in made.blobs:
            refused = pusher.put_manifest("models", tag, made.manifest, MANIFEST)
            assert (refused.status, error_code(refused)) == (404, "MANIFEST_BLOB_UNKNOWN")
            pusher.push_blob("models", uploaded)
        put(pusher, "models", tag, made.manifest)


class TestPossession:
    def test_of_what_no_tag_reaches_is_its_uploaders_alone(
        self, world: World, account: Callable[[str], Client]
    ) -> None:
        data = b"not yet tagged " + secrets.token_bytes(8)
        account("pusher").push_blob("models", data)
        assert is_there(account("pusher"), "models", data)
        assert is_there(world.root, "models", data)
        # Not even who may do everything with every tag: no tag reaches it.
        for other in ("owner", "reader", "sibling", "stranger", "maker"):
            assert not is_there(account(other), "models", data), other

    def test_of_a_manifest_that_no_tag_reaches(
        self, world: World, account: Callable[[str], Client], made: Image
    ) -> None:
        account("pusher").push("models", made.digest, made)
        assert is_there(account("pusher"), "models", made.manifest, "manifests")
        assert is_there(world.root, "models", made.manifest, "manifests")
        for other in ("owner", "reader", "sibling", "stranger", "maker"):
            assert not is_there(account(other), "models", made.manifest, "manifests"), other
        # Until one does.
        account("pusher").push("models", new_tag("pusher"), made)
        assert is_there(account("owner"), "models", made.manifest, "manifests")

    def test_is_of_one_repository(self, account: Callable[[str], Client], made: Image) -> None:
        pusher = account("pusher")
        pusher.push("scratch/pusher/a", made.digest, made)
        for data in made.blobs:
            assert not is_there(pusher, "scratch/pusher/b", data)
        assert not is_there(pusher, "scratch/pusher/b", made.manifest, "manifests")
        response = pusher.put_manifest("scratch/pusher/b", "1", made.manifest, MANIFEST)
        assert (response.status, error_code(response)) == (404, "MANIFEST_BLOB_UNKNOWN")
        for data in made.blobs:
            pusher.expect(201, "POST", f"/v2/scratch/pusher/b/blobs/uploads/"
                          f"?mount={digest_of(data)}&from=scratch/pusher/a")
            assert is_there(pusher, "scratch/pusher/b", data)
        put(pusher, "scratch/pusher/b", "1", made.manifest)

    def test_ends_with_the_right_to_push(
        self, make_gate: GateMaker, registry: Registry, made: Image
    ) -> None:
        policy = ("version: 1\nusers:\n  builder: {permissions: [push]}\nrules:\n"
                  "  - {who: [builder], images: ['%s'], allow: [push]}\n")
        gate = make_gate(registry.url, policy % "ending:*", {"builder": "Build Passw0rd!"})
        with Client(gate.connect, gate.credential("builder")) as builder:
            builder.push("ending", made.digest, made)
            assert is_there(builder, "ending", layer_of(made))
            gate.write_policy(policy % "elsewhere:*")
            soon(lambda: not is_there(builder, "ending", layer_of(made)))
            assert not is_there(builder, "ending", made.manifest, "manifests")


def soon(condition: Callable[[], bool], after: float = 0) -> None:
    """Waits until a change of the policy is in force, or what ends by itself has ended."""
    deadline = time.monotonic() + after + (10 if is_sanitized() else 5)
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


class TestEnd:
    """Possession lapses some time after the last tag, and nothing that comes later revives it.

    What is deleted here stays readable to its owner by its grace, so it is still there."""

    UNTAGGED = 4  # seconds
    POLICY = ("version: 1\nusers:\n  owner: {permissions: [view, pull, push, delete]}\n"
              "  builder: {permissions: [push]}\nrules:\n"
              "  - {who: [owner], images: [ending], allow: [view, pull, push, delete]}\n"
              "  - {who: [builder], images: [ending], allow: [push]}\n")
    PASSWORDS = {"owner": "Owner Passw0rd!", "builder": "Build Passw0rd!"}

    @pytest.fixture
    def gate(self, make_gate: GateMaker, registry: Registry) -> Gate:
        return make_gate(registry.url, self.POLICY, self.PASSWORDS,
                         settings={"index": {"untagged": f"{self.UNTAGGED}s"}})

    @pytest.fixture
    def owner(self, gate: Gate) -> Iterator[Client]:
        with Client(gate.connect, gate.credential("owner")) as client:
            yield client

    @pytest.fixture
    def builder(self, gate: Gate, owner: Client, made: Image) -> Iterator[Client]:
        """Who pushed the image, until it lapsed."""
        with Client(gate.connect, gate.credential("builder")) as client:
            client.push("ending", "1", made)
            assert self.read(client, made) == {200}
            owner.expect(202, "DELETE", "/v2/ending/manifests/1")
            soon(lambda: self.read(client, made) == {404}, self.UNTAGGED)
            assert self.read(owner, made) == {200}
            yield client

    @staticmethod
    def read(client: Client, made: Image) -> set[int]:
        """How its manifest and its blobs are answered, by their digests."""
        targets = [f"manifests/{made.digest}", *(f"blobs/{digest_of(data)}" for data in made.blobs)]
        return {client.ask("HEAD", f"/v2/ending/{target}", ACCEPT).status for target in targets}

    def test_who_uploads_a_manifests_text_has_it_as_a_blob_only(
        self, builder: Client, made: Image
    ) -> None:
        builder.push_blob("ending", made.manifest)
        assert is_there(builder, "ending", made.manifest)
        assert self.read(builder, made) == {404}
        refused = builder.put_manifest("ending", "2", index(made), INDEX)
        assert (refused.status, error_code(refused)) == (404, "MANIFEST_BLOB_UNKNOWN")

    def test_a_tag_that_comes_later_does_not_revive_it(
        self, gate: Gate, owner: Client, builder: Client, made: Image
    ) -> None:
        put(owner, "ending", "2", made.manifest)
        assert self.read(builder, made) == {404}
        assert self.read(owner, made) == {200}
        gate.stop()
        gate.start()
        with (Client(gate.connect, gate.credential("builder")) as again,
              Client(gate.connect, gate.credential("owner")) as reader):
            assert self.read(again, made) == {404}
            assert self.read(reader, made) == {200}


def attach(client: Client, subject: Image, name: str = "workshop", kind: str = NOTE) -> Image:
    """A new referrer of the subject, put by its digest."""
    made = artifact(kind, secrets.token_bytes(16), descriptor(MANIFEST, subject.manifest))
    client.push(name, made.digest, made)
    return made


def listed(client: Client, subject: Image, name: str = "workshop", query: str = "") -> list[str]:
    """The digests in the list of referrers, whose form is checked."""
    response = client.expect(200, "GET", f"/v2/{name}/referrers/{subject.digest}{query}")
    assert response["content-type"] == INDEX
    index_ = json.loads(response.body)
    assert (index_["schemaVersion"], index_["mediaType"]) == (2, INDEX)
    return [entry["digest"] for entry in index_["manifests"]]


class TestReferrers:
    """Anybody with a push right attaches to anything, and is heard only if he may push a tag that
    reaches it."""

    @pytest.fixture
    def subject(self, world: World, made: Image) -> Image:
        """Under a tag that the reader may pull, and the curator push."""
        world.owner.push("workshop", new_tag("secret"), made)
        return made

    def test_of_who_may_push_the_subject(
        self, account: Callable[[str], Client], subject: Image
    ) -> None:
        made = attach(account("curator"), subject)
        for name in ("owner", "reader", "root", "curator"):
            client = account(name)
            assert listed(client, subject) == [made.digest], name
            assert is_there(client, "workshop", made.manifest, "manifests")
            assert is_there(client, "workshop", made.layers[0])
        assert listed(account("sibling"), subject) == []
        assert not is_there(account("sibling"), "workshop", made.manifest, "manifests")

    def test_of_who_may_not(self, account: Callable[[str], Client], subject: Image) -> None:
        made = attach(account("mallory"), subject)
        for name in ("owner", "reader", "root"):
            assert listed(account(name), subject) == [], name
        # To whom the subject may just as well be absent: his own.
        assert listed(account("mallory"), subject) == [made.digest]
        for name in ("owner", "reader"):
            assert not is_there(account(name), "workshop", made.manifest, "manifests"), name
            assert not is_there(account(name), "workshop", made.layers[0]), name
        # It is his own, and any admin's.
        for name in ("mallory", "root"):
            assert is_there(account(name), "workshop", made.manifest, "manifests"), name

    def test_a_tag_of_ones_own_on_the_referrer_does_not_list_it(
        self, account: Callable[[str], Client], subject: Image
    ) -> None:
        made = attach(account("mallory"), subject)
        put(account("mallory"), "workshop", new_tag("mallory"), made.manifest)
        assert listed(account("owner"), subject) == []

    def test_attaching_before_the_subject_comes(
        self, account: Callable[[str], Client]
    ) -> None:
        """The specification lets a subject come later; whose tag it comes under decides."""
        others, own = new_image(), new_image()
        notes = {made.digest: attach(account("mallory"), made) for made in (others, own)}
        account("owner").push("workshop", new_tag("secret"), others)
        account("mallory").push("workshop", new_tag("mallory"), own)
        assert listed(account("owner"), others) == []
        assert listed(account("owner"), own) == [notes[own.digest].digest]
        assert listed(account("mallory"), own) == [notes[own.digest].digest]

    def test_attaching_to_a_child_of_an_index(self, account: Callable[[str], Client]) -> None:
        """A tag reaches the children of its index."""
        children = [new_image(), new_image()]
        for child in children:
            account("owner").push("workshop", child.digest, child)
        put(account("owner"), "workshop", new_tag("secret"), index(*children), INDEX)
        heard = attach(account("curator"), children[0])
        attach(account("mallory"), children[0])
        assert listed(account("reader"), children[0]) == [heard.digest]

    def test_put_again_by_somebody_else_it_stays(
        self, account: Callable[[str], Client], subject: Image
    ) -> None:
        """Or anybody could make a signature disappear, by pushing it once more."""
        made = attach(account("curator"), subject)
        account("mallory").push("workshop", made.digest, made)
        assert listed(account("reader"), subject) == [made.digest]
        assert is_there(account("reader"), "workshop", made.layers[0])

    def test_put_again_by_who_may_it_comes(
        self, account: Callable[[str], Client], subject: Image
    ) -> None:
        made = attach(account("mallory"), subject)
        account("curator").push("workshop", made.digest, made)
        assert listed(account("reader"), subject) == [made.digest]

    def test_referrers_of_referrers(
        self, account: Callable[[str], Client], subject: Image
    ) -> None:
        """A signature of an SBOM: the tag reaches that too."""
        sbom = attach(account("curator"), subject)
        signature = attach(account("curator"), sbom)
        assert listed(account("reader"), sbom) == [signature.digest]
        assert is_there(account("reader"), "workshop", signature.layers[0])
        assert listed(account("reader"), subject) == [sbom.digest]

    def test_gone_when_it_is_deleted(
        self, account: Callable[[str], Client], subject: Image
    ) -> None:
        kept, made = attach(account("curator"), subject), attach(account("curator"), subject)
        account("owner").expect(202, "DELETE", f"/v2/workshop/manifests/{made.digest}")
        assert listed(account("owner"), subject) == [kept.digest]
        assert not is_there(account("reader"), "workshop", made.manifest, "manifests")

    def test_the_list(self, account: Callable[[str], Client], subject: Image) -> None:
        owner = account("owner")
        made = artifact("application/vnd.test.sbom", b"what is in it",
                        descriptor(MANIFEST, subject.manifest))
        noted = json.loads(made.manifest) | {"annotations": {"org.test": "a note"}}
        made = replace(made, manifest=json.dumps(noted).encode())
        owner.push("workshop", made.digest, made)
        other = attach(owner, subject)
        assert sorted(listed(owner, subject)) == sorted([made.digest, other.digest])
        response = owner.expect(200, "GET", f"/v2/workshop/referrers/{subject.digest}"
                                "?artifactType=application%2Fvnd.test.sbom")
        assert response["oci-filters-applied"] == "artifactType"
        assert json.loads(response.body)["manifests"] == [{
            "mediaType": MANIFEST, "digest": made.digest, "size": len(made.manifest),
            "artifactType": "application/vnd.test.sbom", "annotations": {"org.test": "a note"}}]
        assert listed(owner, subject, query="?artifactType=none") == []

    def test_ends_with_the_right_to_push_the_subject(
        self, make_gate: GateMaker, registry: Registry
    ) -> None:
        policy = ("version: 1\nusers:\n  owner: {permissions: [view, pull, push]}\n"
                  "  signer: {permissions: [pull, push]}\nrules:\n"
                  "  - {who: [owner], images: [signed], allow: [view, pull, push]}\n"
                  "  - {who: [signer], images: ['%s'], allow: [pull, push]}\n")
        gate = make_gate(registry.url, policy % "signed:*",
                         {"owner": "Owner Passw0rd!", "signer": "Signer Passw0rd!"})
        subject = new_image()
        with (Client(gate.connect, gate.credential("owner")) as owner,
              Client(gate.connect, gate.credential("signer")) as signer):
            owner.push("signed", "1", subject)
            made = attach(signer, subject, "signed")
            assert listed(owner, subject, "signed") == [made.digest]
            gate.write_policy(policy % "signed:others-*")
            soon(lambda: listed(owner, subject, "signed") == [])
            assert not is_there(owner, "signed", made.manifest, "manifests")
            gate.write_policy(policy % "signed:1")
            soon(lambda: listed(owner, subject, "signed") == [made.digest])


class TestDeleteByDigest:
    """Takes a right to delete every tag that reaches it, since it takes it from all of them."""

    @pytest.fixture
    def keeper(self, account: Callable[[str], Client]) -> Client:
        return account("keeper")

    @staticmethod
    def denied(client: Client, target: str) -> None:
        assert error_code(client.expect(403, "DELETE", target)) == "DENIED"
        client.expect(200, "HEAD", target, ACCEPT)

    def test_of_ones_own(self, keeper: Client, made: Image) -> None:
        tag = new_tag("kept")
        keeper.push("workshop", tag, made)
        keeper.expect(202, "DELETE", f"/v2/workshop/manifests/{made.digest}")
        for reference in (tag, made.digest):
            keeper.expect(404, "GET", f"/v2/workshop/manifests/{reference}", ACCEPT)

    def test_of_what_another_tag_reaches(self, world: World, keeper: Client, made: Image) -> None:
        other = new_tag("secret")
        keeper.push("workshop", new_tag("kept"), made)
        world.owner.push("workshop", other, made)
        target = f"/v2/workshop/manifests/{made.digest}"
        self.denied(keeper, target)
        world.owner.expect(200, "GET", f"/v2/workshop/manifests/{other}", ACCEPT)
        # A tag that is gone is not in the way, though what it reached stays readable for a while.
        world.owner.expect(202, "DELETE", f"/v2/workshop/manifests/{other}")
        keeper.expect(202, "DELETE", target)

    def test_of_the_child_of_anothers_index(
        self, world: World, keeper: Client, made: Image
    ) -> None:
        keeper.push("workshop", new_tag("kept"), made)
        put(world.owner, "workshop", new_tag("secret"), index(made, world.amd), INDEX)
        self.denied(keeper, f"/v2/workshop/manifests/{made.digest}")

    def test_of_the_child_of_ones_own_index(self, keeper: Client, made: Image) -> None:
        other, tag = new_image(), new_tag("kept")
        for child in (made, other):
            keeper.push("workshop", child.digest, child)
        put(keeper, "workshop", tag, index(made, other), INDEX)
        keeper.expect(202, "DELETE", f"/v2/workshop/manifests/{made.digest}")
        keeper.expect(404, "GET", f"/v2/workshop/manifests/{made.digest}", ACCEPT)
        keeper.expect(200, "GET", f"/v2/workshop/manifests/{other.digest}", ACCEPT)

    def test_of_a_layer_that_another_tag_reaches(
        self, world: World, keeper: Client, made: Image
    ) -> None:
        keeper.push("workshop", new_tag("kept"), made)
        self.denied(keeper, f"/v2/workshop/blobs/{digest_of(made.layers[0])}")
        own = f"/v2/workshop/blobs/{digest_of(layer_of(made))}"
        keeper.expect(202, "DELETE", own)
        keeper.expect(404, "HEAD", own)

    def test_a_tag_of_another_is_denied_even_on_ones_own_digest(
        self, world: World, keeper: Client, made: Image
    ) -> None:
        other = new_tag("secret")
        keeper.push("workshop", new_tag("kept"), made)
        world.owner.push("workshop", other, made)
        assert error_code(keeper.expect(403, "DELETE", f"/v2/workshop/manifests/{other}")) == "DENIED"
        world.owner.expect(200, "HEAD", f"/v2/workshop/manifests/{other}", ACCEPT)


class TestGrace:
    """A pull that has begun goes on to its end: what a tag reached stays readable for 15 minutes to
    those who may pull the tag, and to nobody else."""

    @pytest.fixture(params=["moved", "deleted"])
    def tag(self, world: World, made: Image, request: pytest.FixtureRequest) -> str:
        """Reaches `made` no more."""
        tag = new_tag("secret")
        world.owner.push("workshop", tag, made)
        if request.param == "moved":
            world.owner.push("workshop", tag, new_image())
        else:
            world.owner.expect(202, "DELETE", f"/v2/workshop/manifests/{tag}")
        return tag

    def test_readable_to_those_of_the_tag(
        self, account: Callable[[str], Client], made: Image, tag: str
    ) -> None:
        for name, readable in (("reader", True), ("sibling", False), ("stranger", False),
                               ("pusher", False), ("mallory", False)):
            client = account(name)
            assert is_there(client, "workshop", made.manifest, "manifests") == readable, name
            assert is_there(client, "workshop", layer_of(made)) == readable, name

    def test_ends_with_a_delete_by_digest(
        self, world: World, account: Callable[[str], Client], made: Image, tag: str
    ) -> None:
        target, reader = f"/v2/workshop/manifests/{made.digest}", account("reader")
        # No tag reaches it: its pusher may, and who only reads it may not.
        assert error_code(reader.expect(403, "DELETE", target)) == "DENIED"
        world.owner.expect(202, "DELETE", target)
        # It does not come back with the manifest either.
        for _ in range(2):
            assert not is_there(reader, "workshop", made.manifest, "manifests")
            assert not is_there(reader, "workshop", layer_of(made))
            world.owner.push("workshop", made.digest, made)
