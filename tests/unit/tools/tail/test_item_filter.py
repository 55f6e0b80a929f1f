from __future__ import annotations

from decimal import Decimal

import pytest

from streamer import tools
from streamer.client import Unknown
from streamer.sse.events import Heartbeat, SentimentUpdate, SentimentWithdrawn
from streamer.tools.tail import item_filter
from streamer.tools.tail.item_filter import ItemFilter, read_wanted
from streamer.tools.terminal.errors import UsageError


def update(
    label: str = "positive", score: str = "0.5", source: str | None = "Wire", item: str = "wire:1"
) -> SentimentUpdate:
    return SentimentUpdate(item, "t", "v", "AAPL", label, Decimal(score), None, source, None, None)


def withdrawn(item: str = "wire:1") -> SentimentWithdrawn:
    return SentimentWithdrawn(item, "t", "AAPL", "deleted")


@pytest.mark.parametrize(
    ("label", "min_score", "sources", "event", "passes"),
    [
        (None, None, None, update(), True),
        ("positive", None, None, update(), True),
        ("Negative, neutral", None, None, update(), False),
        ("Negative, neutral", None, None, update("neutral"), True),
        (None, 0.1, None, update(score="0.1"), True),
        (None, 0.1, None, update(score="0.0999"), False),
        (None, -1.0, None, update(score="-1"), True),
        (None, None, ["wire", "Other"], update(), True),
        (None, None, ["wires"], update(), False),
        (None, None, ["wire"], update(source=None), False),
        ("positive", 0.6, ["wire"], update(), False),
    ],
)
def test_an_update_passes_if_it_has_all_that_is_wanted(
    label: str | None, min_score: float | None, sources: list[str] | None, event: SentimentUpdate, passes: bool
) -> None:
    assert ItemFilter(read_wanted(label, min_score, sources)).passes(event) is passes


def test_a_withdrawal_is_shown_if_its_item_was() -> None:
    some = ItemFilter(read_wanted("positive", None, None))
    assert not some.passes(withdrawn())
    assert some.passes(update())
    assert not some.passes(update("negative", item="wire:2"))
    assert not some.passes(withdrawn("wire:2"))
    assert some.passes(withdrawn())
    assert not some.passes(withdrawn())
    assert ItemFilter(read_wanted(None, None, None)).passes(withdrawn())


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(item_filter, "_MOST_SHOWN", 2)
    some = ItemFilter(read_wanted("positive", None, None))
    for number in range(3):
        some.passes(update(item=f"wire:{number}"))
    assert [some.passes(withdrawn(f"wire:{number}")) for number in range(3)] == [False, True, True]


def test_other_events_pass() -> None:
    some = ItemFilter(read_wanted("positive", 1.0, ["x"]))
    assert some.passes(Heartbeat("t", 1, 1, "push"))
    assert some.passes(Unknown("news", "{}"))


@pytest.mark.parametrize("label", ["", " ", "good", "positive,good"])
def test_an_unknown_label_is_refused_with_the_known_ones(label: str) -> None:
    with pytest.raises(UsageError, match="give positive, neutral or negative, or several"):
        read_wanted(label, None, None)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--label", "good"], "--label='good': unknown"),
        (["--min-score", "2"], "--min-score"),
        (["--summary", "--min-score", "0"], "the counts cannot be filtered"),
        (["--configuration", "chips", "-t", "AAPL"], "the configuration has the tickers"),
        (["--configuration", "chips", "http://127.0.0.1:1/other"], "the URL has the path '/other'"),
        (["--configuration", " "], "--configuration=' ': empty"),
        (["--source", ""], "--source='': empty"),
        (["-H", "X Y: z"], "--header='X Y: z': invalid"),
    ],
)
def test_wrong_usage_is_a_sentence(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert tools.run(["tail", *arguments]) == 2
    assert words in capsys.readouterr().err
