"""How streams end, on real sockets: closed when slow, drained, at the end of their lives, cut; and who pays for it.

What a test cannot make without a network of its own is a peer that vanishes without a word: that the options which
find it are set on accepted sockets is what is checked.
"""

from __future__ import annotations

import asyncio
import gc
import json
import random
import resource
import signal
import socket
import time
import weakref
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from functools import wraps
from typing import Any, ParamSpec

import httptools
import pytest
import uvloop

from streamer.local.clients import LocalClients
from streamer.local.provision import provision
from streamer.local.resources import Resources
from streamer.server.connection import Connection
from streamer.server.limits import ConnectionLimits
from streamer.server.sockets import raise_file_limit
from streamer.sse.decode import Decoder, Message
from streamer.streams.stream import OpenStream, StreamState
from streamer.streams.timing import Timing
from streamer.streams.transport import TransportSink
from tests.integration import rig as rigs
from tests.integration.pipeline import embedded_aws
from tests.integration.rig import Rig, reset, running
from tests.integration.service import serving
from tests.watchdog import WATCHDOG

P = ParamSpec("P")
GLOBAL = "/api/v2/stream"
SPREAD = 20
"""Events a flush: at 200 a second, ten flushes a second."""


def as_served(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """On uvloop, like the service: its transports buffer, pause and close in their own way."""

    @wraps(test)
    def run(*arguments: P.args, **named: P.kwargs) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(test(*arguments, **named))

    return run


PLAIN = pytest.param(False, id="plain ASGI", marks=pytest.mark.slow("the same once more, by the other sink"))


@pytest.fixture(autouse=True, params=[pytest.param(True, id="taken over"), PLAIN])
def _sink(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rigs, "takes_over", request.param)


class Reader(asyncio.Protocol):
    """One client over a bare transport, of which a test can afford thousands."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.status = 0
        self.complete = False
        """Whether the response was ended, rather than cut."""
        self.ended = asyncio.Event()
        self.moved = asyncio.Event()
        self._decoder = Decoder()
        self._parser = httptools.HttpResponseParser(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended.set()
        self.moved.set()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)
        self.moved.set()

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        self.messages += self._decoder.feed(body)

    def on_message_complete(self) -> None:
        self.complete = True

    async def until(self, reached: Callable[[Reader], bool]) -> None:
        """Returns when what was read so far satisfies a condition."""
        async with asyncio.timeout(WATCHDOG):
            while not reached(self):
                assert not self.ended.is_set(), self.messages[-3:]
                self.moved.clear()
                await self.moved.wait()

    async def opened(self) -> None:
        await self.until(lambda reader: any(message.event == "heartbeat" for message in reader.messages))

    async def end(self) -> Message:
        """The last event of the stream."""
        async with asyncio.timeout(WATCHDOG):
            await self.ended.wait()
        return self.messages[-1]

    @property
    def items(self) -> list[str]:
        return [json.loads(said.data)["source_id"] for said in self.messages if said.event == "sentiment_update"]


def request(path: str = GLOBAL, last_event_id: str | None = None) -> bytes:
    place = f"Last-Event-ID: {last_event_id}\r\n" if last_event_id else ""
    return f"GET {path} HTTP/1.1\r\nHost: here\r\n{place}\r\n".encode()


@asynccontextmanager
async def reading(port: int, path: str = GLOBAL, last_event_id: str | None = None) -> AsyncIterator[Reader]:
    transport, reader = await asyncio.get_running_loop().create_connection(Reader, "127.0.0.1", port)
    try:
        transport.write(request(path, last_event_id))
        yield reader
    finally:
        transport.abort()


def unread(port: int, path: str = GLOBAL) -> socket.socket:
    """A stream that nobody reads: its window is small, as the kernel would soon make it."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    sock.settimeout(WATCHDOG)
    sock.connect(("127.0.0.1", port))
    sock.sendall(request(path))
    return sock


def read_on(sock: socket.socket) -> Reader:
    """Reads what is left of a stream that was not read."""
    reader = Reader()
    try:
        while data := sock.recv(65_536):
            reader.data_received(data)
    except ConnectionResetError:
        pass
    return reader


def verdict(message: Message) -> tuple[str, str]:
    """What a stream's last event says; its `retry:` says the same as its data."""
    said = json.loads(message.data)
    assert message.retry_ms == said["retry_ms"] > 0
    return message.event, said["reason"]


async def eventually(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(WATCHDOG):
        while not reached():  # noqa: ASYNC110 - the server has no event for it
            await asyncio.sleep(0.005)


async def stream_of(rig: Rig, before: set[OpenStream]) -> OpenStream:
    """The one stream that was opened since."""
    await eventually(lambda: bool(rig.delivery.streams - before))
    (stream,) = rig.delivery.streams - before
    return stream


async def slow_closed(rig: Rig) -> None:
    await eventually(lambda: rig.counters["streams_slow"] > 0)


async def slots_free(rig: Rig) -> None:
    async with asyncio.timeout(WATCHDOG):
        await rig.admission.wait_empty()


async def no_connection(rig: Rig, but: int = 0) -> None:
    """Nothing is left of the others: no buffer waits for a client."""
    await eventually(lambda: len(rig.server.server_state.connections) <= but)


def history(rig: Rig, count: int) -> list[str]:
    """Publishes so many items; their names."""
    for first in range(1, count + 1, 500):
        rig.publish(*["positive"] * min(500, count + 1 - first), first=first)
    return [f"AAPL:{number}" for number in range(1, count + 1)]


# ---- slow readers ----


class Watch:
    """What waits for one stream after each flush, beside another that takes everything."""

    def __init__(self, stuck: OpenStream, good: OpenStream) -> None:
        self.most_pending = self.largest_flush = 0
        self._stuck, self._good, self._written = stuck, good, good.bytes

    def flushed(self) -> None:
        self.largest_flush = max(self.largest_flush, self._good.bytes - self._written)
        self._written = self._good.bytes
        if self._stuck.close_reason is None:
            self.most_pending = max(self.most_pending, self._stuck.sink.pending())


@pytest.mark.parametrize(
    "timing",
    [
        pytest.param(Timing(slow_seconds=1.0), id="no byte in time"),
        pytest.param(Timing(slow_seconds=60.0, slow_bytes=64 * 1024), id="too many bytes"),
    ],
)
@as_served
async def test_a_stuck_reader_among_99_at_200_events_a_second_costs_only_itself(timing: Timing) -> None:
    async with running(timing=timing) as rig, AsyncExitStack() as clients:
        good = [await clients.enter_async_context(reading(rig.port)) for _ in range(99)]
        for reader in good:
            await reader.opened()
        others = set(rig.delivery.streams)
        with closing(unread(rig.port)):
            stuck = await stream_of(rig, others)
            watch = Watch(stuck, next(iter(others)))
            rig.delivery.on_flush = watch.flushed
            published = 0
            goes_on_from: int | None = None
            got_meanwhile: list[int] = []
            began = time.monotonic()
            async with asyncio.timeout(WATCHDOG):
                while stuck in rig.delivery.streams:
                    rig.publish(*["positive"] * SPREAD, first=published + 1)
                    published += SPREAD
                    await asyncio.sleep(max(0.0, began + published / 200 - time.monotonic()))
                    if stuck.sink.blocked_since() is not None and goes_on_from is None:
                        goes_on_from = published
                    if goes_on_from is not None and stuck.close_reason is not None:
                        got_meanwhile = got_meanwhile or [len(reader.items) for reader in good]
            assert stuck.close_reason == "slow"
            assert goes_on_from is not None, "it was stuck"
            assert min(got_meanwhile) > goes_on_from, "nobody waits for it"
            assert watch.most_pending <= timing.slow_bytes + watch.largest_flush
            expected = [f"AAPL:{number}" for number in range(1, published + 1)]
            for reader in good:
                await reader.until(lambda reader: len(reader.items) >= published)
                assert reader.items == expected
            await no_connection(rig, but=99)
            sink = weakref.ref(stuck.sink)
            del stuck, watch
            rig.delivery.on_flush = None
            await asyncio.sleep(0)
            gc.collect()
            assert sink() is None
        assert rig.counters["streams_slow"] == 1


@as_served
async def test_a_stuck_reader_that_reads_again_gets_whole_events_and_then_why_it_is_closed() -> None:
    async with running(timing=Timing(slow_seconds=0.5, slow_bytes=100_000)) as rig:
        with closing(unread(rig.port)) as stuck:
            await stream_of(rig, set())
            published = 0
            async with asyncio.timeout(WATCHDOG):
                while not rig.counters["streams_slow"]:
                    rig.publish(*["positive"] * SPREAD, first=published + 1)
                    published += SPREAD
                    await asyncio.sleep(0.05)
            reader = await asyncio.to_thread(read_on, stuck)
        assert reader.complete
        assert verdict(reader.messages[-1]) == ("closing", "slow")
        assert reader.items == [f"AAPL:{number}" for number in range(1, len(reader.items) + 1)]
        assert len(reader.items) < published, "what waited is let go"
        await slots_free(rig)
        # What it did not take, it gets when it comes back.
        places = [message.id for message in reader.messages if message.event == "sentiment_update"]
        async with reading(rig.port, last_event_id=places[-1]) as again:
            await again.opened()
            assert again.items == [f"AAPL:{number}" for number in range(len(reader.items) + 1, published + 1)]


@as_served
async def test_a_stuck_reader_that_reads_too_late_finds_whole_events_and_the_end() -> None:
    async with running(timing=Timing(slow_seconds=0.3)) as rig:
        history(rig, 3_000)
        with closing(unread(rig.port, f"{GLOBAL}?replay=900")) as stuck:
            await slow_closed(rig)
            await slots_free(rig)
            await no_connection(rig)
            reader = await asyncio.to_thread(read_on, stuck)
        assert not reader.complete
        assert reader.items == [f"AAPL:{number}" for number in range(1, len(reader.items) + 1)]
        assert "closing" not in {message.event for message in reader.messages}


# ---- a long replay ----


@as_served
async def test_a_large_replay_is_sent_at_the_clients_pace_without_a_bound_and_then_is_live() -> None:
    timing = Timing(slow_bytes=1_000, slow_seconds=5.0)
    async with running(timing=timing) as rig:
        expected = history(rig, 3_000)
        steady, reader = unread(rig.port, f"{GLOBAL}?replay=900"), Reader()
        stream = await stream_of(rig, set())
        most = received = 0
        with closing(steady):
            steady.setblocking(False)
            loop = asyncio.get_running_loop()
            while not reader.items or reader.items[-1] != "AAPL:50000":
                async with asyncio.timeout(WATCHDOG):
                    data = await loop.sock_recv(steady, 16_384)
                assert data, "closed"
                reader.data_received(data)
                received += 1
                most = max(most, stream.sink.pending())
                if received == 10:
                    rig.publish("negative", first=50_000)  # comes by the same cursor
            await eventually(lambda: stream.state is StreamState.LIVE and not stream.sink.pending())
            rig.publish("neutral", first=60_000)
            while reader.items[-1] != "AAPL:60000":
                async with asyncio.timeout(WATCHDOG):
                    reader.data_received(await loop.sock_recv(steady, 16_384))
        assert reader.items == [*expected, "AAPL:50000", "AAPL:60000"]
        assert 1_000 < most < 2 * 64 * 1024, "from the history, a piece at a time"
        assert rig.counters["streams_slow"] == 0


@as_served
async def test_a_link_of_20_kb_a_second_is_not_taken_for_a_client_that_takes_nothing() -> None:
    async with running(timing=Timing(slow_seconds=2.5)) as rig:
        history(rig, 5_000)
        with closing(unread(rig.port, f"{GLOBAL}?replay=900")) as steady:
            steady.setblocking(False)
            stream = await stream_of(rig, set())
            began, got = time.monotonic(), 0
            while got < 140_000:
                got += len(await asyncio.get_running_loop().sock_recv(steady, 1_000))
                assert stream.close_reason is None
                await asyncio.sleep(max(0.0, began + got / 20_000 - time.monotonic()))


@as_served
async def test_a_client_that_takes_no_byte_of_its_replay_is_closed() -> None:
    async with running(timing=Timing(slow_seconds=0.5)) as rig:
        history(rig, 5_000)
        with closing(unread(rig.port, f"{GLOBAL}?replay=900")):
            stream = await stream_of(rig, set())
            await slow_closed(rig)
            assert stream.events < stream.replayed, "it had not come to its end"
            await slots_free(rig)


# ---- planned ends ----


@as_served
async def test_at_the_end_of_its_life_each_stream_says_so_last_while_events_go_on() -> None:
    async with running(timing=Timing(lifetime=2.0)) as rig, AsyncExitStack() as clients:
        readers = [await clients.enter_async_context(reading(rig.port)) for _ in range(30)]
        for reader in readers:
            await reader.opened()
        lives = sorted(stream.ends_at - stream.opened_at for stream in rig.delivery.streams)
        number = 0
        while rig.delivery.streams:
            number += 1
            rig.publish("positive", first=number)
            await asyncio.sleep(0.005)
        for reader in readers:
            assert verdict(await reader.end()) == ("closing", "lifetime")
            assert reader.complete
            assert [message.event for message in reader.messages].count("closing") == 1
            assert reader.items == [f"AAPL:{n}" for n in range(int(reader.items[0][5:]), int(reader.items[-1][5:]) + 1)]
        assert 1.6 <= lives[0] < lives[-1] <= 2.0
        assert lives[-1] - lives[0] > 0.2


@as_served
async def test_a_client_that_takes_nothing_at_the_end_of_its_life_is_cut_and_leaves_no_connection() -> None:
    async with running(timing=Timing(lifetime=1.0, slow_seconds=60)) as rig:
        history(rig, 5_000)
        with closing(unread(rig.port, f"{GLOBAL}?replay=900")):
            stream = await stream_of(rig, set())
            await slots_free(rig)
            assert stream.close_reason == "lifetime"
            await no_connection(rig)


@as_served
async def test_a_connection_that_is_slow_to_take_a_complete_response_is_cut_in_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rigs, "takes_over", False)
    async with running(timing=Timing(slow_seconds=60), limits=ConnectionLimits(unread=0.3)) as rig:
        with closing(unread(rig.port)):
            stream = await stream_of(rig, set())
            # Less than the process holds for a connection waits: its response ends, the transport does not.
            number = 0
            while stream.sink.blocked_since() is None:
                number += 1
                rig.publish("positive", first=number)
                await asyncio.sleep(0)
            (connection,) = rig.server.server_state.connections
            assert isinstance(connection, Connection)
            assert connection._transport is not None
            connection._transport.set_write_buffer_limits(high=1_000_000)
            connection.resume_writing()
            rig.delivery.drain(0)
            await slots_free(rig)
            await no_connection(rig)


@as_served
async def test_accepted_sockets_have_the_options_that_find_dead_peers_and_bound_what_the_kernel_holds() -> None:
    async with running() as rig, reading(rig.port) as reader:
        await reader.opened()
        (stream,) = rig.delivery.streams
        if not isinstance(stream.sink, TransportSink):
            return  # the same sockets
        assert stream.sink._transport is not None
        sock = stream.sink._transport.get_extra_info("socket")
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 30_000
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) == 2 * 128 * 1024  # Linux doubles it, socket(7)
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT) == 16 * 1024
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@as_served
async def test_resets_at_random_moments_before_and_during_a_drain_leave_nothing_behind() -> None:
    chance = random.Random(5)
    async with running(limit=300) as rig:
        rig.publish(*["positive"] * 1_000)

        async def interrupted(most: float, *, not_before: asyncio.Event | None = None) -> None:
            sock = socket.socket()
            sock.setblocking(False)
            loop = asyncio.get_running_loop()
            try:
                await loop.sock_connect(sock, ("127.0.0.1", rig.port))
                whole = request(f"{GLOBAL}?replay=900&on_full=wait")
                cut = None if not_before else chance.choice([0, 20, None, None, None])
                await loop.sock_sendall(sock, whole[:cut])
                if not_before:
                    await not_before.wait()
                await asyncio.sleep(chance.uniform(0, most))
                if chance.random() < 0.5:
                    sock.recv(chance.choice([1, 100_000]))
            except (BlockingIOError, ConnectionError):
                pass
            finally:
                reset(sock)

        await asyncio.gather(*(interrupted(0.2) for _ in range(500)))
        await slots_free(rig)
        draining = asyncio.Event()
        through_it = [asyncio.create_task(interrupted(0.7, not_before=draining)) for _ in range(250)]
        await eventually(lambda: rig.admission.taken == 250)
        rig.delivery.drain(0.5)
        draining.set()
        await asyncio.gather(*(interrupted(0.5) for _ in range(250)), *through_it)
        await slots_free(rig)
        assert rig.admission.taken == 0
        assert rig.delivery.streams == set()
        assert rig.hub.groups == {}
        await no_connection(rig)


# ---- the process ----


@pytest.fixture(scope="module")
def resources() -> Iterator[Resources]:
    with embedded_aws() as endpoint_url:
        yield provision(endpoint_url)


@pytest.fixture
def open_files(request: pytest.FixtureRequest) -> Iterator[int]:
    """So many open files for this process and its children, where the machine allows it."""
    wanted: int = request.param
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"needs {wanted} open files, the hard limit (ulimit -Hn) is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield wanted
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize(
    ("count", "window", "open_files"),
    [(100, 1.0, 1_000), pytest.param(2_000, 4.0, 2_500, marks=pytest.mark.slow("opens 2,000 streams"))],
    indirect=["open_files"],
)
@as_served
async def test_sigterm_says_goodbye_to_all_of_them_spread_over_the_window_and_exits_well(
    resources: Resources, count: int, window: float, open_files: int
) -> None:
    environment = {"SSE_MAX_CONNECTIONS": str(count), "SSE_DRAIN_WINDOW": str(window), "SSE_LIFETIME": "600"}
    clients = LocalClients(resources.endpoint_url)
    goodbyes: list[float] = []

    async def follow(port: int) -> Reader:
        async with reading(port) as reader:
            async with few_at_once:
                await reader.opened()
            open_streams.release()
            await reader.end()
            goodbyes.append(time.monotonic())
            return reader

    few_at_once, open_streams = asyncio.Semaphore(200), asyncio.Semaphore(0)
    async with serving(resources.environment() | environment) as service:
        port = int(service.base.rpartition(":")[2])
        following = [asyncio.create_task(follow(port)) for _ in range(count)]
        for _ in following:
            await asyncio.wait_for(open_streams.acquire(), WATCHDOG)
        assert (await service.status())["connections"] == count
        assert await service.stop() == 0
        readers = await asyncio.gather(*following)
    assert {verdict(reader.messages[-1]) for reader in readers} == {("closing", "drain")}
    assert all(reader.complete for reader in readers)
    assert max(goodbyes) - min(goodbyes) > window / 2
    retries = {message.retry_ms for reader in readers for message in reader.messages[-1:]}
    assert len(retries) > count / 10, "nor do they come back all at once"
    assert "QueueUrls" not in clients.sqs().list_queues(QueueNamePrefix="sentiment-stream-")
    assert clients.sns().list_subscriptions()["Subscriptions"] == []
    ends = [line["reason"] for line in service.log if line["message"] == "stream closed"]
    assert ends == ["drain"] * count
    assert not [line for line in service.log if line.get("level") in {"ERROR", "WARNING"}]


@as_served
async def test_who_connects_during_the_drain_is_told_so_at_once_and_a_second_signal_ends_it(
    resources: Resources,
) -> None:
    async with serving(resources.environment() | {"SSE_DRAIN_WINDOW": "600"}) as service, AsyncExitStack() as clients:
        port = int(service.base.rpartition(":")[2])
        staying = [await clients.enter_async_context(reading(port)) for _ in range(10)]
        for reader in staying:
            await reader.opened()
        service.process.send_signal(signal.SIGTERM)
        await service.line("draining")
        for _ in range(3):
            async with reading(port) as late:
                assert verdict(await late.end()) == ("closing", "drain")
                assert (late.status, late.complete, len(late.messages)) == (200, True, 1)
        await eventually(lambda: any(reader.ended.is_set() for reader in staying))
        assert sum(reader.ended.is_set() for reader in staying) == 1, "the others are told in the minutes to come"
        service.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(WATCHDOG):
            assert await service.process.wait() == 1


def test_the_limit_of_open_files_is_raised_as_far_as_it_goes_and_what_is_missing_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    limits = [(1024, 4096)]
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda _, wanted: limits.append(wanted))
    assert raise_file_limit(100) == 100 + 448
    assert limits == [(1024, 4096)], "it is enough"
    assert raise_file_limit(2_000) == 2_000 + 448
    assert limits[-1] == (2_512, 4096)
    assert raise_file_limit(3_900) == 4_096 - 64
    assert limits[-1] == (4096, 4096)
    assert not caplog.records, "less than is wanted, and enough"
    assert raise_file_limit(10_000) == 4_096 - 64
    assert limits[-1] == (4096, 4096)
    assert [record.__dict__["hard_limit"] for record in caplog.records] == [4096]
