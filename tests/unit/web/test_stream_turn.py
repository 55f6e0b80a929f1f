"""A request for a stream that waits for its turn: what may happen before the stream opens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import pytest
from starlette.datastructures import Headers, QueryParams
from starlette.types import Message, Scope

from streamer.hub.resume import FilterSince
from streamer.hub.subscription import ConfigurationSubscription
from streamer.streams.admission import Admission
from streamer.streams.stream import OpenStream
from streamer.streams.transport import TAKEOVER
from streamer.web import parameters
from streamer.web.stream_response import StreamResponder, Subject
from tests.unit.streams.fakes import Bench, events

WANTED = parameters.parse(QueryParams(""), Headers({}), 900)
HANDED_OVER = pytest.mark.parametrize("handed_over", [True, False], ids=["transport", "asgi"])


class Pipe:
    """A transport whose client takes everything."""

    def __init__(self) -> None:
        self.taken = b""
        self.closed = False

    def write(self, data: bytes) -> None:
        self.taken += data

    def close(self) -> None:
        self.closed = True

    abort = close

    def set_protocol(self, _: object) -> None: ...

    def set_write_buffer_limits(self, high: int) -> None: ...

    def get_write_buffer_size(self) -> int:
        return 0


class Subscriptions:
    """The source of one configuration."""

    def __init__(self) -> None:
        since = FilterSince(0, 0, other_before=False)
        self.chips: ConfigurationSubscription[OpenStream] = ConfigurationSubscription(
            ("ann", "chips"), frozenset({"AAPL"}), since, 0
        )
        self.left = 0

    async def enter(self, user_id: str, config_id: str) -> ConfigurationSubscription[OpenStream]:
        return self.chips

    def leave(self, _: ConfigurationSubscription[OpenStream]) -> None:
        self.left += 1


class Requests:
    """Requests that come while a slice is spent."""

    def __init__(self, *, handed_over: bool) -> None:
        self.bench = Bench()
        self.subscriptions = Subscriptions()
        delivery = self.bench.delivery
        self.responder = StreamResponder(
            delivery, Admission(9), self.bench.counters, subscriptions=self.subscriptions, now_ms=self.bench.wall_ms
        )
        self.delivery = delivery
        self.body = b""
        self.hang_up: Callable[[], None]
        self.pipe = Pipe()
        self._gone = asyncio.Event()
        self.hang_up = self._gone.set
        self.scope: Scope = {"type": "http", "headers": []}
        if handed_over:
            self.scope["extensions"] = {TAKEOVER: {}}

    async def come(self, subject: Subject | None = None) -> None:
        """A request; returns when the ASGI call does. Its opening waits for the third slice: others have used up this
        one, and will use up the next one."""
        for _ in range(2):
            self.delivery.turns.take(partial(self._spend))
        await self.responder.response(WANTED, subject=subject)(self.scope, self._receive, self._send)

    def _spend(self) -> None:
        self.bench.now += 1

    async def _send(self, message: Message) -> None:
        sink = message.get(TAKEOVER)
        if sink is not None:
            sink.attach(cast(Any, self.pipe), chunked=False, paused=False)
            self.hang_up = lambda: sink.connection_lost(None)
        self.body += message.get("body", b"")

    async def _receive(self) -> Message:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    def got(self) -> list[dict[str, Any]]:
        return events(self.body + self.pipe.taken)


async def iterate(times: int = 6) -> None:
    for _ in range(times):
        await asyncio.sleep(0)


@HANDED_OVER
async def test_it_opens_in_its_turn(*, handed_over: bool) -> None:
    requests = Requests(handed_over=handed_over)
    coming = asyncio.create_task(requests.come())
    await asyncio.sleep(0)
    assert (requests.got(), len(requests.delivery.turns), requests.responder.admission.taken) == ([], 2, 1)
    assert coming.done() == handed_over, "no task waits for the turn of a connection that was handed over"
    await iterate()
    assert [event.get("event") for event in requests.got()] == ["connected", "heartbeat", "metrics"]
    requests.hang_up()
    await coming
    assert (requests.delivery.streams, requests.responder.admission.taken) == (set(), 0)


@HANDED_OVER
async def test_a_client_that_goes_away_gives_its_turn_up(*, handed_over: bool) -> None:
    requests = Requests(handed_over=handed_over)
    coming = asyncio.create_task(requests.come(Subject("ann", "chips", None)))
    await asyncio.sleep(0)
    requests.hang_up()
    await iterate()
    assert coming.done()
    assert (len(requests.delivery.turns), requests.got(), requests.responder.admission.taken) == (0, [], 0)
    assert requests.subscriptions.left == 1
    assert not requests.bench.counters.snapshot()["streams_opened"]


@HANDED_OVER
async def test_a_drain_ends_who_waits(*, handed_over: bool) -> None:
    requests = Requests(handed_over=handed_over)
    coming = asyncio.create_task(requests.come())
    await asyncio.sleep(0)
    requests.delivery.drain(20)
    await iterate()
    (only,) = requests.got()
    assert (only["event"], only["data"]["reason"]) == ("closing", "drain")
    assert requests.pipe.closed == handed_over
    requests.hang_up()
    await coming
    async with asyncio.timeout(60):
        await requests.responder.admission.wait_empty()


async def test_a_shutdown_that_cancels_who_waits_leaves_nothing_behind() -> None:
    requests = Requests(handed_over=False)
    coming = asyncio.create_task(requests.come())
    await asyncio.sleep(0)
    coming.cancel()
    with pytest.raises(asyncio.CancelledError):
        await coming
    await iterate()
    assert (requests.delivery.streams, requests.responder.admission.taken, requests.got()) == (set(), 0, [])


@HANDED_OVER
async def test_it_opens_with_the_configuration_as_it_is_then(*, handed_over: bool) -> None:
    requests = Requests(handed_over=handed_over)
    coming = asyncio.create_task(requests.come(Subject("ann", "chips", None)))
    await asyncio.sleep(0)
    requests.subscriptions.chips.shows = frozenset({"TSLA"})
    await iterate()
    assert requests.got()[0]["data"]["tickers"] == ["TSLA"]
    assert len(requests.subscriptions.chips.streams) == 1
    requests.hang_up()
    await coming
    assert not requests.subscriptions.chips.streams


@HANDED_OVER
async def test_it_is_told_that_its_configuration_is_gone(*, handed_over: bool) -> None:
    requests = Requests(handed_over=handed_over)
    coming = asyncio.create_task(requests.come(Subject("ann", "chips", None)))
    await asyncio.sleep(0)
    requests.subscriptions.chips.shows = None
    await iterate()
    (only,) = requests.got()
    assert (only["event"], only["data"]["reason"]) == ("closing", "configuration_gone")
    requests.hang_up()
    await coming
    assert requests.responder.admission.taken == 0


@HANDED_OVER
async def test_an_opening_that_fails_ends_its_request_and_is_logged(
    *, handed_over: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    requests = Requests(handed_over=handed_over)
    monkeypatch.setattr(requests.bench.hub, "begin", lambda *_: 1 // 0)
    coming = asyncio.create_task(requests.come())
    await iterate()
    await coming
    assert caplog.messages == ["a stream could not be opened"]
    assert requests.pipe.closed == handed_over
    assert (requests.responder.admission.taken, requests.got()) == (0, [])
