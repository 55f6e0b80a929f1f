"""Where a stream begins after a place of another run: exactly the rules of the module's docstring."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from streamer.change import LATENESS_MS, Key, iso_time
from streamer.hub.filters import Filter
from streamer.hub.hub import Hub
from streamer.hub.resume import Request, Start
from streamer.place import Place
from tests.factories import NOW_MS, change, hub, state

MINE, OTHER = 5, 6
VIEWED_MS = NOW_MS - 600_000


def running(**history: int) -> Hub[str]:
    """A run that began ten minutes ago, with an entry for each of them, numbered from 1, the oldest first."""
    target = hub(run=MINE, **history)
    target.proved(VIEWED_MS - 3_000, VIEWED_MS - 183_000, ended_ms=VIEWED_MS)
    assert target.viewed_ms == VIEWED_MS
    for number in range(1, 11):
        dated_ms = VIEWED_MS + number * 60_000
        key = Key(f"wire:{number}", iso_time(dated_ms))
        target.publish([change(state(), 1, key=key)], dated_ms=dated_ms, now_ms=dated_ms)
    return target


def begin(target: Hub[str], time_ms: int, *, run: int = OTHER, frame: int = 7) -> Start:
    """Where it begins; from where on everything is sent is another matter."""
    return replace(target.begin(Request(str(Place(time_ms, run, frame))), NOW_MS), after_ms=None, came_ms=0)


def sent(target: Hub[str], time_ms: int) -> list[str]:
    """The items that a client is sent that comes with another run's place of this time."""
    start = target.begin(Request(str(Place(time_ms, OTHER, 7))), NOW_MS)
    frames = list(target.missed(Filter(), start, start.cursor))
    assert target.missed_count(Filter(), start) == len(frames)
    return [json.loads(frame.data.split(b"data: ")[1])["source_id"] for frame in frames]


def test_of_the_two_minutes_before_only_what_can_be_made_again_unseen_is_sent() -> None:
    target = running()
    for number, updated_at in ((11, "2026-11-22T14:56:39.000Z"), (12, None)):
        key = Key(f"wire:{number}", iso_time(NOW_MS))
        made = change(state(updated_at=updated_at), 1, key=key)
        target.publish([made], dated_ms=NOW_MS, now_ms=NOW_MS)
    assert sent(target, NOW_MS) == ["wire:9", "wire:10", "wire:12"], "dated exactly then: it has that"
    assert sent(target, NOW_MS - 1)[-2:] == ["wire:11", "wire:12"], "dated after: everything"


def test_a_withdrawal_is_sent_again_as_what_has_no_version() -> None:
    target = running()
    key = Key("wire:11", iso_time(NOW_MS))
    dated = change(state(updated_at="2026-11-22T14:56:39.000Z"), 1, key=key)
    target.publish([dated, change(None, 2, key=key)], dated_ms=NOW_MS, now_ms=NOW_MS)
    assert sent(target, NOW_MS)[-1] == "wire:11"


def test_a_place_of_another_run_gets_all_that_is_dated_after_its_time_less_two_minutes() -> None:
    target = running()
    time_ms = VIEWED_MS + 5 * 60_000
    assert begin(target, time_ms) == Start("resumed", 3), "the third is dated two minutes before, so not after"
    assert begin(target, time_ms - 1) == Start("resumed", 2)
    assert begin(target, time_ms, frame=10**9) == Start("resumed", 3), "another run's number says nothing"


def test_a_place_of_another_run_that_is_newer_than_all_here_gets_the_last_two_minutes() -> None:
    assert begin(running(), NOW_MS) == Start("resumed", 8)


def test_before_its_first_complete_query_a_run_knows_no_deletions() -> None:
    target = running()
    assert begin(target, VIEWED_MS) == Start("resumed", 0)
    assert begin(target, VIEWED_MS - 1) == Start("reset", 0, "began_later")
    assert target.covered_since_ms is not None
    assert begin(target, target.covered_since_ms).reason == "began_later", "it has the changes, not the deletions"
    target.viewed_ms = None
    assert begin(target, NOW_MS) == Start("reset", 0, "began_later")


def test_what_was_evicted_is_said_before_what_was_not_seen() -> None:
    target = running(keep_ms=330_000)
    target.history.expire(NOW_MS)
    assert begin(target, VIEWED_MS - 1).reason == "too_old"


def test_a_place_without_proof_is_a_reset_on_every_run_but_its_own() -> None:
    target = running()
    assert begin(target, 0) == Start("reset", 0, "too_old")
    assert begin(target, 0, run=MINE) == Start("resumed", 7)


def test_what_was_evicted_is_not_resumed_over() -> None:
    target = running(keep_ms=330_000)
    target.history.expire(NOW_MS)
    evicted = target.history.evicted_through
    assert evicted == 4
    edge_ms = VIEWED_MS + evicted * 60_000 + LATENESS_MS
    assert begin(target, edge_ms) == Start("resumed", evicted)
    assert begin(target, edge_ms - 1) == Start("reset", evicted, "too_old")


def test_an_entry_that_was_evicted_early_but_dated_late_counts_with_its_date() -> None:
    target = hub(run=MINE, keep_ms=100)
    target.proved(VIEWED_MS - 3_000, VIEWED_MS - 183_000, ended_ms=VIEWED_MS)
    target.publish([change(state(), 1)], dated_ms=NOW_MS, now_ms=NOW_MS - 200)
    target.publish([change(state("neutral"), 2)], dated_ms=NOW_MS - 60_000, now_ms=NOW_MS)
    target.history.expire(NOW_MS)
    assert begin(target, NOW_MS + LATENESS_MS // 3).reason == "too_old"


def test_a_hole_in_what_this_run_saw_begins_its_knowledge_anew() -> None:
    target = running()
    later = NOW_MS + 2 * 86_400_000
    target.proved(later, later - 86_400_000, ended_ms=later + 5)
    for time_ms, reason in ((NOW_MS, "began_later"), (later + 4, "began_later"), (later + 5, None)):
        assert target.begin(Request(str(Place(time_ms, OTHER, 1))), later).reason == reason


@pytest.mark.parametrize(("ahead_ms", "reason"), [(60_000, None), (60_001, "future")])
def test_clocks_may_differ_by_a_minute(ahead_ms: int, reason: str | None) -> None:
    assert begin(running(), NOW_MS + ahead_ms).reason == reason


def test_a_place_of_this_run_asks_for_no_time_and_no_cover() -> None:
    target = running()
    target.viewed_ms = None
    assert begin(target, NOW_MS + 10**9, run=MINE, frame=9) == Start("resumed", 9)
    assert begin(target, 0, run=MINE, frame=11) == Start("reset", 0, "future")


def test_what_was_overtaken_and_is_older_is_not_sent_again() -> None:
    target = hub(run=MINE)
    target.proved(VIEWED_MS - 3_000, VIEWED_MS - 183_000, ended_ms=VIEWED_MS)
    for seq, label in enumerate(("positive", "negative"), 1):
        target.publish([change(state(label), seq)], dated_ms=NOW_MS - 5_000, now_ms=NOW_MS)
    assert sent(target, NOW_MS - 4_000) == ["wire:1"], "its last word"
    assert sent(target, NOW_MS - 6_000) == ["wire:1", "wire:1"], "dated after: all of it"


def test_a_fresh_stream_that_asks_for_the_last_seconds_gets_last_words_from_before_as_well() -> None:
    target = running()
    start = target.begin(Request(replay_ms=60_000), NOW_MS)
    frames = [frame.number for frame in target.missed(Filter(), start, start.cursor)]
    assert frames == [8, 9, 10], "dated within three minutes: they carry no updated_at"
