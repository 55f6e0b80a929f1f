"""What may change a configuration's filter, and whether who comes back had it."""

from __future__ import annotations

import pytest

from streamer.configuration import Configuration, Notice
from streamer.hub.filters import Filter
from streamer.hub.resume import FilterSince, Request
from streamer.hub.subscription import ConfigurationSubscription, Consequence, SubscriptionMemory
from streamer.place import Place
from streamer.sse.events import Heartbeat
from tests.factories import NOW_MS, hub

MARGIN_MS = 10_000
EVENT = Heartbeat("2026-11-22T14:00:00.000Z", 1, 5, "push", "", "2026-11-22T14:00:00.000Z")
SECOND = NOW_MS // 1000
A, B = frozenset({"AAPL"}), frozenset({"MSFT"})


def configuration(*tickers: str, changed_ms: int | None = None, active: bool = True) -> Configuration:
    return Configuration("ada", "chips", "Chips", tickers, "active" if active else "disabled", '""', changed_ms)


def watch(
    *, read_ms: int = NOW_MS, before: SubscriptionMemory | None = None, changed_ms: int | None = None
) -> ConfigurationSubscription[str]:
    return ConfigurationSubscription.begin(
        ("ada", "chips"),
        configuration("AAPL", changed_ms=changed_ms),
        began_ms=read_ms,
        now_ms=NOW_MS,
        newest=10,
        before=before,
    )


def notice(shows: frozenset[str] | None, seq: int, *, after: int = 5) -> Notice:
    return Notice("ada", "chips", shows, seq, SECOND + after)


def told(target: ConfigurationSubscription[str], *notices: Notice) -> list[Consequence]:
    return [target.received(each, now_ms=NOW_MS + 6000, newest=20) for each in notices]


def test_a_later_write_counts_at_once_and_an_earlier_one_never() -> None:
    target = watch()
    assert told(target, notice(B, 7), notice(A, 6), notice(B, 7)) == [
        Consequence.CHANGED,
        Consequence.NOTHING,
        Consequence.NOTHING,
    ]
    assert target.shows == B
    assert target.since == FilterSince((SECOND + 6) * 1000, 20, other_before=True), "its second may have been whole"
    assert told(target, notice(None, 8)) == [Consequence.CHANGED]
    assert target.shows is None


def test_what_was_written_before_the_read_is_known_and_what_clocks_cannot_decide_is_read() -> None:
    for after, verdict in {
        -3: Consequence.NOTHING,
        -1: Consequence.READ,
        1: Consequence.READ,
        2: Consequence.CHANGED,
    }.items():
        assert told(watch(), notice(B, 7, after=after)) == [verdict], after
    assert told(watch(), notice(A, 7, after=0)) == [Consequence.NOTHING], "that is what it shows"


def test_a_read_counts_unless_something_came_since_it_began() -> None:
    target = watch()
    told(target, notice(B, 7))

    def found(what: Configuration | None, began_ms: int, *, overtaken: bool = False) -> Consequence:
        return target.found(what, began_ms=began_ms, overtaken=overtaken, now_ms=NOW_MS + 9000, newest=30)

    assert found(configuration("AAPL"), NOW_MS + 5999, overtaken=True) is Consequence.READ
    assert found(configuration("AAPL"), NOW_MS - 1) is Consequence.NOTHING, "older than the one before"
    assert target.shows == B
    assert found(configuration("F"), NOW_MS + 6001) is Consequence.CHANGED
    assert target.since == FilterSince(NOW_MS + 9000, 30, other_before=True), "nobody says since when: before now"
    assert found(configuration("F", active=False), NOW_MS + 6002) is Consequence.CHANGED
    assert found(None, NOW_MS + 6003) is Consequence.NOTHING
    assert target.read_ms == NOW_MS + 6003


def test_there_and_back_between_two_reads_counts_for_the_clients_of_other_runs() -> None:
    target = watch(changed_ms=NOW_MS - 9000)
    target.found(
        configuration("AAPL", changed_ms=NOW_MS + 50),
        began_ms=NOW_MS + 99,
        overtaken=False,
        now_ms=NOW_MS + 99,
        newest=30,
    )
    assert target.since == FilterSince(NOW_MS + 50, 10, other_before=False)


def test_what_is_remembered_is_true_of_this_run_alone() -> None:
    memory = SubscriptionMemory(A, FilterSince(NOW_MS - 5000, 4, other_before=True))
    assert watch(before=memory).since == FilterSince(NOW_MS, 4, other_before=True)
    assert watch(before=memory, changed_ms=NOW_MS - 9000).since == FilterSince(NOW_MS - 5000, 4, other_before=True)
    assert watch(before=SubscriptionMemory(B, memory.since)).since == FilterSince(NOW_MS, 10, other_before=True)
    assert watch().since == FilterSince(NOW_MS, 10, other_before=False)


@pytest.mark.parametrize(
    ("run", "frame", "time_ms", "other_before", "had"),
    [
        (1, 11, 0, True, True),
        (1, 10, NOW_MS + 1, True, False),
        (1, 10, NOW_MS, False, True),
        (1, 10, NOW_MS - 1, False, False),
        (2, 11, NOW_MS, True, True),
        (2, 11, NOW_MS - 1, True, False),
    ],
)
def test_who_had_this_filter(run: int, frame: int, time_ms: int, other_before: bool, had: bool) -> None:
    assert FilterSince(NOW_MS, 10, other_before).had_by(Place(time_ms, run, frame), 1) is had


def test_who_had_another_one_is_told_so_and_gets_all_that_the_history_has() -> None:
    target = hub(run=1)
    target.proved(NOW_MS, NOW_MS - 180_000, ended_ms=NOW_MS)
    target.newest = 12
    since = FilterSince(NOW_MS, 10, other_before=True)

    def begin(last_event_id: str) -> tuple[str, str | None]:
        start = target.begin(Request(last_event_id), NOW_MS, since)
        return start.resume, start.reason

    assert begin(str(Place(NOW_MS, 1, 11))) == ("resumed", None)
    assert begin(str(Place(NOW_MS - 20_000, 1, 10))) == ("reset", "configuration_changed")
    assert begin(str(Place(NOW_MS - 20_000, 2, 11))) == ("reset", "configuration_changed")
    assert begin(str(Place(NOW_MS, 1, 13))) == ("reset", "future")
    assert begin("") == ("fresh", None)


def test_only_places_of_its_own_streams_claim_no_more_than_its_last_read_proves() -> None:
    target, shown = hub(run=1), watch()
    shown.read_ms = NOW_MS - 30_000
    target.proved(NOW_MS, NOW_MS - 180_000, ended_ms=NOW_MS)
    assert target.watermark_ms == NOW_MS - MARGIN_MS
    target.announce(EVENT)
    (frame,) = target.take_pending()
    everything, of_it = Filter(), Filter().of(shown)
    assert target.encode(frame, everything) is frame.data
    assert time_of(target.encode(frame, of_it)) == NOW_MS - 30_000 - MARGIN_MS
    assert time_of(target.encode(frame, of_it, came_ms=NOW_MS)) == NOW_MS - 30_000 - MARGIN_MS
    assert time_of(target.stamp(EVENT)) == target.watermark_ms
    assert time_of(target.stamp(EVENT, of_it)) == NOW_MS - 30_000 - MARGIN_MS
    shown.read_ms = NOW_MS + 5000
    assert target.encode(frame, of_it) is frame.data, "items are proven less far"


def test_streams_of_a_configuration_are_a_group_of_their_own() -> None:
    shown = watch()
    assert Filter().of(shown) == Filter().of(shown) != Filter(shown.shows)
    assert Filter().of(shown) != Filter().of(watch())


def time_of(data: bytes) -> int:
    return Place.parse(data.split(b"\n")[0].removeprefix(b"id: ").decode()).time_ms
