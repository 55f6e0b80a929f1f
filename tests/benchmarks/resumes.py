"""What coming back costs the event loop, and what many filters cost beside one, in process.

Times are CPU of the thread that runs the loop. The resumes are of a full history. Each delivery to a filter ends in a
`send` on a socket.
"""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, cast

from streamer.change import Key, iso_time
from streamer.hub.filters import Filter
from streamer.hub.history import History
from streamer.hub.hub import Hub
from streamer.hub.ledger import Ledger
from streamer.hub.resume import Request
from streamer.hub.window import Window
from streamer.place import Place
from streamer.streams.delivery import Delivery
from streamer.streams.mode import CurrentMode
from streamer.streams.stream import OpenStream
from streamer.streams.timing import Timing
from streamer.streams.transport import TransportSink
from streamer.telemetry.counters import Counters
from tests.factories import NOW_MS, change, state

FRAMES = 90_000  # 15 min at 100 events/s
_STEP_MS = 10
_TICKERS = [f"T{number}" for number in range(500)]
_STREAMS = 10_000
_EVENTS = 200
_SOCKETS = 100


class _Instance:
    """A hub and its delivery, at a time that stands still."""

    def __init__(self) -> None:
        self.now_ms = NOW_MS
        self.hub: Hub[OpenStream] = Hub(run=1, ledger=Ledger(), history=History(), window=Window(NOW_MS))
        mode = CurrentMode("push", "as the benchmark wants it", NOW_MS)
        self.delivery = Delivery(
            self.hub,
            Counters(),
            lambda: mode,
            Timing(flush=1e-9),
            clock=lambda: self.now_ms / 1000,
            now_ms=lambda: self.now_ms,
            randomness=random.Random(1),
        )
        self._tickers = random.Random(2)
        self._made = 0

    def publish(self) -> None:
        self._made += 1
        key = Key(f"wire:{self._made}", iso_time(self.now_ms))
        shown = state("positive", self._tickers.choice(_TICKERS), updated_at=iso_time(self.now_ms))
        self.hub.publish([change(shown, self._made, key=key)], dated_ms=self.now_ms, now_ms=self.now_ms)


class _Unread:
    """A sink whose client reads nothing: only the first part of a replay is written."""

    on_blocked: Callable[[], None] | None = None
    on_drained: Callable[[], None] | None = None

    def write(self, data: bytes) -> None: ...

    def discard(self) -> bytes:
        return b""

    def close(self, last: bytes) -> None: ...

    def abort(self) -> None: ...

    def pending(self) -> int:
        return 1

    def blocked_since(self) -> float | None:
        return None


def _full() -> _Instance:
    made = _Instance()
    made.now_ms -= FRAMES * _STEP_MS
    prove: Any = made.hub.proved
    prove(made.now_ms - 200_000, made.now_ms - 400_000, ended_ms=made.now_ms - 200_000)
    for _ in range(FRAMES):
        made.now_ms += _STEP_MS
        made.publish()
    made.hub.take_pending()
    return made


def _opening(made: _Instance, wanted: Filter, request: Request) -> float:
    """CPU in milliseconds to open a stream, the first part of its replay included."""
    began = time.thread_time()
    stream = made.delivery.open(_Unread(), wanted, request)
    spent = time.thread_time() - began
    made.delivery.forget(stream)
    return spent * 1000


def _median(measure: Callable[[], float], rounds: int = 9) -> float:
    return sorted(measure() for _ in range(rounds))[rounds // 2]


@contextmanager
def _connections() -> Iterator[list[socket.socket]]:
    """Sockets to one that nobody reads: what does not fit is dropped, and no send wakes a reader."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unread, ExitStack() as opened:
        unread.bind(("127.0.0.1", 0))
        made = [opened.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(_SOCKETS)]
        for each in made:
            each.connect(unread.getsockname())
        yield made


class _Socket:
    """A transport whose write is the kernel's, as uvloop's is."""

    def __init__(self, connection: socket.socket) -> None:
        self.write = connection.send

    def set_protocol(self, _: object) -> None: ...

    def set_write_buffer_limits(self, high: int) -> None: ...

    def get_write_buffer_size(self) -> int:
        return 0


def _delivered(connections: list[socket.socket], filters: int) -> float:
    """CPU in microseconds for each delivery of an event to one of the streams."""
    made = _Instance()
    chosen = random.Random(3)
    tickers = [frozenset(chosen.sample(_TICKERS, 5)) for _ in range(filters)]
    for number in range(_STREAMS):
        sink = TransportSink()
        sink.attach(cast(Any, _Socket(connections[number % len(connections)])), chunked=True, paused=False)
        wanted = Filter(tickers[number], True, False) if filters > 1 else Filter(None, True, False)
        made.delivery.open(sink, wanted, Request())
    before = sum(stream.events for stream in made.delivery.streams)
    spent = 0.0
    for _ in range(_EVENTS if filters > 1 else _EVENTS // 10):
        made.now_ms += _STEP_MS
        made.publish()
        began = time.thread_time()
        made.delivery.flush()
        spent += time.thread_time() - began
    delivered = sum(stream.events for stream in made.delivery.streams) - before
    for stream in list(made.delivery.streams):
        made.delivery.forget(stream)
    return spent / delivered * 1e6


def main() -> None:
    """Prints the table."""
    made = _full()
    fifty = Filter(frozenset(_TICKERS[:50]), True, False)
    other = str(Place(NOW_MS - 25_000, 99, 7))
    print(f"| loop time to the first byte, history of {FRAMES:,} events | ms |\n|---|---|")
    for name, wanted, request in (
        ("resume from another container, all tickers", Filter(), Request(other)),
        ("resume from another container, 50 tickers", fifty, Request(other)),
        ("`?replay=900`, 50 tickers", fifty, Request(replay_ms=900_000)),
        ("`?replay=900`, all tickers", Filter(), Request(replay_ms=900_000)),
    ):
        print(f"| {name} | {_median(lambda: _opening(made, wanted, request)):.2f} |")  # noqa: B023 - called at once
    print(f"\n| deliveries to {_STREAMS:,} streams | µs each |\n|---|---|")
    with _connections() as connections:
        one = _delivered(connections, 1)
        many = _delivered(connections, _STREAMS)
    print(f"| of one filter, each event to all | {one:.2f} |")
    print(f"| each with its own filter of 5 of 500 tickers, an event to about 100 | {many:.2f} ({many / one:.2f} ×) |")


if __name__ == "__main__":
    main()
