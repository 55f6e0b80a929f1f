from __future__ import annotations

import json
from collections.abc import Iterable

from streamer.change import Change, iso_time, version
from streamer.hub.filters import Filter, choose
from streamer.hub.frame import Frame
from streamer.hub.hub import Hub
from streamer.hub.resume import Request
from streamer.place import Place
from tests.factories import KEY, NOW_MS, change, hub, state


def publish(target: Hub[str], *changes: Change) -> None:
    target.publish(changes, dated_ms=NOW_MS, now_ms=NOW_MS)


def said(frames: Iterable[Frame]) -> list[tuple[str, dict[str, object]]]:
    """The event names and data of frames."""
    events = []
    for frame in frames:
        fields = dict(line.split(": ", 1) for line in frame.data.decode().strip().split("\n"))
        events.append((fields["event"], json.loads(fields["data"])))
    return events


def test_an_update_says_what_a_user_sees_one_event_for_each_ticker() -> None:
    target = hub()
    shown = state("positive", "AAPL", "MSFT", score="0.37", confidence="0.9", updated_at="2026-11-22T14:56:01.000Z")
    publish(target, change(shown, 1))
    expected = {
        "source_id": KEY.source_id,
        "timestamp": KEY.timestamp,
        "label": "positive",
        "score": 0.37,
        "confidence": 0.9,
        "source": "wire",
        "updated_at": "2026-11-22T14:56:01.000Z",
        "committed_at": iso_time(NOW_MS // 1000 * 1000),
    }
    assert said(target.take_pending()) == [
        ("sentiment_update", expected | {"ticker": ticker, "version": version(KEY, ticker, shown)})
        for ticker in ("AAPL", "MSFT")
    ]


def test_only_tickers_that_show_something_else_get_an_event() -> None:
    target = hub()
    publish(target, change(state("positive", "AAPL", "MSFT"), 1))
    target.take_pending()
    publish(target, change(state("positive", "AAPL", "TSLA"), 2))
    assert [(name, data["ticker"], data.get("reason")) for name, data in said(target.take_pending())] == [
        ("sentiment_withdrawn", "MSFT", "ticker_removed"),
        ("sentiment_update", "TSLA", None),
    ]


def test_an_item_that_is_deleted_or_loses_its_sentiment_is_withdrawn_under_each_ticker() -> None:
    for absence in ("deleted", "unscored"):
        target = hub()
        publish(target, change(state("positive", "AAPL", "MSFT"), 1))
        target.take_pending()
        publish(target, change(None, 2, absence=absence))
        assert [(name, data["ticker"], data["reason"]) for name, data in said(target.take_pending())] == [
            ("sentiment_withdrawn", "AAPL", absence),
            ("sentiment_withdrawn", "MSFT", absence),
        ]


def test_an_item_new_to_the_hub_is_told_whole_and_what_its_old_image_showed_is_withdrawn() -> None:
    target = hub()
    publish(target, change(state("positive", "AAPL", "TSLA"), 2, before=state("positive", "AAPL", "MSFT")))
    assert [(name, data["ticker"]) for name, data in said(target.take_pending())] == [
        ("sentiment_withdrawn", "MSFT"),
        ("sentiment_update", "AAPL"),
        ("sentiment_update", "TSLA"),
    ]


def test_there_and_back_again_is_three_events_and_what_changes_nothing_is_none() -> None:
    target = hub()
    for seq, label in enumerate(("positive", "negative", "positive", "positive"), 1):
        publish(target, change(state(label), seq))
    assert [data["label"] for _, data in said(target.take_pending())] == ["positive", "negative", "positive"]


def test_each_frame_has_the_next_number_and_a_place_of_this_run_without_a_time_while_there_is_no_proof() -> None:
    target = hub(run=77)
    publish(target, change(state("positive", "AAPL", "MSFT"), 1))
    frames = target.take_pending()
    assert [frame.number for frame in frames] == [1, 2]
    assert frames[1].data.startswith(f"id: {Place(0, 77, 2)}\n".encode())
    assert target.place() == Place(0, 77, 2)


def test_metrics_count_what_was_published() -> None:
    target = hub()
    publish(target, change(state("positive"), 1), change(state("negative"), 2))
    metrics = target.window.metrics(NOW_MS)
    assert (metrics.total, metrics.negative) == (1, 1)
    assert target.window_changed()
    assert not target.window_changed()
    publish(target, change(None, 3))
    assert target.window_changed()
    assert target.window.metrics(NOW_MS).total == 0


def test_filters_admit_what_was_asked_for() -> None:
    target = hub()
    publish(target, change(state("positive", "AAPL", "MSFT"), 1))
    target.announce(target.window.metrics(NOW_MS))
    frames = target.take_pending()
    assert [frame.ticker for frame in frames if choose({"AAPL"}, None).admits(frame)] == ["AAPL", None]
    assert [frame.ticker for frame in frames if choose(None, {"metrics"}).admits(frame)] == [None]


def test_metrics_come_where_no_tickers_are_named_or_where_events_name_them() -> None:
    assert choose(None, None) == Filter(None, True, True)
    assert choose({"AAPL"}, None) == Filter(frozenset({"AAPL"}), True, False)
    assert choose({"AAPL"}, {"metrics"}) == Filter(frozenset({"AAPL"}), False, True)
    assert choose(None, {"sentiment_update"}) == Filter(None, True, False)


def test_a_place_of_this_run_resumes_exactly_after_its_frame() -> None:
    target = hub(run=5)
    publish(target, *(change(state(label), seq) for seq, label in enumerate(("positive", "negative", "neutral"), 1)))
    start = target.begin(Request(str(Place(0, 5, 2))), NOW_MS)
    assert (start.resume, start.cursor) == ("resumed", 2)
    assert [frame.number for frame in target.history.after(start.cursor)] == [3]


def test_a_place_that_is_not_covered_is_a_reset_with_all_that_the_history_has() -> None:
    target = hub(run=5, keep_ms=1000)
    publish(target, change(state("positive"), 1), change(state("negative"), 2))
    target.history.expire(NOW_MS + 1001)
    publish(target, change(state("neutral"), 3))
    places = {
        str(Place(0, 5, 1)): "too_old",
        str(Place(0, 5, 4)): "future",
        str(Place(0, 6, 3)): "too_old",
        str(Place(NOW_MS + 3_600_000, 6, 3)): "future",
        "evt_nonsense": "malformed",
    }
    for text, reason in places.items():
        start = target.begin(Request(text), NOW_MS)
        assert (start.resume, start.reason) == ("reset", reason)
        assert [frame.number for frame in target.history.after(start.cursor)] == [3]
    assert target.begin(Request(str(Place(0, 5, 2))), NOW_MS).resume == "resumed"


def test_replay_begins_a_fresh_stream_some_seconds_back() -> None:
    target = hub()
    target.publish([change(state("positive"), 1)], dated_ms=NOW_MS - 60_000, now_ms=NOW_MS)
    target.publish([change(state("negative"), 2)], dated_ms=NOW_MS - 10_000, now_ms=NOW_MS)
    start = target.begin(Request(None, replay_ms=30_000), NOW_MS)
    assert (start.resume, start.cursor) == ("fresh", 1)
    assert target.begin(Request(None, None), NOW_MS).cursor == 2
    assert target.begin(Request("", None), NOW_MS).resume == "fresh"


def test_equal_filters_share_a_group_and_empty_groups_vanish() -> None:
    target = hub()
    target.join(choose({"AAPL", "MSFT"}, None), "one")
    target.join(choose({"MSFT", "AAPL"}, None), "two")
    assert list(target.groups.values()) == [{"one", "two"}]
    target.leave(choose({"AAPL", "MSFT"}, None), "one")
    target.leave(choose({"AAPL", "MSFT"}, None), "two")
    target.leave(choose({"AAPL", "MSFT"}, None), "two")
    assert not target.groups
