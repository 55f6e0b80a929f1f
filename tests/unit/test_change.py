from __future__ import annotations

from decimal import Decimal

import pytest

from streamer.change import Item, Key, State, is_sortable, iso_time, parse_time, plain, read_item, version
from tests.factories import state
from tests.vectors import VECTORS

SCORED: dict[str, object] = {"sentiment": "positive", "score": Decimal("0.5"), "matched_tickers": ["AAPL"]}


def test_an_item_without_sentiment_is_pending_and_no_fault() -> None:
    assert read_item({"score": Decimal("0.5")}) == Item(None, "unscored")


def test_tickers_count_once_in_upper_case_and_malformed_ones_are_ignored_and_counted() -> None:
    item = read_item(SCORED | {"matched_tickers": ["msft", "AAPL", "MSFT", "", "TOO-LONG-FOR-ONE", "straße", 7, "A B"]})
    assert item.state is not None
    assert item.state.tickers == ("AAPL", "MSFT")
    assert item.ignored_tickers == 5


def test_a_single_ticker_is_accepted_where_the_list_is_missing_or_empty() -> None:
    lists: list[dict[str, object]] = [{}, {"matched_tickers": []}, {"matched_tickers": None}]
    for listed in lists:
        item = read_item({"sentiment": "neutral", "score": 0, "ticker": "brk.b"} | listed)
        assert item.state is not None
        assert item.state.tickers == ("BRK.B",)


@pytest.mark.parametrize(
    ("attributes", "absence", "fault"),
    [
        ({"sentiment": "bullish"}, "unscored", "label"),
        ({"sentiment": 1}, "unscored", "label"),
        ({"score": None}, "unscored", "score"),
        ({"score": Decimal("1.01")}, "unscored", "score"),
        ({"score": Decimal("-1.0000000000000000000000000000000000001")}, "unscored", "score"),
        ({"score": True}, "unscored", "score"),
        ({"score": "0.5"}, "unscored", "score"),
        ({"score": Decimal("NaN")}, "unscored", "score"),
        ({"score": Decimal("1E-999999")}, "unscored", "score"),
        ({"score": Decimal("0E-1000000")}, "unscored", "score"),
        ({"confidence": Decimal("-0.1")}, "unscored", "confidence"),
        ({"confidence": "high"}, "unscored", "confidence"),
        ({"matched_tickers": []}, "ticker_removed", "tickers"),
        ({"matched_tickers": ["not a ticker"]}, "ticker_removed", "tickers"),
        ({"source": "\ud800"}, "unscored", "source"),
        ({"source": "x" * 2049}, "unscored", "source"),
    ],
)
def test_an_item_that_breaks_a_rule_is_no_event_and_names_the_fault(
    attributes: dict[str, object], absence: str, fault: str
) -> None:
    item = read_item(SCORED | attributes)
    assert (item.state, item.absence, item.fault) == (None, absence, fault)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("2026-11-22T14:56:57.740Z", "2026-11-22T14:56:57.740Z"),
        ("2026-11-22T14:56:57Z", "2026-11-22T14:56:57.000Z"),
        ("2026-11-22T15:56:57.7409+01:00", "2026-11-22T14:56:57.740Z"),
        ("2026-11-22T14:56:57", "2026-11-22T14:56:57.000Z"),
        ("yesterday", None),
        ("0001-01-01T00:00:00+23:00", None),
        ("9999-12-31T23:59:59-23:00", None),
        (17, None),
    ],
)
def test_updated_at_is_shown_in_utc_with_milliseconds_or_not_at_all(written: object, shown: str | None) -> None:
    item = read_item(SCORED | {"updated_at": written})
    assert item.state is not None
    assert item.state.updated_at == shown


def test_times_survive_the_way_there_and_back() -> None:
    for text in ("1969-12-31T23:59:59.999Z", "2026-11-22T14:56:57.007Z", "0001-01-01T00:00:00.000Z"):
        moment = parse_time(text)
        assert moment is not None
        assert iso_time(moment) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("0.50", "0.5"),
        ("-0.0", "0"),
        ("1E-7", "0.0000001"),
        ("100", "100"),
        ("1.000", "1"),
        ("0.12345678901234567890123456789012345678", "0.12345678901234567890123456789012345678"),
    ],
)
def test_numbers_are_plain_decimal_text_with_no_digit_lost(number: str, text: str) -> None:
    assert plain(Decimal(number)) == text


@pytest.mark.parametrize(("key", "ticker", "shown", "expected"), VECTORS)
def test_version_is_the_one_that_the_contract_names(key: Key, ticker: str, shown: State, expected: str) -> None:
    assert version(key, ticker, shown) == expected


def test_version_does_not_depend_on_how_a_number_was_written_and_differs_by_ticker() -> None:
    key = Key("wire:1", "2026-11-22T14:18:46.484Z")
    one = state("positive", "A", "B", score="0.5")
    assert version(key, "A", one) == version(key, "A", state("positive", "A", score="0.500"))
    assert version(key, "A", one) != version(key, "B", one)


@pytest.mark.parametrize(
    ("timestamp", "sortable"),
    [
        ("2026-11-22T14:56:57.740Z", True),
        (iso_time(0), True),
        ("2026-11-22T14:56:57.740+00:00", False),
        ("2026-11-22T15:56:57.740+01:00", False),
        ("2026-11-22 14:56:57.740Z", False),
        ("2026-11-22T14:56:57Z", False),
        ("2026-11-22T14:56:57.740123Z", False),
        ("2026-11-22T14:56:57.740", False),
        ("20261122T145657.740Z", False),
        ("2026-11-22T14:56:57.740Z\n", False),
    ],
)
def test_queries_sort_timestamps_that_are_utc_with_milliseconds_and_z(timestamp: str, sortable: bool) -> None:
    assert is_sortable(timestamp) is sortable


@pytest.mark.parametrize(
    ("written", "expires_at"),
    [
        (Decimal(1_795_000_000), 1_795_000_000),
        (1_795_000_000, 1_795_000_000),
        (Decimal("1795000000.9"), 1_795_000_000),
        (Decimal("NaN"), None),
        (Decimal("Infinity"), None),
        (Decimal(-1), None),
        (Decimal(1_795_000_000_000), None),
        (True, None),
        ("1795000000", None),
        (None, None),
    ],
)
def test_the_expiry_is_a_number_of_seconds_and_anything_else_is_none(written: object, expires_at: int | None) -> None:
    read = read_item(SCORED | {"ttl_timestamp": written})
    assert (read.expires_at, read.state is not None) == (expires_at, True)
