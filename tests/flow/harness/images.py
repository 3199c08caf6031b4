"""Small OCI images, made without a network."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .rawhttp import digest_of

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
EMPTY = "application/vnd.oci.empty.v1+json"  # an artifact's config, which is {}


def descriptor(media_type: str, data: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest_of(data), "size": len(data)}


def encode(value: Any) -> bytes:
    """JSON in one fixed form, so that equal images have equal digests."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


@dataclass(frozen=True)
class Image:
    manifest: bytes
    config: bytes
    layers: list[bytes] = field(default_factory=list)  # as stored: gzipped tars
    media_type: str = MANIFEST

    @property
    def digest(self) -> str:
        return digest_of(self.manifest)

    @property
    def blobs(self) -> list[bytes]:
        return [self.config, *self.layers]


def layer(files: dict[str, bytes]) -> tuple[bytes, str]:
    """A gzipped tar of the files and the digest of the tar itself (config's diff_id)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o755
            tar.addfile(entry, io.BytesIO(data))
    raw = buffer.getvalue()
    return gzip.compress(raw, 1, mtime=0), digest_of(raw)


def image(*layers: dict[str, bytes], architecture: str = "amd64") -> Image:
    """An image whose layers hold the files given; without any, one layer with a small file."""
    packed = [layer(files) for files in layers or ({"model.txt": b"weights"},)]
    config = encode(
        {
            "architecture": architecture,
            "os": "linux",
            "config": {"Cmd": ["/busybox", "true"]},
            "rootfs": {"type": "layers", "diff_ids": [diff_id for _, diff_id in packed]},
        }
    )
    layers = [data for data, _ in packed]
    manifest = manifest_of(descriptor(CONFIG, config), [descriptor(LAYER, data) for data in layers])
    return Image(manifest, config, layers)


def manifest_of(config: dict[str, Any], layers: list[dict[str, Any]], **more: Any) -> bytes:
    """The bytes of an image manifest of these descriptors, whatever they name."""
    return encode({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers,
                   **more})


def artifact(kind: str, data: bytes, subject: dict[str, Any] | None = None) -> Image:
    """An artifact of one blob, whose media type is `kind`; with a subject (a descriptor) it is a
    referrer."""
    more = {} if subject is None else {"subject": subject}
    manifest = manifest_of(descriptor(EMPTY, b"{}"), [descriptor(kind, data)], artifactType=kind,
                           **more)
    return Image(manifest, b"{}", [data])


def index(*images: Image) -> bytes:
    """The bytes of an index of the images, one an architecture."""
    return index_of(
        {
            **descriptor(made.media_type, made.manifest),
            "platform": {
                "os": "linux",
                "architecture": json.loads(made.config)["architecture"],
            },
        }
        for made in images
    )


def index_of(children: Iterable[dict[str, Any]]) -> bytes:
    """The bytes of an index of these descriptors, whatever they name."""
    return encode({"schemaVersion": 2, "mediaType": INDEX, "manifests": list(children)})


def write_layout(made: Image, directory: Path, tag: str = "latest") -> Path:
    """Writes an OCI image layout, which skopeo and buildah read as oci:DIRECTORY:TAG."""
    blobs = directory / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    for data in (made.manifest, *made.blobs):
        (blobs / digest_of(data).removeprefix("sha256:")).write_bytes(data)
    (directory / "oci-layout").write_bytes(encode({"imageLayoutVersion": "1.0.0"}))
    entry = descriptor(made.media_type, made.manifest)
    entry["annotations"] = {"org.opencontainers.image.ref.name": tag}
    (directory / "index.json").write_bytes(encode({"schemaVersion": 2, "manifests": [entry]}))
    return directory
