"""What oras, helm and cosign do, in the order in which they ask."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from .client import Client
from .images import INDEX, MANIFEST, descriptor, encode
from .rawhttp import Response, digest_of

EMPTY, EMPTY_TYPE = b"{}", "application/vnd.oci.empty.v1+json"
# What oras and helm send; several types in one field.
ACCEPT = [("Accept", f"{MANIFEST}, {INDEX}, application/vnd.oci.artifact.manifest.v1+json, */*")]


@dataclass(frozen=True)
class Artifact:
    manifest: bytes
    blobs: Sequence[bytes]

    @property
    def digest(self) -> str:
        return digest_of(self.manifest)


def artifact(kind: str, data: bytes, *, subject: dict[str, Any] | None = None,
             annotations: dict[str, str] | None = None) -> Artifact:
    """One file of an artifactType, about a subject if there is one."""
    fields: dict[str, Any] = {
        "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": kind,
        "config": descriptor(EMPTY_TYPE, EMPTY), "layers": [descriptor(kind, data)]}
    if subject:
        fields["subject"] = subject
    if annotations:
        fields["annotations"] = annotations
    return Artifact(encode(fields), [EMPTY, data])


def chart(name: str, version: str, data: bytes) -> Artifact:
    """A Helm chart: the type stands in the config, the version is the tag."""
    config = encode({"apiVersion": "v2", "name": name, "version": version})
    manifest = encode({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": descriptor("application/vnd.cncf.helm.config.v1+json", config),
        "layers": [descriptor("application/vnd.cncf.helm.chart.content.v1.tar+gzip", data)],
        "annotations": {"org.opencontainers.image.title": name}})
    return Artifact(manifest, [config, data])


def push(client: Client, name: str, made: Artifact, tag: str = "") -> Response:
    """`oras push`, `helm push` and `oras attach`: only what HEAD does not find is sent, then the
    manifest under its tag, or under its digest if it has none; returns the answer to that."""
    for data in made.blobs:
        if client.ask("HEAD", f"/v2/{name}/blobs/{digest_of(data)}").status != 200:
            client.push_blob(name, data)
    reference = tag or made.digest
    found = client.ask("HEAD", f"/v2/{name}/manifests/{reference}", ACCEPT)
    assert found.status in (200, 404), found  # on 403 containerd gives up
    response = client.put_manifest(name, reference, made.manifest, MANIFEST)
    assert response.status == 201, response
    return response


def pull(client: Client, name: str, reference: str) -> list[bytes]:
    """`oras pull` and `helm pull`: the tag's digest, the manifest by digest, the layers."""
    head = client.expect(200, "HEAD", f"/v2/{name}/manifests/{reference}", ACCEPT)
    digest = head["docker-content-digest"]
    manifest = client.expect(200, "GET", f"/v2/{name}/manifests/{digest}", ACCEPT).body
    assert digest_of(manifest) == digest
    found = json.loads(manifest)
    parts = [client.expect(200, "GET", f"/v2/{name}/blobs/{part['digest']}").body
             for part in [found["config"], *found["layers"]]]
    return parts[1:]


def discover(client: Client, name: str, digest: str, kind: str = "") -> list[dict[str, Any]]:
    """`oras discover`: what refers to the digest."""
    query = f"?artifactType={quote(kind, safe='')}" if kind else ""
    response = client.expect(200, "GET", f"/v2/{name}/referrers/{digest}{query}")
    assert response["content-type"] == INDEX
    return json.loads(response.body)["manifests"]
