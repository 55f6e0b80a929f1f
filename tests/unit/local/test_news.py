"""The plan of the writer: seeded, believable, and never a write that makes no sense."""

from __future__ import annotations

import re
from collections import Counter
from decimal import Decimal
from itertools import islice, pairwise, takewhile
from typing import Any

import pytest

from streamer.local.writer.news import news
from streamer.local.writer.story import TableWrite
from streamer.local.writer.vocabulary import SOURCES, TICKERS

MINUTES = 30
PLAN = list(takewhile(lambda edit: edit.at < MINUTES * 60, news(seed=1, rate=5)))
VISIBLE = ("matched_tickers", "ticker", "sentiment", "score", "confidence", "source")


def lives() -> dict[str, list[TableWrite]]:
    found: dict[str, list[TableWrite]] = {}
    for edit in PLAN:
        found.setdefault(edit.source_id, []).append(edit)
    return found


def states(writes: list[TableWrite]) -> list[dict[str, Any] | None]:
    """The item after each of its writes; None where it is gone. Fails for an edit that has no item to change."""
    item: dict[str, Any] | None = None
    after = []
    for edit in writes:
        match edit.action:
            case "put":
                assert item is None
                item = dict(edit.values)
            case "update":
                assert item is not None
                item = {**item, **edit.values}
                for name in edit.removed:
                    del item[name]
            case "delete":
                assert item is not None
                item = None
        after.append(None if item is None else dict(item))
    return after


def visible(item: dict[str, Any] | None) -> dict[str, Any]:
    return {name: item[name] for name in VISIBLE if name in item} if item else {}


def test_the_same_seed_and_rate_give_the_same_news_and_another_seed_other_news() -> None:
    again = list(islice(news(seed=1, rate=5), 2_000))
    assert again == PLAN[:2_000]
    assert list(islice(news(seed=2, rate=5), 100)) != PLAN[:100]


def test_edits_come_in_the_order_of_their_time() -> None:
    assert all(before.at <= after.at for before, after in pairwise(PLAN))
    assert PLAN[0].at >= 0


@pytest.mark.parametrize("rate", [0.5, 5.0])
def test_the_rate_is_kept_over_minutes(rate: float) -> None:
    minutes = 120 if rate < 1 else 30
    rates = [sum(1 for edit in takewhile(lambda e: e.at < minutes * 60, news(seed, rate))) for seed in range(1, 6)]
    assert sum(rates) / len(rates) / (minutes * 60) == pytest.approx(rate, rel=0.1)


def test_there_are_bursts_and_lulls() -> None:
    a_second = Counter(int(edit.at) for edit in PLAN)
    counts = [a_second[second] for second in range(60, MINUTES * 60)]
    assert sum(1 for count in counts if count >= 15) > 20
    assert sum(1 for count in counts if count <= 1) > 100


def test_every_edit_finds_its_item_and_changes_it() -> None:
    for writes in lives().values():
        before: list[dict[str, Any] | None] = [None, *states(writes)]
        assert all(one != other for one, other in pairwise(before))
        assert len({edit.published for edit in writes}) == 1
        assert writes[0].published < writes[0].at


def test_an_item_follows_the_tables_rules() -> None:
    for writes in lives().values():
        for item in filter(None, states(writes)):
            tickers = item.get("matched_tickers") or [item["ticker"]]
            assert 1 <= len(tickers) == len(set(tickers)) <= 3
            assert all(re.fullmatch(r"[A-Z0-9.^=-]{1,12}", ticker) for ticker in tickers)
            assert item["source"] in SOURCES
            assert item["article_text"]
            if "sentiment" not in item:
                assert "score" not in item
                assert "confidence" not in item
                continue
            score = item["score"]
            assert isinstance(score, Decimal)
            assert -1 <= score <= 1
            assert -int(score.as_tuple().exponent) <= 4
            assert Decimal("0.5") <= item["confidence"] <= 1
            expected = {"positive": score > Decimal("0.15"), "negative": score < Decimal("-0.15")}
            assert expected.get(item["sentiment"], abs(score) <= Decimal("0.15"))
            assert str(score) not in ("-0", "-0.0", "-0.00")


def test_what_becomes_of_items_is_believable() -> None:
    fates: Counter[str] = Counter()
    whole = [writes for writes in lives().values() if writes[0].at < (MINUTES - 2) * 60]
    for writes in whole:
        seen = states(writes)
        labels = [item["sentiment"] for item in seen if item and "sentiment" in item]
        tickers = [len(item.get("matched_tickers", [1])) for item in seen if item]
        fates["pending"] += "sentiment" not in writes[0].values
        fates["deleted"] += seen[-1] is None
        fates["ticker lost"] += tickers[0] > tickers[-1]
        fates["unscored"] += any("sentiment" in edit.removed for edit in writes)
        fates["there and back"] += len(labels) > 2 and labels[-3] == labels[-1] != labels[-2]
        fates["corrected"] += len(set(labels[-2:])) == 2 and labels[-1] not in labels[:-1]
        fates["hidden change"] += any(visible(one) == visible(other) for one, other in pairwise(seen))
    shares = {fate: round(count / len(whole), 3) for fate, count in fates.items()}
    limits = {
        "pending": (0.35, 0.45),
        "deleted": (0.03, 0.09),
        "ticker lost": (0.02, 0.07),
        "unscored": (0.01, 0.04),
        "there and back": (0.08, 0.14),
        "corrected": (0.06, 0.14),
        "hidden change": (0.02, 0.07),
    }
    assert all(least <= shares[fate] <= most for fate, (least, most) in limits.items()), shares


def test_the_names_in_the_news_are_spread_as_in_real_life() -> None:
    named = Counter(ticker for edit in PLAN for ticker in edit.values.get("matched_tickers", []))
    assert set(named) == set(TICKERS)
    assert named["AAPL"] > 3 * named["IBM"]
