"""Very many short connections at once, from one thread.

For tests that ask the same thing in thousands of ways: a thread a connection would cost more than
what it waits for.
"""

from __future__ import annotations

import heapq
import itertools
import selectors
import time
from collections.abc import Callable, Sequence

from .rawhttp import Address, connect

class _Exchange:
    def __init__(self, number: int, address: Address, parts: Sequence[bytes], deadline: float) -> None:
        self.number, self.deadline = number, deadline
        self.unsent = list(parts)
        self.received = bytearray()
        self.socket = connect(address)
        self.socket.setblocking(False)

    def send_part(self) -> None:
        """The next part, or what the socket takes of it."""
        if not self.unsent:
            return
        part = self.unsent.pop(0)
        try:
            sent = self.socket.send(part)
        except BlockingIOError:
            sent = 0
        except (BrokenPipeError, ConnectionResetError):
            self.unsent.clear()  # the peer has had enough; what it said is still to be read
            return
        if sent < len(part):
            self.unsent.insert(0, part[sent:])

    def receive(self) -> bool:
        """Whether there may be more."""
        try:
            data = self.socket.recv(1 << 16)
        except ConnectionResetError:
            return False
        self.received += data
        return bool(data)


def exchange_all(
    address: Address,
    ways: Sequence[Sequence[bytes]],
    *,
    pause: float,
    timeout: float = 8.0,
    until: Callable[[bytes], bool] = lambda _: False,
    width: int = 64,
) -> list[bytes | None]:
    """For each way a connection of its own, `width` at a time: sends its parts with `pause` seconds
    between them, and reads until the peer closes or `until` is content. None: the peer did neither in
    time."""
    answers: list[bytes | None] = [None] * len(ways)
    waiting = enumerate(ways)
    order = itertools.count()
    wakes: list[tuple[float, int, _Exchange]] = []  # when the next part is due
    with selectors.DefaultSelector() as selector:

        def start_one() -> None:
            number, parts = next(waiting)
            exchange = _Exchange(number, address, parts, time.monotonic() + timeout)
            selector.register(exchange.socket, selectors.EVENT_READ, exchange)
            heapq.heappush(wakes, (0.0, next(order), exchange))

        def finish(exchange: _Exchange) -> None:
            exchange.unsent.clear()
            selector.unregister(exchange.socket)
            exchange.socket.close()

        try:
            left = len(ways)
            while left:
                while len(selector.get_map()) < width:
                    try:
                        start_one()
                    except StopIteration:
                        break
                now = time.monotonic()
                while wakes and wakes[0][0] <= now:
                    _, _, exchange = heapq.heappop(wakes)
                    exchange.send_part()
                    if exchange.unsent:
                        heapq.heappush(wakes, (now + pause, next(order), exchange))
                due = wakes[0][0] - now if wakes else 0.1
                for key, _ in selector.select(max(0.0, min(due, 0.1))):
                    exchange = key.data
                    if not exchange.receive() or until(bytes(exchange.received)):
                        answers[exchange.number] = bytes(exchange.received)
                        finish(exchange)
                        left -= 1
                for key in list(selector.get_map().values()):
                    if now > key.data.deadline:
                        finish(key.data)
                        left -= 1
        finally:
            for key in list(selector.get_map().values()):
                key.data.socket.close()
    return answers
