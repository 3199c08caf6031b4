"""What a case is, and what it asks with."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit

from harness.client import Client, with_query
from harness.images import INDEX, MANIFEST, Image
from harness.rawhttp import Fields, Response, digest_of

OCTETS = ("Content-Type", "application/octet-stream")
# As most clients do: registry 2.8.2 serves an OCI manifest only to who names its type.
ACCEPT = [("Accept", MANIFEST), ("Accept", INDEX)]

# The table of error codes, and the two of the Docker API that the specification lets through.
_CODES = {
    "BLOB_UNKNOWN", "BLOB_UPLOAD_INVALID", "BLOB_UPLOAD_UNKNOWN", "DIGEST_INVALID",
    "MANIFEST_BLOB_UNKNOWN", "MANIFEST_INVALID", "MANIFEST_UNKNOWN", "NAME_INVALID",
    "NAME_UNKNOWN", "SIZE_INVALID", "UNAUTHORIZED", "DENIED", "UNSUPPORTED", "TOOMANYREQUESTS",
    "TAG_INVALID", "MANIFEST_UNVERIFIED",
}


class NotSetUp(Exception):
    """What a case needs could not be put in place: no answer to what the case asks."""


@contextlib.contextmanager
def given() -> Iterator[None]:
    """Around the preparations: where a registry is known to fail a case, it must fail in what the
    case asks and not before."""
    try:
        yield
    except AssertionError as error:
        raise NotSetUp(str(error)) from error


@dataclass(frozen=True)
class Case:
    name: str
    run: Callable[["Side"], None]
    lacks: str | None = None  # what registry 2.8.2 lacks for it
    admin: bool = False  # through the gate an admin's, by the contract

    def __str__(self) -> str:
        return self.name


@dataclass
class Table:
    """The cases of one chapter, in the order in which they stand."""

    chapter: str
    cases: list[Case] = field(default_factory=list)

    def case(self, name: str = "", *, lacks: str | None = None,
             admin: bool = False) -> Callable[[Callable[["Side"], None]], Callable[["Side"], None]]:
        """Adds a function under `name`, or under its own name."""

        def add(run: Callable[[Side], None]) -> Callable[[Side], None]:
            words = name or run.__name__.replace("_", "-")
            self.cases.append(Case(f"{self.chapter}-{words}", run, lacks, admin))
            return run

        return add


class Side:
    """One account's view of one registry, with repositories that no other case touches."""

    def __init__(self, client: Client, prefix: str) -> None:
        self.client = client
        self.name, self.other = f"{prefix}/here", f"{prefix}/there"

    # Paths

    def blob(self, digest: str, name: str = "") -> str:
        return f"/v2/{name or self.name}/blobs/{digest}"

    def manifest(self, reference: str, name: str = "") -> str:
        return f"/v2/{name or self.name}/manifests/{reference}"

    def uploads(self, query: str = "", name: str = "") -> str:
        return f"/v2/{name or self.name}/blobs/uploads/{query}"

    # Asking

    def ask(self, method: str, target: str, fields: Fields = (), body: bytes = b"") -> Response:
        """One request; an error in JSON has the form that the specification gives it."""
        response = self.client.ask(method, target, fields, body)
        if 400 <= response.status < 500 and response.body and is_json(response):
            assert error_codes(response) <= _CODES, response
        return response

    def expect(self, status: int | tuple[int, ...], method: str, target: str,
               fields: Fields = (), body: bytes = b"") -> Response:
        response = self.ask(method, target, fields, body)
        wanted = (status,) if isinstance(status, int) else status
        assert response.status in wanted, f"{method} {target}: {response}"
        return response

    def get(self, target: str, fields: Fields = ()) -> bytes:
        return self.expect(200, "GET", target, fields).body

    def get_json(self, target: str) -> Any:
        response = self.expect(200, "GET", target)
        assert is_json(response), response
        return json.loads(response.body)

    def is_absent(self, target: str) -> None:
        """404 to HEAD and GET."""
        assert self.expect(404, "HEAD", target, ACCEPT).body == b""
        self.expect(404, "GET", target, ACCEPT)

    # Steps

    def open_upload(self, query: str = "", name: str = "") -> str:
        return resolve(self.expect(202, "POST", self.uploads(query, name)))

    def patch(self, target: str, piece: bytes, span: str = "") -> Response:
        fields = [OCTETS, ("Content-Range", span)] if span else [OCTETS]
        return self.expect(202, "PATCH", target, fields, piece)

    def close_upload(self, target: str, data: bytes, rest: bytes = b"",
                     span: str = "") -> Response:
        """The closing PUT of an upload of `data`, with its last chunk if there is one."""
        fields = [OCTETS, ("Content-Range", span)] if span else [OCTETS]
        return self.expect(201, "PUT", with_query(target, digest=digest_of(data)), fields, rest)

    def put(self, reference: str, data: bytes, media_type: str = MANIFEST,
            status: int | tuple[int, ...] = 201) -> Response:
        """A manifest's PUT."""
        return self.expect(status, "PUT", self.manifest(reference),
                           [("Content-Type", media_type)], data)

    # Preparations

    def have_blob(self, data: bytes, name: str = "") -> str:
        """Its digest."""
        with given():
            return self.client.push_blob(name or self.name, data)

    def have(self, made: Image, *references: str) -> str:
        """The image with its blobs, under each tag or by digest; its digest."""
        with given():
            for reference in references or (made.digest,):
                self.client.push(self.name, reference, made)
        return made.digest

    def have_manifest(self, reference: str, data: bytes, media_type: str = MANIFEST) -> str:
        """A manifest whose parts are there; its digest."""
        with given():
            self.put(reference, data, media_type)
        return digest_of(data)


def is_json(response: Response) -> bool:
    return (response.get("content-type") or "").split(";")[0] == "application/json"


def error_codes(response: Response) -> set[str]:
    """The codes of an error body, whose form is checked."""
    errors = json.loads(response.body)["errors"]
    assert errors, response
    for error in errors:
        assert set(error) <= {"code", "message", "detail"}, response
        assert isinstance(error.get("message", ""), str), response
    return {error["code"] for error in errors}


def resolve(response: Response) -> str:
    """The target that a Location means: it may be absolute or relative."""
    parts = urlsplit(urljoin("http://registry.test/v2/", response["location"]))
    assert parts.scheme in ("http", "https") and not parts.fragment, response
    return parts.path + (f"?{parts.query}" if parts.query else "")
