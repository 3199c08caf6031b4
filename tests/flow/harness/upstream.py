"""A fake registry that writes down every byte it gets and answers as the test says.

For faults only: what a registry does when it works is asked of the real one.

The gate asks things by itself too: whether the registry is there, and, for its index, what it holds.
Those are answered here (by what a test says is held, else nothing is), and kept apart from what clients
caused.
"""

from __future__ import annotations

import re
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from .holdings import Holdings
from .images import INDEX, MANIFEST
from .rawhttp import Address


@dataclass
class Request:
    """A request as it reached the upstream."""

    head: bytes
    body: bytes = b""
    connection: int = 0  # which one, counted from 0
    complete: bool = True  # False: the body ended early

    @property
    def line(self) -> str:
        return self.head.split(b"\r\n", 1)[0].decode("latin-1")

    @property
    def method(self) -> str:
        return self.line.split(" ")[0]

    @property
    def target(self) -> str:
        return self.line.split(" ")[1]

    @property
    def fields(self) -> list[tuple[str, str]]:
        lines = self.head.decode("latin-1").split("\r\n")[1:-2]
        pairs = (line.partition(":") for line in lines)
        return [(name.lower(), value.strip()) for name, _, value in pairs]

    def get(self, name: str) -> str | None:
        values = [value for key, value in self.fields if key == name.lower()]
        assert len(values) <= 1, f"{name}: {values}"
        return values[0] if values else None


# Gets the request and the socket, for answers that no bytes can describe (slow, cut, reset); what it
# returns is sent. None: it has sent what it wanted, and the connection is closed.
Handler = Callable[[Request, socket.socket], "bytes | None"]


def reply(status: str = "200 OK", body: bytes = b"", *fields: tuple[str, str]) -> bytes:
    """A well-formed answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


def is_probe(request: Request) -> bool:
    """The gate asks `GET /v2/` by itself, to know whether the upstream is there."""
    return request.line == "GET /v2/ HTTP/1.1"


_EVERY_FORM = {MANIFEST, INDEX, "application/vnd.docker.distribution.manifest.v2+json",
               "application/vnd.docker.distribution.manifest.list.v2+json"}


def is_question(request: Request) -> bool:
    """The index takes a manifest in every form, and says so whatever it asks for. What goes on for a
    client takes the one form that is stored, or says what the client said."""
    accept = request.get("accept") or ""
    return request.method in ("GET", "HEAD") and set(accept.split(", ")) == _EVERY_FORM


@dataclass
class RecordingUpstream:
    handler: Handler | None = None
    streams: list[bytearray] = field(default_factory=list)  # per connection, all bytes received
    # In the order of their heads, without the gate's probes:
    requests: list[Request] = field(default_factory=list)  # that clients caused
    questions: list[Request] = field(default_factory=list)  # of the gate's index
    holds: Holdings = field(default_factory=Holdings)  # what the index is told
    answers_index: bool = True  # False: its questions go to the handler too
    # False: a body stays in the socket, and the handler may read it from there, or not at all.
    reads_bodies: bool = True
    host: str = "127.0.0.1"
    port: int = 0  # 0: any
    tls: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._listener = socket.create_server((self.host, self.port), backlog=512)
        self.address: Address = self._listener.getsockname()
        self.url = "%s://%s:%d" % ("https" if self.tls else "http", *self.address)
        self._open: set[socket.socket] = set()
        self._closing = False
        self._broken: list[str] = []  # what the gate sent that no HTTP/1.1 sender may
        threading.Thread(target=self._accept, daemon=True).start()

    # What arrived

    def asked(self) -> list[Request]:
        """The requests that clients caused."""
        with self._lock:
            return list(self.requests)

    def questioned(self) -> list[Request]:
        """What the gate's index asked."""
        with self._lock:
            return list(self.questions)

    def wait_asked(self, count: int, timeout: float = 5.0) -> list[Request]:
        deadline = time.monotonic() + timeout
        while len(self.asked()) < count:
            assert time.monotonic() < deadline, f"{len(self.asked())} requests, not {count}"
            time.sleep(0.01)
        return self.asked()

    # The server

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                if self._closing:
                    peer.close()
                    return
                self._open.add(peer)
                index = len(self.streams)
                self.streams.append(bytearray())
            threading.Thread(target=self._serve, args=(peer, index), daemon=True).start()

    def _serve(self, peer: socket.socket, index: int) -> None:
        try:
            if self.tls is not None:
                peer = self._secured(peer, self.tls)
            reader = _Reader(peer, self.streams[index])
            while (head := reader.read_head()) is not None:
                request = Request(head, connection=index)
                if not is_probe(request):
                    with self._lock:
                        (self.questions if is_question(request) else self.requests).append(request)
                if self.reads_bodies:
                    reader.read_body(request)
                answer = self._answer(request, peer)
                if answer is None:
                    return
                peer.sendall(answer)
        except OSError:
            pass  # the gate closed, or close() did
        except (AssertionError, ValueError) as error:
            self._broken.append(f"{error!r} in {bytes(self.streams[index][-2000:])!r}")
        finally:
            with self._lock:
                self._open.discard(peer)
            peer.close()

    def _secured(self, peer: socket.socket, tls: ssl.SSLContext) -> socket.socket:
        with self._lock:
            self._open.discard(peer)  # whose descriptor moves to another object
            secured = tls.wrap_socket(peer, server_side=True, do_handshake_on_connect=False)
            self._open.add(secured)
        secured.do_handshake()
        return secured

    def _answer(self, request: Request, peer: socket.socket) -> bytes | None:
        if is_probe(request):
            return reply("200 OK", b"{}", ("Content-Type", "application/json"))
        if self.answers_index and is_question(request):
            return self.answer_index(request)
        if self.handler is not None:
            return self.handler(request, peer)
        return reply("404 Not Found", b'{"errors":[{"code":"UNKNOWN","message":"fake"}]}',
                     ("Content-Type", "application/json"))

    def answer_index(self, request: Request) -> bytes:
        """To a question of the index, by what is held at this moment."""
        status, body, fields = self.holds.answer(request.target)
        answer = reply(status, body, *fields)
        return answer[: answer.index(b"\r\n\r\n") + 4] if request.method == "HEAD" else answer

    def drop_connections(self) -> None:
        """Closes what is open now, as a registry does that restarts."""
        with self._lock:
            peers = list(self._open)
        for peer in peers:
            try:
                peer.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self) -> None:
        with self._lock:
            if self._closing:
                return
            self._closing = True
        # shutdown() wakes the accepting thread; close() alone would leave it in accept().
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.drop_connections()
        assert not self._broken, self._broken

    def __enter__(self) -> "RecordingUpstream":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Reader:
    """Reads requests off a socket, keeping a copy of every byte."""

    def __init__(self, peer: socket.socket, record: bytearray) -> None:
        self._peer, self._record, self._buffer = peer, record, b""

    def _fill(self) -> bool:
        piece = self._peer.recv(1 << 18)
        self._record += piece
        self._buffer += piece
        return bool(piece)

    def _take(self, count: int) -> bytes | None:
        while len(self._buffer) < count:
            if not self._fill():
                return None
        data, self._buffer = self._buffer[:count], self._buffer[count:]
        return data

    def _take_line(self) -> bytes | None:
        while b"\r\n" not in self._buffer:
            if not self._fill():
                return None
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line

    def read_head(self) -> bytes | None:
        while b"\r\n\r\n" not in self._buffer:
            if not self._fill():
                return None
        head, mark, self._buffer = self._buffer.partition(b"\r\n\r\n")
        return head + mark

    def read_body(self, request: Request) -> None:
        """Fills request.body by what its head says; marks it where the end comes too soon."""
        coding, length = request.get("transfer-encoding"), request.get("content-length")
        request.complete = coding is None and length is None
        assert coding is None or length is None, f"two lengths: {request.head!r}"
        if coding is not None:
            assert coding == "chunked", coding
            self._read_chunks(request)
        elif length is not None:
            assert re.fullmatch("[0-9]+", length), length
            body = self._take(int(length))
            request.complete = body is not None
            request.body = body if body is not None else self._buffer

    def _read_chunks(self, request: Request) -> None:
        while True:
            line = self._take_line()
            size = None if line is None else int(line, 16)
            data = None if size is None else self._take(size + 2)
            if data is None:
                return
            request.body += data[:-2]
            if size == 0:
                request.complete = True
                return
