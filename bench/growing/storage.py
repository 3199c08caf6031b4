"""A registry's directory, written without the registry: 100,000 pushes would take an hour."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

TYPE = "application/vnd.oci.image.manifest.v1+json"


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Storage:
    """The layout of distribution 2.8 below `root`. One layer is shared by all images."""

    def __init__(self, root: Path, layer: bytes) -> None:
        self._root = root / "docker/registry/v2"
        self.layer = self._blob(layer)
        self._layer_size = len(layer)

    def _blob(self, data: bytes) -> str:
        digest = _digest(data)
        file = self._root / "blobs/sha256" / digest[:2] / digest / "data"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        return digest

    def add(self, name: str, tags: list[str]) -> None:
        """A repository; each tag has a manifest of its own."""
        base = self._root / "repositories" / name
        self._link(base / "_layers/sha256" / self.layer, self.layer)
        for tag in tags:
            config = self._blob(json.dumps({"tag": f"{name}:{tag}"}).encode())
            self._link(base / "_layers/sha256" / config, config)
            manifest = self._blob(json.dumps({
                "schemaVersion": 2, "mediaType": TYPE,
                "config": {"mediaType": "application/vnd.oci.image.config.v1+json",
                           "digest": f"sha256:{config}", "size": 0},
                "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar",
                            "digest": f"sha256:{self.layer}", "size": self._layer_size}],
            }).encode())
            self._link(base / "_manifests/revisions/sha256" / manifest, manifest)
            current = base / "_manifests/tags" / tag
            self._link(current / "current", manifest)
            self._link(current / "index/sha256" / manifest, manifest)

    @staticmethod
    def _link(directory: Path, digest: str) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "link").write_text(f"sha256:{digest}")
