"""Each line of the log about one stream has its connection id: the one that its client was told."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest
from starlette.datastructures import Headers, QueryParams
from starlette.types import Message

from streamer.hub.history import History
from streamer.hub.hub import Hub
from streamer.hub.ledger import Ledger
from streamer.hub.window import Window
from streamer.streams.admission import Admission
from streamer.streams.asgi import AsgiSink
from streamer.streams.delivery import Delivery
from streamer.streams.mode import CurrentMode
from streamer.streams.stream import OpenStream
from streamer.streams.timing import Timing
from streamer.telemetry.counters import Counters
from streamer.web import parameters
from streamer.web.stream_response import StreamResponder
from tests.watchdog import WATCHDOG

SCOPE = {"type": "http", "headers": [], "client": ("192.0.2.7", 1234)}


async def test_a_stream_has_a_line_at_its_beginning_and_one_at_its_end(caplog: pytest.LogCaptureFixture) -> None:
    hub: Hub[OpenStream] = Hub(run=1, ledger=Ledger(), history=History(), window=Window(0))
    counters = Counters()
    responder = StreamResponder(
        Delivery(hub, counters, lambda: CurrentMode("push", "as the test wants it", 0), Timing()),
        Admission(2),
        counters,
    )
    told, gone = asyncio.Event(), asyncio.Event()
    body = b""

    async def send(message: Message) -> None:
        nonlocal body
        body += message.get("body", b"")
        if b"heartbeat" in body:
            told.set()

    async def receive() -> Message:
        await gone.wait()
        return {"type": "http.disconnect"}

    with caplog.at_level(logging.INFO):
        wanted = parameters.parse(QueryParams(""), Headers({}), 900)
        streaming = asyncio.create_task(responder.response(wanted)(SCOPE, receive, send))
        async with asyncio.timeout(WATCHDOG):
            await told.wait()
            assert caplog.messages == ["stream opened"]
            gone.set()
            await streaming
    assert caplog.messages == ["stream opened", "stream closed"]
    (data,) = [line for line in body.decode().splitlines() if line.startswith("data: ") and "connection_id" in line]
    connection_id = json.loads(data.removeprefix("data: "))["connection_id"]
    lines = [vars(record) for record in caplog.records]
    assert [(line["connection_id"], line["peer"], line["levelname"]) for line in lines] == [
        (connection_id, "192.0.2.7", "INFO"),
        (connection_id, "192.0.2.7", "INFO"),
    ]
    assert lines[1]["reason"] == "client_gone"


async def test_what_fails_in_a_streams_writing_names_it(caplog: pytest.LogCaptureFixture) -> None:
    failed = asyncio.Event()

    async def send(_: Message) -> None:
        failed.set()
        raise RuntimeError("closed under a request")

    sink = AsgiSink(send)
    sink.connection_id = "5b1d40a7f1b93e11"
    with caplog.at_level(logging.DEBUG, "streamer"):
        sink.write(b"data")
        assert sink._writer is not None
        await sink._writer
    assert failed.is_set()
    assert vars(caplog.records[0])["connection_id"] == "5b1d40a7f1b93e11"
