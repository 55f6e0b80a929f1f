"""What a Lambda invocation asks of a stream: to leave in time, and to end whole."""

from __future__ import annotations

import json

import pytest
from starlette.types import Message

from streamer.web.invocation import MARGIN_MS, Whole, leave_by
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


async def test_a_body_that_was_begun_is_completed_once() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    whole = Whole(send)
    await whole.end()
    assert (sent, whole.started) == ([], False), "an error may still be answered with its own status"
    await whole({"type": "http.response.start", "status": 200, "headers": []})
    await whole({"type": "http.response.body", "body": b"one", "more_body": True})
    assert whole.started
    await whole.end()
    assert sent[-1] == {"type": "http.response.body", "body": b"", "more_body": False}

    sent.clear()
    whole = Whole(send)
    await whole({"type": "http.response.start", "status": 200, "headers": []})
    await whole({"type": "http.response.body", "body": b"all"})
    await whole.end()
    assert len(sent) == 2


async def test_nobody_who_is_gone_makes_the_end_fail() -> None:
    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            raise OSError("gone")

    whole = Whole(send)
    await whole({"type": "http.response.start", "status": 200, "headers": []})
    await whole.end()
