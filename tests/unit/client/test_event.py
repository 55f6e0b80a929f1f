from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import pytest

from streamer.client.event import Unknown, parse_event
from streamer.sse.decode import Message
from streamer.sse.events import (
    Closing,
    Connected,
    Event,
    Heartbeat,
    Metrics,
    Reset,
    SentimentUpdate,
    SentimentWithdrawn,
)

UPDATE = SentimentUpdate(
    "wire:1", "2026-11-22T14:18:46.484Z", "v", "AAPL", "positive", Decimal("0.12345678901234567890"), Decimal(1), None,
    None, "2026-11-22T14:18:46.000Z",
)  # fmt: skip
EVENTS: list[Event] = [
    Connected("c", ("AAPL",), "resumed", 2, "push", 3000, 30.0),
    Connected("c", None, "fresh", 0, "down", 3000, 0.5),
    Reset("too_old"),
    UPDATE,
    SentimentWithdrawn("wire:1", "2026-11-22T14:18:46.484Z", "AAPL", "deleted"),
    Metrics(3, 1, 1, 1, {"TSLA": 2, "other": 0}, 0.05, 2.0, "a", "b"),
    Metrics(
        3, 1, 1, 1, {"TSLA": 2}, 0.05, 2.0, "a", "b", {"TSLA": {"positive": 1, "neutral": 1, "mean": Decimal("0.25")}}
    ),
    Heartbeat("2026-11-22T14:18:50.000Z", 3, 12, "push"),
    Closing("drain", 1234),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.name)
def test_what_the_server_says_reads_back(event: Event) -> None:
    assert parse_event(Message(event.name, event.data(), "", None)) == event


def test_a_newer_server_is_understood() -> None:
    data = '{"reason":"full_moon","retry_ms":5,"moon":{}}'
    assert parse_event(Message("closing", data, "", None)) == Closing("full_moon", 5)  # type: ignore[arg-type]  # new here


def test_what_may_be_null_may_be_missing() -> None:
    data = UPDATE.data().replace(',"updated_at":null', "").replace(',"source":null', "")
    assert parse_event(Message(UPDATE.name, data, "", None)) == UPDATE


@pytest.mark.parametrize(
    "data",
    [
        "", "{", "[]", "null", "{}", '{"reason":"drain"}', '{"reason":null,"retry_ms":1}',
        '{"reason":"drain","retry_ms":"1"}',
        '{"reason":"drain","retry_ms":true}', '{"reason":"drain","retry_ms":1.5}', '{"reason":"drain","retry_ms":NaN}',
        "[" * 100_000, '{"reason":"drain","retry_ms":' + "9" * 5_000 + "}",
    ],
)  # fmt: skip
def test_a_known_name_with_other_data_is_unknown(data: str) -> None:
    assert parse_event(Message("closing", data, "", None)) == Unknown("closing", data)


@pytest.mark.parametrize("member", ['"score":true', '"score":"1"', '"score":null', '"ticker":7', '"source":[]'])
def test_an_update_with_a_member_of_another_type_is_unknown(member: str) -> None:
    name = member.split(":")[0]
    whole: Mapping[str, str] = {'"score"': '"score":0.12345678901234567890'.rstrip("0"), '"ticker"': '"ticker":"AAPL"'}
    data = UPDATE.data().replace(whole.get(name, '"source":null'), member)
    assert member in data
    assert isinstance(parse_event(Message(UPDATE.name, data, "", None)), Unknown)


def test_another_name_is_unknown() -> None:
    assert parse_event(Message("message", "hello", "", None)) == Unknown("message", "hello")


def test_a_number_beyond_all_measure_makes_an_unknown_event_and_no_error() -> None:
    beyond = UPDATE.data().replace("0.1234567890123456789", "1e9999999999999999999999")
    assert isinstance(parse_event(Message(UPDATE.name, beyond, "", None)), Unknown)
    metrics = Metrics(3, 1, 1, 1, {}, 0.05, 2.0, "a", "b")
    endless = metrics.data().replace("0.05", "1" + "0" * 400)
    assert isinstance(parse_event(Message("metrics", endless, "", None)), Unknown)
