"""`streamer serve` as a function is run: no queue, frozen between two requests, and ended by the platform.

The adapter is played by the client here: it sends what the adapter sends. tests/lambda_adapter has the real one.
"""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import uvloop

from streamer.change import iso_time
from streamer.clock import wall_ms
from streamer.local.clients import LocalClients
from streamer.local.provision import provision
from streamer.local.resources import Resources
from streamer.place import Place
from streamer.server.connection import Connection
from streamer.streams import sweep
from streamer.streams.asgi import AsgiSink
from streamer.streams.timing import Timing
from streamer.streams.transport import TransportSink
from tests.integration.pipeline import embedded_aws
from tests.integration.rig import running, stream
from tests.integration.service import ServiceProcess, serving
from tests.steps import steps
from tests.watchdog import WATCHDOG

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

INTERVAL = 0.3
FROZEN = 3 * INTERVAL
WHY = "no queue in this deployment: the table is polled"


@pytest.fixture(scope="module")
def resources() -> Iterator[Resources]:
    with embedded_aws() as endpoint_url:
        yield provision(endpoint_url)


@asynccontextmanager
async def environment(resources: Resources, **settings: str) -> AsyncIterator[ServiceProcess]:
    """The service as a function runs it, ready."""
    made = resources.environment() | {"AWS_LAMBDA_FUNCTION_NAME": "stream", "SSE_POLL_INTERVAL": str(INTERVAL)}
    del made["CHANGES_TOPIC_ARN"]
    async with serving(made | settings, until="serving") as service:
        await service.line("ready")
        yield service


class Writer:
    """Writes new items, and knows their names."""

    def __init__(self, resources: Resources) -> None:
        self.written: set[str] = set()
        self._dynamodb = LocalClients(resources.endpoint_url).dynamodb()
        self._table = resources.sentiment_table

    async def write(self) -> str:
        """One scored item."""
        name = f"wire:{time.time_ns()}"
        item = {
            "source_id": {"S": name},
            "timestamp": {"S": iso_time(wall_ms())},
            "ticker": {"S": "AAPL"},
            "sentiment": {"S": "positive"},
            "score": {"N": "0.5"},
        }
        await asyncio.to_thread(lambda: self._dynamodb.put_item(TableName=self._table, Item=item))
        self.written.add(name)
        return name

    async def write_for(self, seconds: float) -> set[str]:
        """Writes until so much time has passed; what was written."""
        ends, written = time.monotonic() + seconds, set()
        while time.monotonic() < ends:
            written.add(await self.write())
        return written


def until(deadline_ms: int) -> dict[str, str]:
    """What the adapter says of an invocation that ends then."""
    return {"x-amzn-lambda-context": json.dumps({"request_id": "8476a536", "deadline": deadline_ms})}


async def place_of(service: ServiceProcess) -> str:
    """Where a client is that has just begun."""
    async with stream(service.base) as events:
        place: str = (await events.until("metrics"))["id"]
        return place


async def told(base: str, query: str, wanted: set[str]) -> tuple[str, list[str]]:
    """How a stream with this query begins, and what it tells until all of this has come."""
    found: list[str] = []
    async with stream(base, query) as events:
        connected = (await events.until("connected"))["data"]
        while not wanted <= set(found):
            found.append((await events.until("sentiment_update"))["data"]["source_id"])
    return connected["resume"], found


async def test_it_polls_and_says_so_and_needs_neither_queue_nor_topic(resources: Resources) -> None:
    async with environment(resources) as service, stream(service.base) as events:
        connected = (await events.until("connected"))["data"]
        assert (connected["mode"], connected["mode_reason"]) == ("poll", WHY)
        heartbeat = (await events.until("heartbeat"))["data"]
        assert (heartbeat["mode"], heartbeat["mode_reason"]) == ("poll", WHY)
        writer = Writer(resources)
        name = await writer.write()
        while (await events.until("sentiment_update"))["data"]["source_id"] != name:
            pass
        await writer.write()
        await events.until("sentiment_update")
        status = await service.status()
        assert (status["mode"], status["mode_reason"]) == ("poll", WHY)
        assert status["ages"]["canary_seconds"] is None
        assert status["counters"].get("items_missed", 0) == 0, "nothing was to come another way"
        async with httpx.AsyncClient(trust_env=False) as client:
            assert (await client.get(f"{service.base}/health/ready")).json()["reason"] == f"poll: {WHY}"
        assert await service.stop() == 0
    assert (
        LocalClients(resources.endpoint_url).sqs().list_queues(QueueNamePrefix="sentiment-stream-").get("QueueUrls")
        is None
    )
    assert not [line for line in service.log if "lease" in line["message"]]


async def test_what_was_written_while_it_was_frozen_is_known_before_the_next_stream_begins(
    resources: Resources,
) -> None:
    """Asked while it is frozen, as the platform does: it thaws for the request."""
    writer = Writer(resources)
    async with environment(resources) as service, AsyncExitStack() as streams:
        await writer.write()
        own = await place_of(service)
        async with environment(resources) as other:
            others = await place_of(other)
        assert Place.parse(others).time_ms, "it claims what it has proof of"
        service.process.send_signal(signal.SIGSTOP)
        try:
            written = await writer.write_for(FROZEN)
            opening = [
                asyncio.create_task(streams.enter_async_context(stream(service.base, query)))
                for query in ("?events=sentiment_update", f"?last_event_id={own}", f"?last_event_id={others}")
            ]
            await writer.write()
            thawed_ms = wall_ms()
        finally:
            service.process.send_signal(signal.SIGCONT)
        fresh, same, another = await asyncio.gather(*opening)
        later = await writer.write()
        first = (await fresh.until("sentiment_update"))["data"]["source_id"]
        assert first not in written, "a page has these from its snapshot: they are no news"
        status = await service.status()
        proved_ms = wall_ms() - 1_000 * status["ages"]["watermark_seconds"]
        assert proved_ms >= thawed_ms - 10_001, "by a query that began since; less the margin"
        for events in (same, another):
            connected = (await events.until("connected"))["data"]
            if connected["resume"] != "resumed":  # its place is about as old as this environment
                assert (await events.until("reset"))["data"] == {"reason": "began_later"}
                assert events is another
            missing = written | {later}
            while missing:
                missing.discard((await events.until("sentiment_update"))["data"]["source_id"])


async def test_many_freezes_leave_no_gap_for_a_client_that_goes_from_one_environment_to_another(
    resources: Resources,
) -> None:
    writer, seen, place = Writer(resources), set[str](), ""
    async with environment(resources) as one, environment(resources) as other:
        for turn in range(4):
            here, away = (one, other) if turn % 2 else (other, one)
            away.process.send_signal(signal.SIGSTOP)
            try:
                await writer.write_for(FROZEN)
                async with stream(here.base, f"?last_event_id={place}", until(wall_ms() + 1_000)) as events:
                    while True:
                        event = await events.next()
                        if event["event"] == "closing":
                            break
                        if event["event"] == "reset":  # the other's place is about as old as this environment
                            assert (event["data"], turn > 0) == ({"reason": "began_later"}, True)
                        place = event.get("id", place)
                        if event["event"] == "sentiment_update":
                            seen.add(event["data"]["source_id"])
            finally:
                away.process.send_signal(signal.SIGCONT)
        _, rest = await told(one.base, f"?last_event_id={place}", writer.written - seen)
    assert writer.written <= seen | set(rest)


async def test_a_table_that_does_not_answer_delays_a_stream_no_longer_than_readiness(resources: Resources) -> None:
    settings = {
        "SENTIMENT_TABLE": "sentiment",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",  # the discard port: nobody listens
        "AWS_LAMBDA_FUNCTION_NAME": "stream",
        "SSE_READY_AFTER": "0.5",
    }
    async with serving(settings, until="serving") as service, stream(service.base) as events:
        connected = (await events.until("connected"))["data"]
        assert connected["mode"] == "down"
        assert connected["mode_reason"].startswith("no queue in this deployment; the table ")


async def test_the_goodbye_comes_before_the_platforms_cut(resources: Resources) -> None:
    async with environment(resources) as service:
        async with stream(service.base, "", until(wall_ms() + 2_000)) as events:
            closing = (await events.until("closing"))["data"]
            assert closing["reason"] == "lifetime"
            assert await events.rest() == []
        async with stream(service.base, "", until(wall_ms() - 1)) as events:
            assert [event["event"] for event in await events.rest()] == ["closing"], "there is no time left"
        async with stream(service.base, "", {"x-amzn-lambda-context": "no JSON"}) as events:
            await events.until("metrics")


async def test_outside_lambda_the_header_is_the_clients_and_says_nothing() -> None:
    async with running() as rig, stream(rig.base, "", until(wall_ms() - 1)) as events:
        await events.until("metrics")


@pytest.mark.parametrize("in_lambda", [True, False])
async def test_a_stream_that_fails_is_cut_but_in_lambda_where_its_response_is_completed(
    monkeypatch: pytest.MonkeyPatch, in_lambda: bool
) -> None:
    def broken(self: Any, data: bytes) -> None:
        if b"sentiment_update" in data:
            raise ValueError("a bug")
        whole(self, data)

    sink: Any = AsgiSink if in_lambda else TransportSink
    whole = sink.write
    monkeypatch.setattr(sink, "write", broken)
    async with running(in_lambda=in_lambda) as rig, stream(rig.base) as events:
        await events.until("metrics")
        rig.publish("positive")
        if in_lambda:
            assert await events.rest() == []
        else:
            with pytest.raises(httpx.TransportError):
                await events.rest()
        await rig.admission.wait_empty()


async def test_what_raises_before_the_first_frame_ends_the_response_too(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError("a bug")

    async with running(in_lambda=True) as rig:
        monkeypatch.setattr(rig.delivery, "open", broken)
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"{rig.base}/api/v2/stream")
        assert (answer.status_code, answer.content) == (200, b"")
        assert rig.admission.taken == 0
    assert "a stream could not be opened" in caplog.text


@pytest.mark.parametrize("in_lambda", [True, False])
async def test_who_takes_nothing_is_cut_but_in_lambda_finds_a_whole_response_once_it_does(
    monkeypatch: pytest.MonkeyPatch, in_lambda: bool
) -> None:
    monkeypatch.setattr(sweep, "_CLOSE_GRACE", 0.1)
    async with running(in_lambda=in_lambda, timing=Timing(slow_bytes=1024, slow_seconds=0.1)) as rig:
        loop, sock = asyncio.get_running_loop(), socket.socket()
        with sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.setblocking(False)
            await loop.sock_connect(sock, ("127.0.0.1", rig.port))
            await loop.sock_sendall(sock, b"GET /api/v2/stream HTTP/1.1\r\nHost: x\r\n\r\n")
            taken = await loop.sock_recv(sock, 1)
            async with asyncio.timeout(WATCHDOG):
                first = 1
                while rig.delivery.streams:
                    rig.publish(*["positive"] * 500, first=first)
                    first += 500
                    await steps()
                await rig.admission.wait_empty()
                with suppress(ConnectionError):
                    while data := await loop.sock_recv(sock, 1 << 16):
                        taken += data
        assert rig.counters.snapshot()["streams_slow"] == 1
        assert taken.endswith(b"\r\n0\r\n\r\n") is in_lambda


def test_small_writes_do_not_wait_for_each_other() -> None:
    """TCP_NODELAY on what the server accepts, by the event loop that it runs on."""

    async def delays() -> list[int]:
        async with running(in_lambda=True) as rig, stream(rig.base) as events:
            await events.until("metrics")
            return [
                connection._transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
                for connection in rig.server.server_state.connections
                if isinstance(connection, Connection) and connection._transport is not None
            ]

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        found = runner.run(delays())
    assert found
    assert all(found)
