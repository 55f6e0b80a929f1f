"""What a request for a stream is answered where there is no slot for it."""

from __future__ import annotations

import json

import pytest
from starlette.datastructures import Headers, QueryParams
from starlette.types import Message

from streamer.hub.history import History
from streamer.hub.hub import Hub
from streamer.hub.ledger import Ledger
from streamer.hub.window import Window
from streamer.streams.admission import Admission, Full, Slot
from streamer.streams.delivery import Delivery
from streamer.streams.mode import CurrentMode
from streamer.streams.openings import Openings
from streamer.streams.stream import OpenStream
from streamer.streams.timing import Timing
from streamer.telemetry.counters import Counters
from streamer.web import parameters
from streamer.web.stream_response import StreamResponder


def taken(slot: Slot | Full) -> Slot:
    assert isinstance(slot, Slot)
    return slot


@pytest.fixture
async def responder() -> StreamResponder:
    hub: Hub[OpenStream] = Hub(run=1, ledger=Ledger(), history=History(), window=Window(0))
    counters = Counters()
    delivery = Delivery(hub, counters, lambda: CurrentMode("push", "as the test wants it", 0), Timing())
    openings = Openings(0.25, 1, clock=lambda: 0.0)
    openings.count("192.0.2.3")
    return StreamResponder(delivery, Admission(2, per_user=1, per_address=1, openings=openings), counters)


async def asked(
    responder: StreamResponder, query: str, user: str | None, address: str | None
) -> tuple[int, Headers, bytes]:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        raise AssertionError("nobody reads a refused request's body")

    wanted = parameters.parse(QueryParams(query), Headers({}), 900)
    await responder.response(wanted, user=user, address=address)({"type": "http", "headers": []}, receive, send)
    return sent[0]["status"], Headers(raw=sent[0]["headers"]), b"".join(each.get("body", b"") for each in sent)


@pytest.mark.parametrize(
    ("user", "address", "status", "detail", "limit"),
    [
        ("ann", None, 429, "Too many streams of one user. Close one.", 1),
        (None, "192.0.2.1", 429, "Too many streams of one address. Close one.", 1),
        ("bob", "192.0.2.2", 503, "Connection limit reached. Try again later.", 2),
    ],
)
async def test_who_is_over_a_limit_is_told_in_one_shape_and_waits_if_it_wants_to(
    responder: StreamResponder, user: str | None, address: str | None, status: int, detail: str, limit: int
) -> None:
    held = [taken(responder.admission.acquire("ann")), taken(responder.admission.acquire(None, "192.0.2.1"))]
    got, headers, body = await asked(responder, "", user, address)
    assert (got, headers["retry-after"]) == (status, "30")
    answer = json.loads(body)
    assert (answer["detail"], answer["max_connections"], answer["retry_after"]) == (detail, limit, 30)
    assert b"ann" not in body
    assert b"192.0.2" not in body

    got, headers, body = await asked(responder, "on_full=wait", user, address)
    assert (got, headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert b"retry: " in body
    assert b"event: closing" in body
    assert b"server_busy" in body
    assert responder.counters.snapshot()["streams_refused"] == 2
    assert responder.admission.taken == len(held)


async def test_who_opens_too_often_is_told_when_to_come_back_and_waits_if_it_wants_to(
    responder: StreamResponder,
) -> None:
    got, headers, body = await asked(responder, "", None, "192.0.2.3")
    assert (got, headers["retry-after"]) == (429, "4")
    answer = json.loads(body)
    assert (answer["openings_per_second"], answer["retry_after"]) == (0.25, 4)
    assert "too often" in answer["detail"]
    assert b"192.0.2" not in body
    got, headers, body = await asked(responder, "on_full=wait", None, "192.0.2.3")
    assert (got, headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert b"retry: " in body
    assert b"server_busy" in body
    assert responder.admission.taken == 0
