"""An HTTP/1 client that sends exactly the given bytes and reads answers strictly.

http.client forgives what a proxy must not send (a bare LF, two lengths, bytes after the body); a
test of a proxy needs the opposite.
"""

from __future__ import annotations

import base64
import hashlib
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .process import join_network

Address = tuple[str, int]
Fields = Iterable[tuple[str, str]]

_STATUS = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9][0-9]) ([\x20-\x7e]*)\r\n")
_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\x20-\x7e\t]*?)[ \t]*\r\n")


class BadResponse(AssertionError):
    """The peer sent what HTTP/1.1 does not allow, or stopped in the middle."""


@dataclass
class Response:
    status: int
    version: str
    fields: list[tuple[str, str]]  # names in lower case
    body: bytes = b""
    interim: list[int] = field(default_factory=list)  # 1xx that came before

    def get(self, name: str) -> str | None:
        """The value of a field that stands at most once."""
        values = [value for key, value in self.fields if key == name.lower()]
        if len(values) > 1:
            raise BadResponse(f"{name} {len(values)} times: {values}")
        return values[0] if values else None

    def __getitem__(self, name: str) -> str:
        value = self.get(name)
        assert value is not None, f"no {name} in {self.fields}"
        return value

    @property
    def keeps_alive(self) -> bool:
        tokens = (self.get("connection") or "").lower()
        return "close" not in tokens if self.version == "1.1" else "keep-alive" in tokens


def basic(user: str, password: str) -> tuple[str, str]:
    """The Authorization field of RFC 7617."""
    token = base64.b64encode(f"{user}:{password}".encode()).decode()
    return ("Authorization", f"Basic {token}")


def head(method: str, target: str, fields: Fields = (), host: str = "registry.test") -> bytes:
    """A request's head, with Host and whatever fields are given, in that order."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def chunked(pieces: Iterable[bytes]) -> bytes:
    """The pieces as a chunked body, each a chunk."""
    return b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces if p) + b"0\r\n\r\n"


def connect(
    address: Address | Path,
    *,
    timeout: float = 10.0,
    source: str | None = None,
    namespace: Path | None = None,
) -> socket.socket:
    """A connected socket: to a TCP address, or to a unix socket's path."""
    if isinstance(address, Path):
        peer = socket.socket(socket.AF_UNIX)
        peer.settimeout(timeout)
        peer.connect(str(address))
        return peer
    if namespace is not None:
        return _connect_in(namespace, address, timeout)
    peer = socket.create_connection(address, timeout, (source, 0) if source else None)
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return peer


def _connect_in(namespace: Path, address: Address, timeout: float) -> socket.socket:
    """A socket belongs to the namespace of the thread that made it, so a short-lived thread will
    do, and the test itself stays where it is."""
    made: list[socket.socket | OSError] = []

    def enter_and_connect() -> None:
        try:
            join_network(namespace)
            made.append(connect(address, timeout=timeout))
        except OSError as error:
            made.append(error)

    thread = threading.Thread(target=enter_and_connect)
    thread.start()
    thread.join()
    if isinstance(made[0], OSError):
        raise made[0]
    return made[0]


class Connection:
    """One connection to a server. A timeout is a failure of the test, not a state."""

    def __init__(
        self,
        address: Address | Path,
        *,
        timeout: float = 10.0,
        source: str | None = None,
        namespace: Path | None = None,
        tls: ssl.SSLContext | None = None,
        name: str = "localhost",
    ) -> None:
        """With `tls`, over TLS to the host `name`."""
        self.socket = connect(address, timeout=timeout, source=source, namespace=namespace)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname=name)
        self._buffer = b""

    # Sending

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def finish(self) -> None:
        """No more bytes from this side."""
        self.socket.shutdown(socket.SHUT_WR)

    def request(
        self, method: str, target: str, fields: Fields = (), body: bytes = b"", host: str = "registry.test"
    ) -> Response:
        """Sends a well-formed request and reads its answer."""
        fields = list(fields)
        names = {name.lower() for name, _ in fields}
        needs_length = body or method in ("POST", "PUT", "PATCH")
        if needs_length and not names & {"content-length", "transfer-encoding"}:
            fields.append(("Content-Length", str(len(body))))
        self.send(head(method, target, fields, host) + body)
        return self.read_response(method)

    # Receiving

    def read_response(self, method: str = "GET") -> Response:
        """The next final answer with its whole body; `method` is the request's."""
        response = self.read_head()
        response.body = b"".join(self.iterate_body(response, method))
        return response

    def read_head(self) -> Response:
        """The next final answer's head; 1xx before it are noted and skipped."""
        interim: list[int] = []
        while True:
            response = self._parse_head(self._read_head_bytes())
            if response.status >= 200:
                response.interim = interim
                return response
            interim.append(response.status)

    def read_interim(self) -> int:
        """Exactly one 1xx answer; anything else fails."""
        response = self._parse_head(self._read_head_bytes())
        if response.status >= 200:
            raise BadResponse(f"{response.status} where a 1xx was due")
        return response.status

    def read_slowly(self, response: Response, until: float) -> bytes:
        """The body, at 200 kB/s until that moment of time.monotonic(), and then as fast as it comes."""
        got = []
        for piece in self.iterate_body(response):
            got.append(piece)
            if time.monotonic() < until:
                time.sleep(len(piece) / 200_000)
        return b"".join(got)

    def iterate_body(self, response: Response, method: str = "GET") -> Iterator[bytes]:
        """The body in pieces, for bodies that must not be held in memory."""
        length, coding = response.get("content-length"), response.get("transfer-encoding")
        if coding is not None and length is not None:
            raise BadResponse("Content-Length beside Transfer-Encoding")
        if method == "HEAD" or response.status in (204, 304):
            return
        if coding is not None:
            if coding.lower() != "chunked":
                raise BadResponse(f"Transfer-Encoding: {coding}")
            yield from self._iterate_chunks()
        elif length is not None:
            if not re.fullmatch("[0-9]+", length):
                raise BadResponse(f"Content-Length: {length}")
            yield from self._iterate_exactly(int(length))
        else:
            while piece := self._take_some(1 << 18):
                yield piece

    def is_closed(self, timeout: float = 5.0) -> bool:
        """Whether the peer closes within `timeout` without sending anything more."""
        if self._buffer:
            return False
        self.socket.settimeout(timeout)
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False

    def is_silent(self, seconds: float) -> bool:
        """Whether nothing arrives, not even an end, for so long."""
        if self._buffer:
            return False
        before = self.socket.gettimeout()
        self.socket.settimeout(seconds)
        try:
            self._buffer = self.socket.recv(1)
            return False
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(before)

    def read_rest(self) -> bytes:
        """All that comes until the peer closes; a reset counts as a close."""
        rest, self._buffer = self._buffer, b""
        try:
            while piece := self.socket.recv(1 << 16):
                rest += piece
        except ConnectionResetError:
            pass
        return rest

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _fill(self) -> bool:
        piece = self.socket.recv(1 << 18)
        self._buffer += piece
        return bool(piece)

    def _read_head_bytes(self) -> bytes:
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if not self._fill():
                raise BadResponse(f"the end instead of a whole head: {self._buffer[:200]!r}")
        whole, self._buffer = self._buffer[: end + 4], self._buffer[end + 4 :]
        return whole

    @staticmethod
    def _parse_head(data: bytes) -> Response:
        status = _STATUS.match(data)
        if status is None:
            raise BadResponse(f"status line: {data[:100]!r}")
        fields: list[tuple[str, str]] = []
        at = status.end()
        while data[at:] != b"\r\n":
            match = _FIELD.match(data, at)
            if match is None:
                raise BadResponse(f"field line: {data[at : at + 100]!r}")
            fields.append((match[1].decode().lower(), match[2].decode()))
            at = match.end()
        return Response(int(status[2]), f"1.{status[1].decode()}", fields)

    def _take_some(self, limit: int) -> bytes:
        if not self._buffer and not self._fill():
            return b""
        piece, self._buffer = self._buffer[:limit], self._buffer[limit:]
        return piece

    def _iterate_exactly(self, left: int) -> Iterator[bytes]:
        while left > 0:
            piece = self._take_some(left)
            if not piece:
                raise BadResponse(f"the end, {left} bytes early")
            left -= len(piece)
            yield piece

    def _read_line(self) -> bytes:
        while (end := self._buffer.find(b"\r\n")) < 0:
            if len(self._buffer) > 1000 or not self._fill():
                raise BadResponse(f"no line: {self._buffer[:100]!r}")
        line, self._buffer = self._buffer[:end], self._buffer[end + 2 :]
        return line

    def _iterate_chunks(self) -> Iterator[bytes]:
        while True:
            line = self._read_line()
            if not re.fullmatch(rb"[0-9a-fA-F]{1,15}", line):
                raise BadResponse(f"chunk size: {line!r}")
            size = int(line, 16)
            if size == 0:
                if self._read_line() != b"":
                    raise BadResponse("a trailer")
                return
            yield from self._iterate_exactly(size)
            if self._read_line() != b"":
                raise BadResponse("no line end after a chunk")


def digest_of(data: bytes) -> str:
    """sha256:<hex>, as descriptors name content."""
    return "sha256:" + hashlib.sha256(data).hexdigest()
