from __future__ import annotations

import json
from collections.abc import Iterable

import pytest

from streamer.change import GONE, LATENESS_MS, Change, Item, Key, State, iso_time, version
from streamer.hub.filters import Filter, choose
from streamer.hub.frame import Frame
from streamer.hub.history import History
from streamer.hub.hub import Hub, Outcome
from streamer.hub.ledger import Ledger
from streamer.hub.resume import Request
from streamer.hub.window import Window
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
    assert target.take_window_change()
    assert not target.take_window_change()
    publish(target, change(None, 3))
    assert target.take_window_change()
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
    assert start.resume == "fresh"
    assert [frame.number for frame in target.missed(Filter(), start, start.cursor)] == [2]
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


MARGIN_MS, LOOKBACK_MS, DAY_MS = 10_000, 180_000, 86_400_000
INVALID = Item(None, "unscored", "score")


def item(shown: State | None) -> Item:
    return Item(shown) if shown is not None else GONE


def observe(
    target: Hub[str], found: Item, *, key: Key = KEY, consistent: bool = False, began_ms: int = NOW_MS
) -> Outcome:
    return target.observe(
        [(key, found)], began_ms=began_ms, as_of=target.ledger.revision, consistent=consistent, now_ms=began_ms
    )


def test_what_a_query_finds_first_is_told_without_saying_when_it_was_committed_and_dated_now() -> None:
    target = hub()
    outcome = observe(target, item(state("positive", "AAPL", "MSFT")))
    assert (outcome.updates, outcome.fetched) == (2, [KEY])
    assert [data["committed_at"] for _, data in said(target.take_pending())] == [None, None]
    assert target.history.dated_after(NOW_MS - 1) == 0
    assert target.history.dated_after(NOW_MS) == 2
    assert observe(target, item(state("positive", "AAPL", "MSFT"))).known == 1


def test_what_contradicts_is_asked_for_and_told_once_read_consistently() -> None:
    target = hub()
    publish(target, change(state("positive"), 1))
    assert observe(target, item(state("negative"))).read_again == [KEY]
    outcome = observe(target, item(state("negative")), consistent=True)
    assert (outcome.updates, outcome.fetched, outcome.read_again) == (1, [KEY], [])
    assert observe(target, GONE, consistent=True).withdrawals == 1
    assert target.ledger.published_state(KEY) is None


def test_an_item_that_is_no_event_counts_as_published_and_is_named_once() -> None:
    target = hub()
    assert observe(target, INVALID).invalid == [(KEY, INVALID)]
    assert observe(target, INVALID).invalid == []
    assert observe(target, INVALID, consistent=True).invalid == []
    assert observe(target, INVALID).fetched == []
    assert target.newest == 0


def test_an_invalid_item_that_was_learnt_is_not_named_by_each_query_anew() -> None:
    target = hub()
    target.backfill([(KEY, INVALID)], NOW_MS - DAY_MS, remember=("", "9"), now_ms=NOW_MS)
    assert [len(observe(target, INVALID).invalid) for _ in range(3)] == [0, 0, 0]


def test_an_item_that_becomes_invalid_is_withdrawn() -> None:
    target = hub()
    publish(target, change(state("positive"), 1))
    outcome = observe(target, INVALID, consistent=True)
    assert (outcome.withdrawals, outcome.invalid) == (1, [])


def test_missing_is_what_is_shown_and_was_published_before_the_margin_and_not_found() -> None:
    target = hub()
    keys = [Key(f"wire:{number}", iso_time(NOW_MS - number * 1_000)) for number in range(5)]
    for number, key in enumerate(keys):
        publish(target, change(state("positive"), number + 1, key=key))
    publish(target, change(None, 9, key=keys[4]))
    since = iso_time(NOW_MS - 3_500)
    settled = NOW_MS + MARGIN_MS + 1
    assert target.missing(set(), since=since, began_ms=NOW_MS + MARGIN_MS) == [], "the index may lag"
    assert target.missing({keys[1]}, since=since, began_ms=settled) == [keys[0], keys[2], keys[3]], "oldest first"
    assert target.missing(set(), since=keys[2].timestamp, began_ms=settled) == [keys[0], keys[1]]
    assert target.missing(set(), since=since, began_ms=settled) == [keys[0], keys[1], keys[2], keys[3]], "a query"
    target.proved(settled, NOW_MS - 2_000, ended_ms=settled)
    assert target.missing(set(), since=since, began_ms=settled) == [keys[0], keys[1]], "what is over is let go of"


def test_nothing_is_proved_and_nothing_covered_before_the_first_query() -> None:
    target = hub()
    assert (target.watermark_ms, target.covered_since_ms) == (0, None)


def test_a_query_proves_up_to_its_start_less_the_margin() -> None:
    target = hub()
    target.proved(NOW_MS, NOW_MS - LOOKBACK_MS, ended_ms=NOW_MS)
    assert target.watermark_ms == NOW_MS - MARGIN_MS
    assert target.covered_since_ms == NOW_MS - LOOKBACK_MS + LATENESS_MS
    assert target.place().time_ms == NOW_MS - MARGIN_MS


def test_queries_that_leave_no_hole_keep_what_is_covered() -> None:
    target = hub()
    target.proved(NOW_MS, NOW_MS - LOOKBACK_MS, ended_ms=NOW_MS)
    covered = target.covered_since_ms
    target.proved(NOW_MS + 15_000, NOW_MS + 15_000 - LOOKBACK_MS, ended_ms=NOW_MS + 15_000)
    target.proved(NOW_MS + 3_600_000, NOW_MS + 15_000 - LATENESS_MS - MARGIN_MS, ended_ms=NOW_MS + 3_600_000)
    assert target.covered_since_ms == covered
    assert target.watermark_ms == NOW_MS + 3_600_000 - MARGIN_MS


def test_a_hole_between_two_queries_begins_what_is_covered_anew() -> None:
    target = hub()
    target.proved(NOW_MS, NOW_MS - LOOKBACK_MS, ended_ms=NOW_MS)
    later = NOW_MS + 2 * DAY_MS
    target.proved(later, later - DAY_MS, ended_ms=later)
    assert target.covered_since_ms == later - DAY_MS + LATENESS_MS
    edge = NOW_MS - MARGIN_MS - LATENESS_MS
    for since_ms, covered in ((edge, NOW_MS - LOOKBACK_MS + LATENESS_MS), (edge + 1, NOW_MS - MARGIN_MS + 1)):
        target = hub()
        target.proved(NOW_MS, NOW_MS - LOOKBACK_MS, ended_ms=NOW_MS)
        target.proved(later, since_ms, ended_ms=later)
        assert target.covered_since_ms == covered, "the index may not have shown what was written in the margin"


def test_a_clock_set_back_sets_the_watermark_back() -> None:
    target = hub()
    target.proved(NOW_MS, NOW_MS - LOOKBACK_MS, ended_ms=NOW_MS)
    covered = target.covered_since_ms
    back = NOW_MS - 7_200_000
    target.proved(back, back - LOOKBACK_MS, ended_ms=back)
    assert target.watermark_ms == back - MARGIN_MS, "it claims nothing of the time that it did not see"
    assert target.covered_since_ms == covered
    target.proved(MARGIN_MS - 1, -LOOKBACK_MS, ended_ms=MARGIN_MS - 1)
    assert target.watermark_ms == 0


def test_what_is_learnt_is_counted_and_told_to_nobody() -> None:
    target = hub()
    old = Key("wire:9", iso_time(NOW_MS - 7_200_000))
    rows = [(KEY, item(state("positive"))), (old, item(state("negative")))]
    edge = iso_time(NOW_MS - 3_600_000)
    assert target.backfill(rows, NOW_MS - DAY_MS, remember=(edge, "9"), now_ms=NOW_MS)
    assert target.newest == 0
    assert [target.ledger.knows(key) for key in (KEY, old)] == [True, False]
    metrics = target.window.metrics(NOW_MS)
    assert (metrics.total, metrics.positive, metrics.negative) == (2, 1, 1)
    assert metrics.since == iso_time(NOW_MS - DAY_MS)


def test_what_is_remembered_lies_after_the_first_and_up_to_the_second_timestamp() -> None:
    target = hub()
    keys = [Key(f"wire:{number}", iso_time(NOW_MS + number)) for number in range(5)]
    target.backfill(
        [(key, item(state("positive"))) for key in keys],
        NOW_MS - DAY_MS,
        remember=(keys[1].timestamp, keys[3].timestamp),
        now_ms=NOW_MS,
    )
    assert [target.ledger.knows(key) for key in keys] == [False, False, True, True, False]


def test_what_the_hub_knows_better_is_counted_as_it_knows_it() -> None:
    target = hub()
    old = Key("wire:9", iso_time(NOW_MS - 7_200_000))
    publish(target, change(state("negative"), 5, key=old), change(None, 6, key=KEY, before=state("positive")))
    target.backfill(
        [(old, item(state("positive"))), (KEY, item(state("positive")))], 0, remember=("", "9"), now_ms=NOW_MS
    )
    metrics = target.window.metrics(NOW_MS)
    assert (metrics.total, metrics.negative) == (1, 1)


def test_a_record_of_a_learnt_item_is_told_and_a_query_that_finds_it_is_not() -> None:
    target = hub()
    target.backfill([(KEY, item(state("positive", "AAPL", "MSFT")))], 0, remember=("", "9"), now_ms=NOW_MS)
    assert observe(target, item(state("positive", "AAPL", "MSFT"))).updates == 0
    assert target.missing(set(), since="", began_ms=NOW_MS + DAY_MS) == []
    record = change(state("positive", "AAPL", "MSFT"), 3, before=state("positive", "AAPL"))
    target.publish([record], dated_ms=NOW_MS, now_ms=NOW_MS)
    assert [data["ticker"] for _, data in said(target.take_pending())] == ["AAPL", "MSFT"]


def test_the_correction_of_a_learnt_item_is_told_whole_and_withdraws_what_it_showed() -> None:
    target = hub()
    target.backfill([(KEY, item(state("positive", "AAPL", "MSFT")))], 0, remember=("", "9"), now_ms=NOW_MS)
    observe(target, item(state("positive", "AAPL")), consistent=True)
    assert [(name, data["ticker"]) for name, data in said(target.take_pending())] == [
        ("sentiment_withdrawn", "MSFT"),
        ("sentiment_update", "AAPL"),
    ]


@pytest.mark.parametrize("consistent", [True, False])
def test_the_hub_tells_what_a_read_could_not_decide_however_it_was_read(consistent: bool) -> None:
    target = hub()
    publish(target, change(state("positive"), 1))
    as_of = target.ledger.revision
    publish(target, change(state("neutral"), 2))
    rows = [(KEY, item(state("positive")))]
    outcome = target.observe(rows, began_ms=NOW_MS, as_of=as_of, consistent=consistent, now_ms=NOW_MS)
    assert outcome.read_again == [KEY]
    assert target.ledger.published_state(KEY) == state("neutral")


def test_the_record_of_what_a_read_brought_withdraws_what_the_read_could_not_know_of() -> None:
    made = hub()
    made.observe([(KEY, Item(state("negative", "AAPL")))], began_ms=NOW_MS, as_of=0, consistent=False, now_ms=NOW_MS)
    made.take_pending()
    record = change(state("negative", "AAPL"), 2, before=state("positive", "AAPL", "MSFT"))
    outcome = made.publish([record], dated_ms=NOW_MS, now_ms=NOW_MS)
    assert (outcome.updates, outcome.withdrawals) == (0, 1)
    (frame,) = made.take_pending()
    assert frame.ticker == "MSFT"
    assert b"ticker_removed" in frame.data
    made.publish([record], dated_ms=NOW_MS, now_ms=NOW_MS)
    assert not made.take_pending(), "once"


def test_a_record_that_comes_again_does_not_take_back_what_a_read_brought() -> None:
    made = hub()
    second = change(state("positive"), 2, before=state("neutral"))
    made.publish([change(state("neutral"), 1), second], dated_ms=NOW_MS, now_ms=NOW_MS)
    as_of = made.ledger.revision
    made.observe([(KEY, Item(state("negative")))], began_ms=NOW_MS, as_of=as_of, consistent=True, now_ms=NOW_MS)
    made.take_pending()
    made.publish([second], dated_ms=NOW_MS, now_ms=NOW_MS)
    assert not made.take_pending()


def test_after_a_change_that_comes_late_nothing_later_is_claimed_until_a_query_has_looked() -> None:
    made = hub()
    made.proved(NOW_MS, NOW_MS - 180_000, ended_ms=NOW_MS)
    for seq, committed_at in ((1, NOW_MS // 1000), (2, NOW_MS // 1000 - 60), (3, NOW_MS // 1000)):
        late = change(state(score=f"0.{seq}"), seq, committed_at=committed_at)
        made.publish([late], dated_ms=NOW_MS, now_ms=NOW_MS + 10)
    assert [frame.time_ms for frame in made.take_pending()] == [NOW_MS - 10_000, NOW_MS - 70_000, NOW_MS - 70_000]
    made.proved(NOW_MS + 5, NOW_MS - 180_000, ended_ms=NOW_MS + 5)
    assert made.watermark_ms == NOW_MS - 70_000, "that query may have looked before"
    made.proved(NOW_MS + 11, NOW_MS - 180_000, ended_ms=NOW_MS + 11)
    assert made.watermark_ms == NOW_MS - 9_989


def test_what_a_read_withdrew_its_record_does_not_withdraw_again() -> None:
    made = hub()
    made.publish([change(state("positive", "AAPL", "MSFT"), 1)], dated_ms=NOW_MS, now_ms=NOW_MS)
    truth = [(KEY, Item(state("positive", "AAPL")))]
    made.observe(truth, began_ms=NOW_MS, as_of=made.ledger.revision, consistent=True, now_ms=NOW_MS)
    assert made.take_pending()[-1].ticker == "MSFT"
    record = change(state("positive", "AAPL"), 2, before=state("positive", "AAPL", "MSFT"))
    made.publish([record], dated_ms=NOW_MS, now_ms=NOW_MS)
    assert not made.take_pending()


def test_items_that_queries_are_to_find_are_kept_no_longer_than_the_ledger_keeps_them() -> None:
    target: Hub[str] = Hub(
        run=1, ledger=Ledger(limit=10, least_ms=60_000), history=History(), window=Window(NOW_MS), margin_ms=10_000
    )
    keys = [Key(f"wire:{number}", iso_time(NOW_MS + number * 1_000)) for number in range(1_000)]
    for number, key in enumerate(keys):  # no query succeeds meanwhile
        now_ms = NOW_MS + number * 1_000
        target.publish([change(state(), number, key=key)], dated_ms=now_ms, now_ms=now_ms)
        target.expire(now_ms)
    assert len(target._recent) == len(target.ledger) == 61
    since, began_ms = iso_time(NOW_MS), NOW_MS + 2_000_000
    assert target.missing(set(), since=since, began_ms=began_ms) == keys[-61:], "what is kept is still looked for"


def test_the_backfill_brings_back_nothing_that_the_ttl_has_deleted_meanwhile() -> None:
    for known in (True, False):
        target = hub()
        if known:
            publish(target, change(state(), 1))
        publish(target, change(None, 2, before=state(), absence="expired"))
        target.backfill([(KEY, item(state()))], NOW_MS - 600_000, remember=("", "9"), now_ms=NOW_MS)
        assert target.window.get(KEY) is None
        as_of = target.ledger.revision
        lagging = target.observe([(KEY, item(state()))], began_ms=NOW_MS, as_of=as_of, consistent=False, now_ms=NOW_MS)
        assert (lagging.updates, lagging.read_again) == (0, [] if known else [KEY])


def test_a_deletion_by_ttl_that_only_a_read_notices_leaves_the_window_until_the_item_returns() -> None:
    target, shown = hub(), state()

    def read(item: Item, began_ms: int) -> None:
        as_of = target.ledger.revision
        target.observe([(KEY, item)], began_ms=began_ms, as_of=as_of, consistent=True, now_ms=began_ms)

    read(Item(shown, expires_at=NOW_MS // 1000), NOW_MS)
    target.take_pending()
    read(GONE, NOW_MS + 60_000)
    assert (target.take_pending(), target.window.get(KEY)) == ([], None)
    read(Item(shown, expires_at=NOW_MS // 1000 + 600), NOW_MS + 90_000)
    assert target.window.get(KEY) == shown
    repeated = change(None, 1, before=shown, absence="expired", committed_at=NOW_MS // 1000 + 200)
    publish(target, repeated)
    assert target.window.get(KEY) is None
    read(Item(shown, expires_at=NOW_MS // 1000 + 600), NOW_MS + 300_000)
    publish(target, repeated)
    assert target.window.get(KEY) == shown, "a repeated record is older than the read"


def test_a_deletion_by_ttl_is_no_event_and_leaves_the_window_until_the_item_returns() -> None:
    target = hub()
    publish(target, change(state(), 1))
    frames = len(target.take_pending())
    publish(target, change(None, 2, before=state(), absence="expired"))
    assert target.window.get(KEY) is None
    assert target.window.metrics(NOW_MS).total == 0
    publish(target, change(state(), 1))
    assert target.window.get(KEY) is None, "an old record comes again"
    publish(target, change(state(), 3))
    assert target.window.get(KEY) == state()
    assert (frames, target.take_pending()) == (1, [])
    unknown = hub()
    unknown.backfill([(KEY, item(state()))], NOW_MS - 600_000, remember=("9", "9"), now_ms=NOW_MS)
    publish(unknown, change(None, 2, before=state(), absence="expired"))
    assert unknown.window.get(KEY) is None, "the ledger does not know it, the window does"


def test_its_memory_is_complete_where_push_or_the_last_query_brought_every_change() -> None:
    target = hub()
    target.window = Window(NOW_MS - 86_400_000)
    assert target.complete_after(0, NOW_MS) is None, "no query yet"
    target.proved(NOW_MS, NOW_MS - 7_200_000, ended_ms=NOW_MS)
    assert target.complete_after(0, NOW_MS) == iso_time(NOW_MS - 7_200_000)
    assert target.complete_after(NOW_MS - 600_000, NOW_MS) == iso_time(NOW_MS - 600_000)
    recent = iso_time(NOW_MS - 10_000 - LATENESS_MS)
    assert target.complete_after(None, NOW_MS) == recent
    assert target.complete_after(NOW_MS, NOW_MS) == recent, "what the query proved is proven"
