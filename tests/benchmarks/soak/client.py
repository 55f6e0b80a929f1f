"""The streams of the soak: a process that opens them, leaves them, comes back, and reads some of them too slowly.

`python -m tests.benchmarks.soak.client`: orders come as lines of JSON on standard input.
"""

from __future__ import annotations

import re
import select
import socket
import time
from collections import Counter
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
from typing import Any, Final

from tests.benchmarks.fan_out.orders import obey
from tests.benchmarks.soak.visits import SLOW, UNREAD, Visit, Visits

_READ: Final = 256 * 1024
_KEPT: Final = 2_048  # bytes of a stream in which its last place is looked for
_AT_ONCE: Final = 200.0  # the most openings a second, on average
_SLOWLY: Final = 0.25  # seconds between two small reads of a slow client
_SIP: Final = 4_096
_PLACE: Final = re.compile(rb"^id: (\S+)\n", re.MULTILINE)
_RESET: Final = b"\1\0\0\0\0\0\0\0"  # SO_LINGER on, 0 s


@dataclass(slots=True)
class _Stream:
    sock: socket.socket
    visit: Visit | None
    """None: a request whose response is read to its end."""
    until: float
    """On the monotonic clock."""
    tail: bytes = b""

    def place(self) -> str | None:
        found = _PLACE.findall(self.tail)
        return found[-1].decode() if found else None


class Churn:
    """All streams, in one thread, by epoll."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._streams: dict[int, _Stream] = {}
        self._ends: list[tuple[float, int, _Stream]] = []  # heap
        self._numbers = count()
        self._coming: list[Visit] = []
        self._buffer = bytearray(_READ)
        self._view = memoryview(self._buffer)
        self._counts: Counter[str] = Counter()
        self._port = 0
        self._next_sip = self._next_read = 0.0

    def start(self, port: int, streams: int, seed: int, stay: float, replay: float, reads: float) -> dict[str, Any]:
        """Begins to open so many streams, which stay open from then on: one that ends is followed by another. `reads`:
        snapshots and series a second."""
        self._port, self._every = port, 1 / reads
        self._visits = Visits(seed, stay, replay)
        self._began = time.monotonic()
        self._coming = [self._visits.first() for _ in range(streams)]
        return {}

    def stop(self) -> dict[str, Any]:
        """Ends every stream, and says what happened, by name."""
        self._port = 0
        counts = dict(self._counts)
        for stream in list(self._streams.values()):
            self._end(stream)
        return counts

    def step(self) -> None:
        """Whatever is due, and a few milliseconds of reading."""
        now = time.monotonic()
        if self._port:
            self._open_what_is_due(now)
            while self._ends and self._ends[0][0] <= now:
                stream = heappop(self._ends)[2]
                if self._streams.get(stream.sock.fileno()) is stream:
                    self._counts["left"] += 1
                    self._end(stream)
            if now >= self._next_sip:
                self._next_sip = now + _SLOWLY
                for stream in [each for each in self._streams.values() if each.visit and each.visit.kind == SLOW]:
                    self._receive(stream, _SIP)
            if now >= self._next_read:
                self._next_read = now + self._every
                for request in self._visits.read():
                    self._open(request, None, now + 30)
        for file, _ in self._epoll.poll(0.01, 4_096):
            if file in self._streams:
                self._receive(self._streams[file], _READ)

    def _open_what_is_due(self, now: float) -> None:
        while self._coming and self._counts["opened"] <= (now - self._began) * _AT_ONCE:
            visit = self._coming.pop()
            self._counts["opened"] += 1
            self._counts["came back"] += visit.place is not None
            self._open(visit.request(), visit, now + visit.seconds)

    def _open(self, request: bytes, visit: Visit | None, until: float) -> None:
        sock = socket.socket()
        if visit is not None and visit.kind in (SLOW, UNREAD):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8_192)
        sock.connect(("127.0.0.1", self._port))
        sock.sendall(request)
        sock.setblocking(False)
        stream = _Stream(sock, visit, until)
        self._streams[sock.fileno()] = stream
        heappush(self._ends, (until, next(self._numbers), stream))
        # An unread stream wakes only at its end.
        self._epoll.register(sock, 0 if visit is not None and visit.kind in (SLOW, UNREAD) else select.EPOLLIN)

    def _receive(self, stream: _Stream, most: int) -> None:
        try:
            size = stream.sock.recv_into(self._buffer, most)
        except BlockingIOError:
            return
        except OSError:
            size = 0
        visit = stream.visit
        if not size:
            self._counts["ended" if visit is not None else "read"] += 1
            self._end(stream)
            return
        self._counts["bytes"] += size
        if not stream.tail and not self._buffer.startswith(b"HTTP/1.1 200 "):
            self._counts["refused" if visit is not None else "read refused"] += 1
            self._end(stream)
            return
        stream.tail = (stream.tail + bytes(self._view[max(0, size - _KEPT) : size]))[-_KEPT:]

    def _end(self, stream: _Stream) -> None:
        del self._streams[stream.sock.fileno()]
        self._epoll.unregister(stream.sock)
        if self._counts["left"] % 2:
            stream.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        stream.sock.close()
        if stream.visit is not None:
            self._coming.append(self._visits.after(stream.visit, stream.place()))


if __name__ == "__main__":
    churn = Churn()
    obey({"start": churn.start, "stop": churn.stop}, meanwhile=churn.step)
