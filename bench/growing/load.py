"""Clients of the door: active ones, idle ones and slow ones."""

from __future__ import annotations

import base64
import http.client
import socket
import statistics
import threading
import time

from peers.peer import PASSWORD, USER

_CREDENTIAL = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
HEADERS = {"Authorization": f"Basic {_CREDENTIAL}",
           "Accept": "application/vnd.oci.image.manifest.v1+json"}


def request_of(target: str) -> bytes:
    lines = [f"GET {target} HTTP/1.1", "Host: bench"]
    lines += [f"{name}: {value}" for name, value in HEADERS.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class Held:
    """Connections that are kept: idle ones, or, with a small window, ones that stream slowly."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._sockets: list[socket.socket] = []
        self._slow: list[socket.socket] = []  # those whose head was read
        self._ended = threading.Event()
        self._reader: threading.Thread | None = None

    def __enter__(self) -> "Held":
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._reader:
            self._reader.join()
        for each in self._sockets:
            each.close()

    def _open(self, target: str, window: int = 0) -> socket.socket:
        made = socket.socket()
        self._sockets.append(made)
        if window:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        made.settimeout(20)
        made.connect(("127.0.0.1", self._port))
        made.sendall(request_of(target))
        return made

    def idle(self, count: int, target: str) -> None:
        """Connections that were answered once and are kept alive. The answer must be a small one."""
        for _ in range(count - len(self._sockets)):
            made = self._open(target)
            if not made.recv(65536).startswith(b"HTTP/1.1 200 "):
                raise RuntimeError("an idle connection was not answered with 200")

    def streaming(self, count: int, target: str) -> None:
        """Pulls that take 4 KiB a second each, in their middle."""
        for _ in range(count - len(self._sockets)):
            made = self._open(target, 4096)
            head = made.recv(4096)
            if not head.startswith(b"HTTP/1.1 200 "):
                raise RuntimeError(f"a slow pull was answered with {head[:200]!r}")
            self._slow.append(made)
        if not self._reader:
            self._reader = threading.Thread(target=self._read, daemon=True)
            self._reader.start()

    def _read(self) -> None:
        while not self._ended.wait(1):
            for each in list(self._slow):
                try:
                    each.recv(4096, socket.MSG_DONTWAIT)
                except BlockingIOError:
                    pass


def latencies(port: int, targets: list[str], seconds: float, clients: int = 4) -> list[float]:
    """Seconds that each GET took, of so many clients with a kept connection each."""
    taken: list[float] = []
    failed: list[str] = []
    until = time.monotonic() + seconds

    def run(first: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        mine: list[float] = []
        try:
            while time.monotonic() < until:
                begun = time.monotonic()
                connection.request("GET", targets[(first + len(mine)) % len(targets)],
                                   headers=HEADERS)
                answer = connection.getresponse()
                answer.read()
                if answer.status != 200:
                    raise RuntimeError(f"a GET was answered with {answer.status}")
                mine.append(time.monotonic() - begun)
        except (OSError, RuntimeError, http.client.HTTPException) as error:
            failed.append(str(error))
        finally:
            connection.close()
        taken.extend(mine)

    threads = [threading.Thread(target=run, args=(i * len(targets) // clients,))
               for i in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed or not taken:
        raise RuntimeError(f"the active load: {failed[0] if failed else 'no answers'}")
    return taken


def p99_ms(taken: list[float]) -> float:
    return 1000 * (statistics.quantiles(taken, n=100)[98] if len(taken) > 1 else taken[0])


def pull(port: int, target: str) -> int:
    """Bytes of a whole pull."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", target, headers=HEADERS)
        answer = connection.getresponse()
        if answer.status != 200:
            raise RuntimeError(f"a pull was answered with {answer.status}")
        total = 0
        while got := answer.read(1 << 20):
            total += len(got)
        return total
    finally:
        connection.close()
