"""Replay and live make one sequence: nothing lost, nothing twice, whatever comes between."""

from __future__ import annotations

import asyncio
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.hub.filters import choose
from streamer.hub.resume import Request
from streamer.place import Place
from streamer.streams import delivery
from streamer.streams.stream import OpenStream
from streamer.streams.timing import Timing
from tests.factories import KEY, change, state
from tests.unit.streams.fakes import Bench, FakeSink

TICKERS = ("AAPL", "MSFT")
FILTERS = (None, {"AAPL"}, {"MSFT", "TSLA"})


class Client:
    """Reads when told, is cut when told, and comes back with the last id that it has read."""

    def __init__(self, bench: Bench, tickers: set[str] | None) -> None:
        self.got: list[str] = []
        self.frames: list[int] = []
        self.resumes: list[str] = []
        self._bench = bench
        self._wanted = choose(tickers, None)
        self._place = str(bench.hub.place())
        self._sink: FakeSink | None = None
        self._stream: OpenStream | None = None

    def wants(self, ticker: str) -> bool:
        return self._wanted.tickers is None or ticker in self._wanted.tickers

    def connect(self) -> None:
        if self._sink is None:
            self._sink = self._bench.sink()
            self._stream = self._bench.delivery.open(self._sink, self._wanted, Request(self._place))

    def read(self) -> None:
        for event in self._sink.take() if self._sink is not None else ():
            if event.get("event") == "connected":
                self.resumes.append(event["data"]["resume"])
            if "id" in event:
                self._place = event["id"]
                self.frames.append(Place.parse(event["id"]).frame)
            if event.get("event") == "sentiment_update":
                self.got.append(event["data"]["source_id"])

    def cut(self) -> None:
        """What was written and not read is lost."""
        if self._stream is not None:
            self._bench.delivery.forget(self._stream)
        self._sink = self._stream = None

    def read_to_the_end(self) -> None:
        self.connect()
        while self._sink is not None and self._sink.writes:
            self.read()


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["publish", "publish and flush"]), st.sampled_from(TICKERS)),
        st.tuples(st.sampled_from(["connect", "connect", "read", "read", "cut"]), st.sampled_from(range(len(FILTERS)))),
        st.tuples(st.sampled_from(["sweep", "flush", "mode"]), st.just(0)),
    ),
    min_size=30,
    max_size=120,
)


@settings(max_examples=100)
@given(ACTIONS)
def test_each_client_reads_everything_it_wants_once_and_in_order(actions: list[tuple[str, str | int]]) -> None:
    bench = Bench(Timing(heartbeat=10, ping=1e9, lifetime=1e9, slow_seconds=1e9))
    clients = [Client(bench, tickers) for tickers in FILTERS]
    published: list[tuple[str, str]] = []
    with patch.object(delivery, "_REPLAY_BYTES", 900):  # three events a piece
        for action, which in actions:
            bench.now += 7
            if isinstance(which, str):
                published.append((f"item:{len(published)}", which))
                key = KEY._replace(source_id=published[-1][0])
                changes = [change(state("positive", which), 1, key=key)]
                bench.hub.publish(changes, dated_ms=bench.wall_ms(), now_ms=bench.wall_ms())
                if action == "publish and flush":
                    bench.delivery.flush()
            elif action == "sweep":
                bench.delivery.sweep()
            elif action == "flush":
                bench.delivery.flush()
            elif action == "mode":
                bench.delivery.announce_mode()
            else:
                getattr(clients[which], action)()
        for client in clients:
            client.cut()
            client.read_to_the_end()
    for client in clients:
        assert client.got == [source_id for source_id, ticker in published if client.wants(ticker)]
        assert client.frames == sorted(set(client.frames)), "ids only grow"
        assert set(client.resumes) <= {"resumed"}


async def test_the_parts_of_replays_take_turns_so_that_what_is_live_need_not_wait_for_all_of_them() -> None:
    bench = Bench()
    keys = [KEY._replace(source_id=f"item:{number}") for number in range(9)]
    place = str(bench.hub.place())
    changes = [change(state("positive", "AAPL"), 1, key=key) for key in keys]
    bench.hub.publish(changes, dated_ms=bench.wall_ms(), now_ms=bench.wall_ms())

    class Slow(FakeSink):
        def write(self, data: bytes) -> None:
            bench.now += 1
            super().write(data)

    sinks = [Slow(bench.delivery.clock) for _ in range(3)]
    with patch.object(delivery, "_REPLAY_BYTES", 900):
        for sink in sinks:
            bench.delivery.open(sink, choose({"AAPL"}, None), Request(place))
        for sink in sinks:
            sink.take()
        assert [bool(sink.writes) for sink in sinks] == [True, False, False]
        await asyncio.sleep(0)
        assert [bool(sink.writes) for sink in sinks] == [True, True, False]
        bench.delivery.forget(next(stream for stream in bench.delivery.streams if stream.sink is sinks[2]))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert not sinks[2].writes, "it went away meanwhile"
