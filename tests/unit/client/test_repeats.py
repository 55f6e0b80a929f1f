from __future__ import annotations

from decimal import Decimal

from streamer.client.repeats import Repeats
from streamer.sse.events import SentimentUpdate


def update(number: int, version: str = "v1", ticker: str = "AAPL") -> SentimentUpdate:
    return SentimentUpdate(f"wire:{number}", "t", version, ticker, "positive", Decimal(1), None, None, None, None)


def test_the_same_version_of_the_same_item_and_ticker_is_a_repeat() -> None:
    repeats = Repeats()
    events = [update(1), update(1), update(1, ticker="MSFT"), update(1, "v2"), update(1), update(1)]
    assert [repeats.add(event) for event in events] == [False, True, False, False, False, True]
    assert repeats.dropped == 2


def test_what_is_remembered_is_bounded_and_the_longest_unchanged_goes_first() -> None:
    repeats = Repeats(limit=2)
    for event in (update(1), update(2), update(1, "v2"), update(3)):
        assert not repeats.add(event)
    assert repeats.add(update(1, "v2"))
    assert repeats.add(update(3))
    assert not repeats.add(update(2))
