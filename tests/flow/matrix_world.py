"""The accounts, the policy and the images that test_matrix.py and test_matrix_attacks.py ask about.

    models     tags secret-*, which the reader may pull, and open-*, which the sibling may pull; they
               share a layer. Only the pusher and the maker may push here, tags of their own
    workshop   the same, and every account may push tags that begin with its own name
    sealed     one tag, which the reader may view
    ghosts     the same rules as for models, and nothing was ever pushed
"""

from __future__ import annotations

import itertools
import re
import secrets
import time
from dataclasses import dataclass

from harness.client import Client, with_query
from harness.gate import Gate
from harness.images import (
    CONFIG, INDEX, LAYER, MANIFEST, Image, artifact, descriptor, encode, image, index, index_of,
    manifest_of,
)
from harness.rawhttp import Fields, Response, digest_of
from harness.registry import Registry

ACCEPT = [("Accept", MANIFEST), ("Accept", INDEX)]
OCTETS = ("Content-Type", "application/octet-stream")

# Attempts of unusable accounts count as failures, which are limited for each account.
_SPARE = 6
_UNUSABLE = [f"{column}{number}" for column in ("expired", "disabled") for number in range(_SPARE)]

POLICY = f"""\
version: 1
groups:
  # What the last three columns are refused, they are refused for nothing but the account.
  full: [owner, abroad, {", ".join(_UNUSABLE)}]
users:
  owner:    {{permissions: [view, pull, push, delete]}}
  reader:   {{permissions: [view, pull, push]}}
  sibling:  {{permissions: [view, pull, push]}}
  stranger: {{permissions: [view, pull, push]}}
  pusher:   {{permissions: [push]}}
  maker:    {{permissions: [push, delete]}}
  mallory:  {{permissions: [view, pull, push]}}
  curator:  {{permissions: [view, pull, push]}}
  keeper:   {{permissions: [view, pull, push, delete]}}
  tagger:   {{permissions: [view, pull, push]}}
  root:     {{permissions: [admin]}}
  abroad:   {{permissions: [view, pull, push, delete], from: [10.0.0.0/8]}}
""" + "".join(
    f"  {name}: {{permissions: [view, pull, push, delete], "
    f"{'enabled: false' if name.startswith('disabled') else 'expires: 2020-01-31T00:00:00Z'}}}\n"
    for name in _UNUSABLE
) + """\
rules:
  - name: the owner may do everything
    who: ["@full"]
    images: ["**"]
    allow: [view, pull, push, delete]
  - name: the tags in question
    who: [reader]
    images: ["models:secret-*", "ghosts:secret-*", "workshop:secret-*", "sealed:secret-*"]
    allow: [view, pull]
  - name: tags that share layers with them
    who: [sibling]
    images: ["models:open-*", "ghosts:open-*", "workshop:open-*", "sealed:open-*"]
    allow: [view, pull]
  - name: something else
    who: [stranger]
    images: [elsewhere]
    allow: [view, pull, push]
  - {who: [pusher], images: ["models:pusher-*", "ghosts:pusher-*"], allow: [push]}
  - {who: [maker], images: ["models:maker-*", "ghosts:maker-*"], allow: [push]}
""" + "".join(
    f'  - {{who: [{name}], images: ["workshop:{name}-*", "scratch/{name}/**"], allow: [push]}}\n'
    for name in ("reader", "sibling", "stranger", "pusher", "maker")
) + """\
  # For the attacks alone.
  - {who: [mallory], images: ["workshop:mallory-*", "scratch/mallory/**"], allow: [view, pull, push]}
  - {who: [curator], images: ["workshop:secret-*"], allow: [view, pull, push]}
  - {who: [keeper], images: ["workshop:kept-*"], allow: [view, pull, push, delete]}
  - {who: [tagger], images: ["workshop:sha256-*"], allow: [view, pull, push]}
"""
_ACCOUNTS = ["owner", "reader", "sibling", "stranger", "pusher", "maker", "mallory", "curator",
             "keeper", "tagger", "root", "abroad", *_UNUSABLE]
PASSWORDS = {name: f"{name} Passw0rd!" for name in _ACCOUNTS}

BASE = {"base": b"the layer that all images share"}


def fallback_tag(digest: str) -> str:
    """The tag that stands for a manifest where there is no referrers API."""
    return digest.replace(":", "-")


def layer_of(made: Image) -> bytes:
    """The layer that an image made on BASE has for itself."""
    return made.layers[-1]


class World:
    """The gate, what is pushed behind it, and those who are at home there."""

    def __init__(self, gate: Gate, registry: Registry) -> None:
        self.gate = gate
        self.numbers = itertools.count()
        self.owner, self.maker, self.root = map(self.client, ("owner", "maker", "root"))
        self.direct = Client(registry.connect)  # around the gate

        self.secret = image(BASE, {"own": b"the secret weights"})
        self.open = image(BASE, {"own": b"weights for everybody"})
        self.amd = image(BASE, {"own": b"secret, amd64"})
        self.arm = image(BASE, {"own": b"secret, arm64"}, architecture="arm64")
        self.index = index(self.amd, self.arm)
        self.referrer = artifact("application/vnd.test.signature", b"a signature of the secret",
                                 descriptor(MANIFEST, self.secret.manifest))
        self.signature = artifact("application/vnd.test.cosign", b"as cosign writes them")
        # Names the secret layer, and is uploaded as a blob and never put.
        self.json = manifest_of(descriptor(CONFIG, self.secret.config),
                                [descriptor(LAYER, layer_of(self.secret))],
                                annotations={"test": "a blob that looks like a manifest"})
        for name in ("models", "workshop"):
            self._fill(name)
        self.owner.push("sealed", "secret-1", self.secret)
        self.owner.push("elsewhere", "1", image({"own": b"something else"}))
        self._possessed = False

    def _fill(self, name: str) -> None:
        owner = self.owner
        owner.push(name, "secret-1", self.secret)
        owner.push(name, "open-1", self.open)
        for child in (self.amd, self.arm):
            owner.push(name, child.digest, child)
        put(owner, name, "secret-2", self.index, INDEX)
        owner.push(name, self.referrer.digest, self.referrer)
        owner.push(name, fallback_tag(self.secret.digest) + ".sig", self.signature)
        entry = {**descriptor(MANIFEST, self.referrer.manifest), "artifactType": "test"}
        put(owner, name, fallback_tag(self.secret.digest), index_of([entry]), INDEX)
        owner.push_blob(name, self.json)

    def let_the_maker_possess(self) -> None:
        """The maker makes the same images, from the same bytes, without a tag. Later than the owner:
        it must not take anything from those who read them."""
        if self._possessed:
            return
        self._possessed = True
        for name in ("models", "workshop"):
            for made in (self.secret, self.amd, self.arm, self.referrer):
                self.maker.push(name, made.digest, made)
            put(self.maker, name, digest_of(self.index), self.index, INDEX)
            self.maker.push_blob(name, self.json)

    def client(self, account: str, source: str | None = None) -> Client:
        return Client(lambda: self.gate.connect(source=source), self.gate.credential(account))

    def close(self) -> None:
        for client in (self.owner, self.maker, self.root, self.direct):
            client.close()

    def __enter__(self) -> "World":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def put(client: Client, name: str, reference: str, data: bytes, media_type: str = MANIFEST) -> None:
    """A manifest, which is taken."""
    response = client.put_manifest(name, reference, data, media_type)
    assert response.status == 201, response


@dataclass(frozen=True)
class Planted:
    """An image that only one cell asks about. `layer` is its own; the other is shared."""

    made: Image
    tag: str
    twin: str  # another tag of the same digest
    layer: bytes


class Cell:
    """One account that asks one thing: of what exists, or the same of what does not."""

    def __init__(self, world: World, column: str, exists: bool = True) -> None:
        self.world, self.column, self.exists = world, column, exists
        self.number = next(world.numbers)
        self.account = {"admin": "root"}.get(column, column)
        self.shown = True  # whether a list that was asked for shows the thing
        self.seconds = 0.0  # how long the last answer to ask() took
        self._chosen: list[str] = []
        self._planted: Planted | None = None
        source = None
        if column in ("expired", "disabled"):
            self.account += str(self.number % _SPARE)
            # And for each address.
            source = f"127.1.{self.number // 250 % 250}.{self.number % 250 + 1}"
        self.client = world.client(self.account, source)
        if column == "maker" and exists:
            world.let_the_maker_possess()

    def __enter__(self) -> "Cell":
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    # Asking

    def ask(self, method: str, target: str, fields: Fields = (), body: bytes = b"") -> Response:
        started = time.monotonic()
        response = self.client.ask(method, target, fields, body)
        self.seconds = time.monotonic() - started
        return response

    def put(self, name: str, reference: str, data: bytes, media_type: str = MANIFEST) -> Response:
        return self.ask("PUT", f"/v2/{name}/manifests/{reference}",
                        [("Content-Type", media_type)], data)

    def upload(self, name: str, data: bytes) -> dict[str, object]:
        """Uploads a config of the account's own, if it may; its descriptor."""
        begun = self.client.ask("POST", f"/v2/{name}/blobs/uploads/")
        if begun.status == 202:
            target = with_query(begun["location"], digest=digest_of(data))
            self.client.expect(201, "PUT", target, [OCTETS], data)
        return descriptor(CONFIG, data)

    # What is asked about. Whatever does not exist has the same length.

    def pick(self, data: bytes) -> bytes:
        """These bytes, or others that nobody has pushed."""
        return data if self.exists else secrets.token_bytes(len(data))

    def digest(self, data: bytes) -> str:
        return digest_of(self.pick(data))

    def choose(self, there: str, absent: str) -> str:
        """A name of which told() makes no difference."""
        assert len(there) == len(absent), (there, absent)
        chosen = there if self.exists else absent
        self._chosen.append(chosen)
        return chosen

    def fresh(self, beginning: str) -> str:
        """A new name, of which told() makes no difference either."""
        chosen = beginning + secrets.token_hex(4)
        self._chosen.append(chosen)
        return chosen

    def own_tag(self) -> str:
        """A new tag that the account may push in workshop (and in models, if it pushes there)."""
        return self.fresh(f"{self.column}-")

    def own_config(self) -> bytes:
        return encode({"architecture": "amd64", "os": "linux", "own": secrets.token_hex(8)})

    @property
    def other(self) -> Client:
        """Someone else who may do the same as the owner."""
        return self.world.root if self.column == "owner" else self.world.owner

    def plant(self, *, tagged: bool = True) -> Planted:
        """The cell's own image in models, under two tags, or under none; the maker makes it too, or
        alone. Nothing is pushed where the cell asks about what does not exist."""
        if self._planted is None:
            made = image(BASE, {"own": secrets.token_bytes(16)})
            tag = self.fresh("secret-x")
            self._planted = Planted(made, tag, tag + "b", layer_of(made))
            if self.exists:
                self._push_planted(made, [tag, tag + "b"] if tagged else [])
        return self._planted

    def _push_planted(self, made: Image, tags: list[str]) -> None:
        possessed = self.column == "maker"
        if possessed:
            self.world.maker.push("models", made.digest, made)
        if not tags and not possessed:
            self.world.owner.push("models", made.digest, made)
        for tag in tags:
            self.world.owner.push("models", tag, made)

    def told(self, response: Response) -> tuple[int, list[tuple[str, str]], str]:
        """What the answer tells, without what the client said itself and what differs each time."""

        def blurred(text: str) -> str:
            text = re.sub("[0-9a-f]{64}", "HEX", text)
            for chosen in self._chosen:
                text = text.replace(chosen, "CHOSEN")
            return text

        fields = sorted((name, "" if name in _EACH_TIME else blurred(value))
                        for name, value in response.fields)
        return response.status, fields, blurred(response.body.decode("latin-1"))


_EACH_TIME = {"date", "x-request-id", "location", "docker-upload-uuid"}
