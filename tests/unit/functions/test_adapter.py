"""What a Lambda invocation asks of a stream: to leave in time, and to end whole."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streamer.functions.adapter import MARGIN_MS, CompleteResponse, LambdaAdapter, leave_by
from streamer.streams.transport import TAKEOVER
from streamer.web.stream_response import LEAVE_BY
from tests.factories import NOW_MS


def left(*values: str) -> int | None:
    """When a request with these headers has to leave, milliseconds from now."""
    headers = [(b"x-amzn-lambda-context", value.encode()) for value in values]
    moment = leave_by({"type": "http", "headers": [(b"accept", b"*/*"), *headers]}, NOW_MS)
    return None if moment is None else moment - NOW_MS


def context(**members: object) -> str:
    return json.dumps({"request_id": "8476a536", "invoked_function_arn": "arn:aws:lambda:…", **members})


@pytest.mark.parametrize(
    ("remaining", "leaves"),
    [
        (900_000, 900_000 - MARGIN_MS),
        (50_000, 40_000),
        (30_000, 24_000),
        (3_000, 2_400),
        (0, 0),
        (-1, -1),
        (-86_400_000, -86_400_000),
    ],
)
def test_it_leaves_ten_seconds_before_the_end_or_a_fifth_of_what_a_short_function_has(
    remaining: int, leaves: int
) -> None:
    assert left(context(deadline=NOW_MS + remaining)) == leaves


@pytest.mark.parametrize(
    "value",
    [
        "",
        "{",
        "[]",
        "null",
        "1",
        "[" * 100_000,
        context(),
        context(deadline_ms=NOW_MS),
        context(deadline=None),
        context(deadline=True),
        context(deadline=str(NOW_MS)),
        context(deadline=NOW_MS + 0.5),
        context(deadline=0),
        context(deadline=-NOW_MS),
        context(deadline=10**400),
        '{"deadline":' + "9" * 5_000 + "}",
        '{"deadline":NaN}',
        '{"deadline":1e999}',
    ],
)
def test_a_context_that_says_no_deadline_asks_for_nothing(value: str) -> None:
    assert left(value) is None


def test_two_contexts_are_none() -> None:
    """The adapter sends one; whoever sends another is not the adapter."""
    assert left() is None
    assert left(context(deadline=NOW_MS), context(deadline=NOW_MS + 1)) is None


BEGUN: Message = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"text/event-stream; charset=utf-8")],
}


async def test_a_stream_that_was_begun_is_completed_once() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    response = CompleteResponse(send)
    await response(BEGUN)
    await response({"type": "http.response.body", "body": b"one", "more_body": True})
    await response.complete()
    assert sent[-1] == {"type": "http.response.body", "body": b"", "more_body": False}

    sent.clear()
    response = CompleteResponse(send)
    await response(BEGUN)
    await response({"type": "http.response.body", "body": b"all"})
    await response.complete()
    assert len(sent) == 2


async def test_a_client_that_is_gone_does_not_make_the_end_fail() -> None:
    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            raise OSError("gone")

    response = CompleteResponse(send)
    await response(BEGUN)
    await response.complete()


async def served(application: ASGIApp, *, ended: Callable[[], None] = lambda: None) -> list[Message]:
    """What the adapter gets of an application's answer."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    headers = [(b"x-amzn-lambda-context", context(deadline=NOW_MS + 50_000).encode())]
    scope = {"type": "http", "headers": headers, "extensions": {TAKEOVER: {}}}
    await LambdaAdapter(application, ended, lambda: NOW_MS)(scope, receive, send)
    return sent


async def test_a_stream_is_told_when_to_leave_cannot_have_the_connection_and_ends_complete() -> None:
    ended: list[int] = []
    given: dict[str, object] = {}

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        given.update(scope["extensions"])
        await send(BEGUN)
        await send({"type": "http.response.body", "body": b"one", "more_body": True})
        raise ValueError("a bug")

    sent = await served(application, ended=lambda: ended.append(1))
    assert given == {LEAVE_BY: NOW_MS + 40_000}
    assert sent[-1] == {"type": "http.response.body", "body": b"", "more_body": False}
    assert ended == [1]


async def test_what_fails_without_a_stream_is_not_completed() -> None:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]})
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        await served(application)
