"""The load client: a process that opens streams as Chromium does and counts what they bring.

`python -m tests.benchmarks.fan_out.client`: orders come as lines of JSON on standard input, each is answered by one.
It does as little as it can for an event: one `recv` for whatever a socket holds, one count of a byte. Only some
streams are looked at closely, evenly spread over the order in which they were opened.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Sequence
from typing import Any

from tests.benchmarks.fan_out.count import Returning, Sampled, percentile
from tests.benchmarks.fan_out.orders import obey
from tests.benchmarks.fan_out.payload import MARK, now_us

_HEAD = (
    "GET {path} HTTP/1.1\r\n"
    "Host: 127.0.0.1:{port}\r\n"
    "Connection: keep-alive\r\n"
    'sec-ch-ua-platform: "Linux"\r\n'
    "Cache-Control: no-cache\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0"
    " Safari/537.36\r\n"
    'sec-ch-ua: "Chromium";v="156", "Not=A?Brand";v="8"\r\n'
    "sec-ch-ua-mobile: ?0\r\n"
    "Accept: text/event-stream\r\n"
    "Origin: http://127.0.0.1:{port}\r\n"
    "Sec-Fetch-Site: same-origin\r\n"
    "Sec-Fetch-Mode: cors\r\n"
    "Sec-Fetch-Dest: empty\r\n"
    "Referer: http://127.0.0.1:{port}/\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    "Accept-Language: en-US,en;q=0.9\r\n{more}\r\n"
)
_CHECKED = 50  # of so many that come back one is looked at closely
_AT_ONCE = 200  # connections that wait to be accepted
_READ = 256 * 1024
_OPENING = 60.0  # seconds that a server has to answer everybody
_RESET = b"\1\0\0\0\0\0\0\0"  # SO_LINGER on, 0 s: an end without TIME_WAIT


class Client:
    """All streams of one server. Everything happens in one thread, by epoll."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        self._sampled: dict[int, Sampled] = {}
        self._stuck: list[socket.socket] = []
        self._buffer = bytearray(_READ)
        self._view = memoryview(self._buffer)
        self._events = 0
        self._ended = 0
        self._refused = 0
        self._requests: dict[int, bytes] = {}  # of connections that are being made
        self._returning: dict[int, Returning] = {}
        self._checked: dict[int, Sampled] = {}  # of those that came back

    def open(self, port: int, paths: Sequence[str], count: int, sampled: int, stuck: int) -> dict[str, Any]:
        """Opens `count` streams, the paths by turns, and `stuck` more that are never read; returns when each has
        its response's head."""
        every = max(1, count // sampled)
        opened, deadline = 0, time.monotonic() + _OPENING
        while opened < count:
            waiting = set()
            for number in range(opened, min(count, opened + _AT_ONCE)):
                sock = self._connect(port, paths[number % len(paths)])
                sock.setblocking(False)
                self._sockets[sock.fileno()] = sock
                self._epoll.register(sock, select.EPOLLIN)
                if number % every == 0:
                    self._sampled[sock.fileno()] = Sampled()
                waiting.add(sock.fileno())
            opened += len(waiting)
            while waiting:
                for file in self._read(1.0):
                    waiting.discard(file)
                if time.monotonic() > deadline:
                    return {"opened": opened - len(waiting), "ended": self._ended}
        for _ in range(stuck):
            sock = self._connect(port, paths[0], receive_buffer=8192)
            self._stuck.append(sock)
        return {"opened": opened, "ended": self._ended}

    def place(self) -> dict[str, Any]:
        """The id of the last event that came on the first sampled stream."""
        self.read(0.0)
        return {"place": next(iter(self._sampled.values())).place()}

    def come_back(
        self, port: int, paths: Sequence[str], count: int, seconds: float, at_most: float, place: str, missed: int
    ) -> dict[str, Any]:
        """Opens `count` streams within so many seconds, all with this `Last-Event-ID`, and reads until each has the
        `missed` events after it or was refused. 0 `missed`: until its replay has ended, as only the service says."""
        began, opened, refused, events = time.monotonic(), 0, self._refused, self._events
        while opened < count or self._returning:
            elapsed = time.monotonic() - began
            if elapsed > at_most:
                break
            due = min(count, int(elapsed / seconds * count) + 1)
            for number in range(opened, due):
                file = self._begin_to_connect(port, paths[number % len(paths)], place)
                self._returning[file] = Returning(missed)
                if missed and number % _CHECKED == 0:
                    self._checked[file] = Sampled()
            opened = due
            self._read(0.002)
        took, left, self._returning = time.monotonic() - began, len(self._returning), {}
        return {
            "seconds": took,
            "left": left,
            "refused": self._refused - refused,
            "events": self._events - events,
            "gaps": sum(stream.gaps for stream in self._checked.values()),
            "firsts": sorted({stream.first for stream in self._checked.values() if stream.first is not None}),
        }

    def _returned(self, file: int, data: bytes) -> None:
        stream = self._returning[file]
        stream.feed(data)
        self._refused += stream.refused
        if stream.live or stream.refused:
            del self._returning[file]

    def _connect(self, port: int, path: str, receive_buffer: int | None = None) -> socket.socket:
        sock = socket.socket()
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        sock.connect(("127.0.0.1", port))
        sock.sendall(_HEAD.format(path=path, port=port, more="").encode())
        return sock

    def _begin_to_connect(self, port: int, path: str, place: str) -> int:
        """Connects without waiting, for while the server's queue of connections is full, those that are live are read:
        a wait here would be measured as theirs."""
        sock = socket.socket()
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        sock.connect_ex(("127.0.0.1", port))
        file = sock.fileno()
        self._sockets[file] = sock
        self._requests[file] = _HEAD.format(path=path, port=port, more=f"Last-Event-ID: {place}\r\n").encode()
        self._epoll.register(sock, select.EPOLLOUT)
        return file

    def begin(self) -> dict[str, Any]:
        """Counts from here."""
        self.read(0.0)
        self._events = self._ended = 0
        for stream in self._sampled.values():
            stream.restart()
        self._cpu, self._began = time.process_time(), time.monotonic()
        return {}

    def result(self, expected: int, at_most: float, seconds: float) -> dict[str, Any]:
        """Waits until so many events have come since `begin`, `at_most` seconds long and not after a second without
        any, and says what came. `seconds`: for which was published, of which the client's share of a core is taken."""
        deadline = time.monotonic() + at_most
        last, last_at = self._events, time.monotonic()
        while self._events < expected and (now := time.monotonic()) < deadline:
            self._read(0.05)
            if self._events != last:
                last, last_at = self._events, now
            elif now - last_at > 1.0:
                break
        latencies = sorted(one for stream in self._sampled.values() for one in stream.latencies_us)
        took = time.monotonic() - self._began
        return {
            "events": self._events,
            "ended": self._ended,
            "seconds": took,
            "cpu": (time.process_time() - self._cpu) / max(seconds, took if self._events < expected else seconds),
            "gaps": sum(stream.gaps for stream in self._sampled.values()),
            "samples": len(latencies),
            "p50_ms": percentile(latencies, 0.5) / 1000 if latencies else None,
            "p99_ms": percentile(latencies, 0.99) / 1000 if latencies else None,
        }

    def stuck_ended(self) -> dict[str, Any]:
        """How many of the streams that are never read the server has ended."""
        ended = 0
        for sock in self._stuck:
            sock.setblocking(False)
            try:
                while sock.recv(_READ):
                    pass
                ended += 1
            except BlockingIOError:
                pass
            except OSError:
                ended += 1
        return {"ended": ended}

    def read(self, seconds: float) -> None:
        """Reads whatever comes for so long."""
        until = time.monotonic() + seconds
        while True:
            self._read(max(0.0, until - time.monotonic()))
            if time.monotonic() >= until:
                return

    def _read(self, timeout: float) -> list[int]:
        files = []
        buffer, sampled, events = self._buffer, self._sampled, 0
        for file, _ in self._epoll.poll(timeout, 4096):
            files.append(file)
            try:
                if file in self._requests:  # it is connected, or cannot be
                    self._sockets[file].sendall(self._requests.pop(file))
                    self._epoll.modify(file, select.EPOLLIN)
                    continue
                size = self._sockets[file].recv_into(buffer)
            except BlockingIOError:
                continue
            except OSError:
                size = 0
            if size == 0:
                self._epoll.unregister(file)
                self._sockets.pop(file).close()
                sampled.pop(file, None)
                self._checked.pop(file, None)
                self._refused += self._returning.pop(file, None) is not None
                self._ended += 1
                continue
            events += buffer.count(MARK, 0, size)
            if file in self._returning:
                self._returned(file, bytes(self._view[:size]))
            if file in sampled:
                sampled[file].feed(bytes(self._view[:size]), now_us())
            elif file in self._checked:
                self._checked[file].feed(bytes(self._view[:size]), now_us())
        self._events += events
        return files

    def close(self) -> dict[str, Any]:
        """Resets every connection."""
        for sock in [*self._sockets.values(), *self._stuck]:
            sock.close()
        self._sockets.clear()
        self._sampled.clear()
        self._checked.clear()
        self._stuck.clear()
        return {}


if __name__ == "__main__":
    client = Client()
    obey(
        {
            "open": client.open,
            "place": client.place,
            "come_back": client.come_back,
            "begin": client.begin,
            "result": client.result,
            "stuck": client.stuck_ended,
            "close": client.close,
        },
        meanwhile=lambda: client.read(0.02),
    )
