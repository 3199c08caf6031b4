"""What a fake registry holds: its answers to what the gate's index asks of it."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass, field

from .images import Image
from .rawhttp import digest_of

Answer = tuple[str, bytes, list[tuple[str, str]]]  # status, body, fields

_TAGS = re.compile(r"/v2/(.+)/tags/list")
_MANIFEST = re.compile(r"/v2/(.+)/manifests/([^/]+)")
_BLOB = re.compile(r"/v2/(.+)/blobs/([^/]+)")


@dataclass
class _Repository:
    tags: dict[str, str] = field(default_factory=dict)  # to digests
    manifests: dict[str, tuple[str, bytes]] = field(default_factory=dict)  # media type, bytes
    blobs: set[str] = field(default_factory=set)


class Holdings:
    """Repositories, tags and manifests; nothing, until a test adds some."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._repositories: dict[str, _Repository] = {}

    def add(self, name: str, reference: str, made: Image) -> str:
        """Holds the image under a tag, or under its digest alone; returns the digest."""
        with self._lock:
            repository = self._repositories.setdefault(name, _Repository())
            repository.manifests[made.digest] = (made.media_type, made.manifest)
            repository.blobs.update(digest_of(data) for data in made.blobs)
            if reference != made.digest:
                repository.tags[reference] = made.digest
        return made.digest

    def answer(self, target: str) -> Answer:
        path = target.partition("?")[0]
        with self._lock:
            if path == "/v2/_catalog":
                return _json(repositories=sorted(self._repositories))
            for form, find in ((_TAGS, self._list), (_MANIFEST, self._manifest), (_BLOB, self._blob)):
                match = form.fullmatch(path)
                if match and (found := self._repositories.get(match[1])):
                    return find(found, *match.groups())
        return _absent()

    @staticmethod
    def _list(repository: _Repository, name: str) -> Answer:
        return _json(name=name, tags=sorted(repository.tags))

    @staticmethod
    def _manifest(repository: _Repository, _: str, reference: str) -> Answer:
        digest = repository.tags.get(reference, reference)
        if digest not in repository.manifests:
            return _absent()
        media_type, data = repository.manifests[digest]
        return "200 OK", data, [("Content-Type", media_type), ("Docker-Content-Digest", digest)]

    @staticmethod
    def _blob(repository: _Repository, _: str, digest: str) -> Answer:
        return ("200 OK", b"", []) if digest in repository.blobs else _absent()


def _json(status: str = "200 OK", **members: object) -> Answer:
    return status, json.dumps(members).encode(), [("Content-Type", "application/json")]


def _absent() -> Answer:
    return _json("404 Not Found", errors=[{"code": "UNKNOWN", "message": "not held"}])
