"""The images that are pulled, and the layers that are pushed."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import tarfile
from pathlib import Path

from peers.field import Field
from peers.peer import Peer

from .case import MIB
from .clients import Curl, Failed, ask

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
_CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
_LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"
MANIFEST_PATH = "/v2/bench/image/manifests/1"
FOUR_LAYERS = "bench/four:1"


def upload(peer: Peer, name: str, file: Path, digest: str) -> float:
    """POST, then one PUT with all of it; the seconds of both."""
    opening = Curl("-D", "-", "-X", "POST", "-H", "Content-Length: 0",
                   f"{peer.url()}/v2/{name}/blobs/uploads/")
    out, err = opening.process.communicate()
    location = re.search(rb"^location:\s*(\S+)", out, re.IGNORECASE | re.MULTILINE)
    told = err.split()
    if len(told) != 4 or told[0] != b"202" or not location:
        raise Failed(f"POST: {err.decode()} {out.decode()}")
    # A full address may name the registry itself; only the path is of use behind a proxy.
    target = re.sub(r"^https?://[^/]+", "", location[1].decode())
    target += ("&" if "?" in target else "?") + "digest=" + digest
    [(_, sent, seconds)] = Curl("-T", file, "-H", "Expect:", "-H",
                                "Content-Type: application/octet-stream",
                                peer.url() + target).lines(201)
    if sent != file.stat().st_size:
        raise Failed(f"sent {sent} bytes of {file.stat().st_size}")
    return seconds + float(told[3])


def write_random(file: Path, size: int) -> str:
    """Fills a file with bytes that nobody can compress; their digest."""
    sha256 = hashlib.sha256()
    with file.open("wb") as out:
        left = size
        while left:
            piece = os.urandom(min(left, 4 * MIB))
            sha256.update(piece)
            out.write(piece)
            left -= len(piece)
    return "sha256:" + sha256.hexdigest()


def digest_of(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Images:
    """bench/image:1 has a layer of each size, bench/four:1 four that docker can unpack."""

    def __init__(self, field: Field, sizes: list[int], pushes: list[int], layer: int) -> None:
        self.field, self.layers, self.layer = field, {}, layer
        self._pushes = {size: (field.root / f"push-{size}", "") for size in pushes}
        self.layers = {size: self._add_layer(size) for size in sizes}
        self._put_image("bench/image", "1", [(digest, size) for size, digest in self.layers.items()],
                        field.root / "manifest")
        self.config = self._make_four()
        for size, (file, _) in self._pushes.items():
            self._pushes[size] = (file, write_random(file, size))

    def path(self, size: int) -> str:
        return f"/v2/bench/image/blobs/{self.layers[size]}"

    def _add_layer(self, size: int) -> str:
        source = self.field.root / "layer"
        digest = write_random(source, size)
        upload(self.field.bare, "bench/image", source, digest)
        source.unlink()
        return digest

    def _put_image(self, name: str, tag: str, layers: list[tuple[str, int]], file: Path) -> str:
        """The config's digest, which docker calls the image's id."""
        config = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {
            "type": "layers", "diff_ids": [digest for digest, _ in layers]}}).encode()
        source = self.field.root / "config"
        source.write_bytes(config)
        upload(self.field.bare, name, source, digest_of(config))
        file.write_text(json.dumps({
            "schemaVersion": 2, "mediaType": MANIFEST_TYPE,
            "config": {"mediaType": _CONFIG_TYPE, "digest": digest_of(config),
                       "size": len(config)},
            "layers": [{"mediaType": _LAYER_TYPE, "digest": digest, "size": size}
                       for digest, size in layers]}))
        Curl("-T", file, "-H", f"Content-Type: {MANIFEST_TYPE}",
             f"{self.field.bare.url()}/v2/{name}/manifests/{tag}").lines(201)
        return digest_of(config)

    def _make_four(self) -> str:
        """Not compressed: unpacking gzip would take docker longer than all else."""
        layers, source = [], self.field.root / "layer"
        for number in range(4):
            with tarfile.open(source, "w") as archive:
                member = tarfile.TarInfo(f"weights-{number}")
                member.size = self.layer
                archive.addfile(member, io.BytesIO(os.urandom(self.layer)))
            digest = digest_of(source.read_bytes())
            upload(self.field.bare, "bench/four", source, digest)
            layers.append((digest, source.stat().st_size))
        source.unlink()
        return self._put_image("bench/four", "1", layers, self.field.root / "manifest-four")

    def push(self, peer: Peer, size: int, name: str) -> float:
        """A layer that the registry does not have, into a new repository; the seconds it took.

        The registry says afterwards that it has it, and then it is removed: the next push brings
        the same bytes, and again they are new.
        """
        file, digest = self._pushes[size]
        seconds = upload(peer, name, file, digest)
        head = ask("curl", "-sSfI", f"{self.field.bare.url()}/v2/{name}/blobs/{digest}")
        if f"content-length: {size}\n" not in head.lower().replace("\r", ""):
            raise Failed(f"the registry has another length: {head}")
        root, hexadecimal = self.field.storage / "docker/registry/v2", digest.split(":")[1]
        shutil.rmtree(root / "repositories" / name)
        shutil.rmtree(root / "blobs/sha256" / hexadecimal[:2] / hexadecimal)
        return seconds
