"""The distribution API in the steps that a client takes, each checked."""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import quote

from .images import Image
from .rawhttp import Connection, Fields, Response, digest_of


class Client:
    """One account's view of a registry, over one kept-alive connection.

    `credential` is an Authorization field, or None for an account without one.
    """

    def __init__(self, open_connection: Callable[[], Connection],
                 credential: tuple[str, str] | None = None) -> None:
        self._open, self._credential = open_connection, credential
        self._connection: Connection | None = None

    def ask(self, method: str, target: str, fields: Fields = (), body: bytes = b"") -> Response:
        """One request; a connection that the server closed after the last answer is replaced."""
        fields = [*([self._credential] if self._credential else []), *fields]
        if self._connection is None:
            self._connection = self._open()
        response = self._connection.request(method, target, fields, body)
        if not response.keeps_alive:
            self.close()
        return response

    def expect(self, status: int, method: str, target: str, fields: Fields = (),
               body: bytes = b"") -> Response:
        response = self.ask(method, target, fields, body)
        assert response.status == status, f"{method} {target}: {response}"
        return response

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Steps

    def open_upload(self, name: str) -> str:
        """The Location of a new upload."""
        return self.expect(202, "POST", f"/v2/{name}/blobs/uploads/")["location"]

    def push_blob(self, name: str, data: bytes) -> str:
        """A monolithic upload; returns the digest."""
        digest = digest_of(data)
        location = with_query(self.open_upload(name), digest=digest)
        self.expect(201, "PUT", location, [("Content-Type", "application/octet-stream")], data)
        return digest

    def put_manifest(self, name: str, reference: str, data: bytes, media_type: str) -> Response:
        return self.ask("PUT", f"/v2/{name}/manifests/{reference}",
                        [("Content-Type", media_type)], data)

    def push(self, name: str, tag: str, made: Image) -> str:
        """The whole image; returns the manifest's digest."""
        for data in made.blobs:
            self.push_blob(name, data)
        response = self.put_manifest(name, tag, made.manifest, made.media_type)
        assert response.status == 201, response
        return made.digest


def with_query(location: str, **parameters: str) -> str:
    """A Location with parameters added, whether or not it has some."""
    query = "&".join(f"{key}={quote(value, safe='')}" for key, value in parameters.items())
    return location + ("&" if "?" in location else "?") + query


def error_code(response: Response) -> str:
    """The code of an OCI error body, whose form is checked."""
    assert response["content-type"].split(";")[0] == "application/json", response
    errors = json.loads(response.body)["errors"]
    assert len(errors) == 1 and errors[0]["message"], response
    return errors[0]["code"]
