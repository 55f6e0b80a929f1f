from __future__ import annotations

import tracemalloc

from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.change import Change, Item, Key, State
from streamer.hub.ledger import Answer, Ledger, TableReading
from tests.factories import KEY, NOW_MS, change, state

POSITIVE, NEUTRAL, NEGATIVE = state("positive"), state("neutral"), state("negative")
NOW_S = NOW_MS // 1000


def reading(shown: State | None, *, began_ms: int = NOW_MS, as_of: int = 0, consistent: bool = True) -> TableReading:
    return TableReading(KEY, Item(shown, None if shown else "deleted"), began_ms, as_of, consistent)


def test_a_newer_record_that_shows_something_else_is_published() -> None:
    ledger = Ledger()
    assert ledger.observe_record(change(POSITIVE, 1), NOW_MS).answer is Answer.PUBLISH
    assert ledger.observe_record(change(NEGATIVE, 2, before=POSITIVE), NOW_MS).answer is Answer.PUBLISH
    assert ledger.observe_record(change(POSITIVE, 3, before=NEGATIVE), NOW_MS).answer is Answer.PUBLISH
    assert ledger.published_state(KEY) == POSITIVE


def test_a_repeat_is_known_and_an_older_record_is_stale() -> None:
    ledger = Ledger()
    ledger.observe_record(change(POSITIVE, 1), NOW_MS)
    ledger.observe_record(change(NEGATIVE, 3), NOW_MS)
    assert ledger.observe_record(change(NEGATIVE, 3), NOW_MS).answer is Answer.KNOWN
    assert ledger.observe_record(change(NEUTRAL, 2), NOW_MS).answer is Answer.STALE
    assert ledger.published_state(KEY) == NEGATIVE


def test_sequence_numbers_are_compared_as_integers() -> None:
    ledger = Ledger()
    ledger.observe_record(change(POSITIVE, 999), NOW_MS)
    assert ledger.observe_record(change(NEGATIVE, 1000), NOW_MS).answer is Answer.PUBLISH


def test_a_record_that_shows_nothing_new_still_takes_its_place_in_the_order() -> None:
    ledger = Ledger()
    ledger.observe_record(change(POSITIVE, 1), NOW_MS)
    assert ledger.observe_record(change(POSITIVE, 5), NOW_MS).answer is Answer.KNOWN
    assert ledger.observe_record(change(NEGATIVE, 3), NOW_MS).answer is Answer.STALE


def test_a_first_record_that_changed_nothing_visible_does_not_hide_the_item_from_a_query() -> None:
    ledger = Ledger()
    assert ledger.observe_record(change(POSITIVE, 2, before=POSITIVE), NOW_MS).answer is Answer.KNOWN
    assert ledger.published_state(KEY) is None
    assert ledger.observe_reading(reading(POSITIVE, consistent=False), NOW_MS).answer is Answer.PUBLISH


def test_a_ttl_delete_withdraws_nothing() -> None:
    ledger = Ledger()
    ledger.observe_record(change(POSITIVE, 1), NOW_MS)
    assert ledger.observe_record(change(None, 2, absence="expired"), NOW_MS).answer is Answer.KNOWN
    assert ledger.published_state(KEY) == POSITIVE
    assert Ledger().observe_record(change(None, 2, absence="expired", before=POSITIVE), NOW_MS).answer is Answer.KNOWN


def test_a_deletion_of_an_item_the_ledger_never_saw_is_published_if_it_was_visible() -> None:
    assert Ledger().observe_record(change(None, 2, before=POSITIVE), NOW_MS).answer is Answer.PUBLISH
    assert Ledger().observe_record(change(None, 2, before=None), NOW_MS).answer is Answer.KNOWN


def test_an_insert_that_comes_after_its_deletion_is_stale() -> None:
    ledger = Ledger()
    ledger.observe_record(change(None, 2, before=POSITIVE), NOW_MS)
    assert ledger.observe_record(change(POSITIVE, 1), NOW_MS).answer is Answer.STALE


def test_the_index_is_believed_about_what_is_unknown_and_never_against_what_was_published() -> None:
    ledger = Ledger()
    assert ledger.observe_reading(reading(POSITIVE, consistent=False), NOW_MS).answer is Answer.PUBLISH
    assert ledger.observe_reading(reading(POSITIVE, consistent=False), NOW_MS).answer is Answer.KNOWN
    assert ledger.observe_reading(reading(NEGATIVE, consistent=False), NOW_MS).answer is Answer.READ_AGAIN
    assert ledger.published_state(KEY) == POSITIVE


def test_a_consistent_read_is_the_truth_unless_the_hub_has_moved_on() -> None:
    ledger = Ledger()
    ledger.observe_record(change(POSITIVE, 1), NOW_MS)
    before = ledger.revision
    ledger.observe_record(change(NEUTRAL, 2), NOW_MS)
    assert ledger.observe_reading(reading(NEGATIVE, as_of=before), NOW_MS).answer is Answer.READ_AGAIN
    assert ledger.observe_reading(reading(NEGATIVE, as_of=ledger.revision), NOW_MS).answer is Answer.PUBLISH
    assert ledger.published_state(KEY) == NEGATIVE


def test_a_record_committed_well_before_a_consistent_read_began_is_older_than_it() -> None:
    ledger = Ledger()
    ledger.observe_reading(reading(NEGATIVE, began_ms=NOW_MS), NOW_MS + 20)
    assert ledger.observe_record(change(POSITIVE, 7, committed_at=NOW_S - 3), NOW_MS + 100).answer is Answer.STALE


def test_a_record_committed_well_after_a_read_is_newer_and_in_between_nobody_knows() -> None:
    ledger = Ledger()
    ledger.observe_reading(reading(NEGATIVE, began_ms=NOW_MS), NOW_MS + 20)
    assert ledger.observe_record(change(POSITIVE, 7, committed_at=NOW_S), NOW_MS + 100).answer is Answer.READ_AGAIN
    assert ledger.published_state(KEY) == NEGATIVE
    assert ledger.observe_record(change(POSITIVE, 8, committed_at=NOW_S + 3), NOW_MS + 3500).answer is Answer.PUBLISH


def test_the_index_proves_nothing_against_a_record_that_was_committed_long_before() -> None:
    ledger = Ledger()
    ledger.observe_reading(reading(NEGATIVE, consistent=False), NOW_MS + 20)
    assert ledger.observe_record(change(POSITIVE, 7, committed_at=NOW_S - 60), NOW_MS + 100).answer is Answer.READ_AGAIN


def test_items_are_forgotten_by_age_and_beyond_the_limit_but_never_before_the_catch_up() -> None:
    ledger = Ledger(keep_ms=1000, least_ms=100, limit=2)
    for number in range(4):
        ledger.observe_record(change(POSITIVE, 1, key=Key(str(number), KEY.timestamp)), NOW_MS + number)
    ledger.expire(NOW_MS + 100)
    assert len(ledger) == 4
    ledger.expire(NOW_MS + 105)
    assert len(ledger) == 2
    ledger.expire(NOW_MS + 1004)
    assert len(ledger) == 0


@st.composite
def interleavings(draw: st.DrawFn) -> tuple[dict[Key, State | None], list[Change]]:
    """A few items' true histories, delivered at least once each in any order; and where each item ended."""
    end: dict[Key, State | None] = {}
    records: list[Change] = []
    seq = 0
    for number in range(draw(st.integers(1, 3))):
        key = Key(f"item:{number}", KEY.timestamp)
        before: State | None = None
        for after in draw(st.lists(st.sampled_from([POSITIVE, NEUTRAL, NEGATIVE, None]), min_size=1, max_size=6)):
            seq += 1
            records.append(change(after, seq, key=key, before=before))
            before = after
        end[key] = before
    repeats = draw(st.lists(st.sampled_from(records), max_size=6))
    return end, draw(st.permutations(records + repeats))


@given(interleavings())
def test_any_order_and_any_repeats_end_in_the_newest_state_of_each_item(
    history: tuple[dict[Key, State | None], list[Change]],
) -> None:
    end, delivered = history
    ledger = Ledger()
    for record in delivered:
        ledger.observe_record(record, NOW_MS)
    assert {key: ledger.published_state(key) for key in end} == end


def test_a_record_that_confirms_what_was_published_is_moving_on_too() -> None:
    ledger = Ledger()
    ledger.observe_record(change(POSITIVE, 1), NOW_MS)
    as_of = ledger.revision
    assert ledger.observe_record(change(POSITIVE, 3, before=NEGATIVE), NOW_MS + 50).answer is Answer.KNOWN
    assert ledger.observe_reading(reading(NEGATIVE, as_of=as_of), NOW_MS + 100).answer is Answer.READ_AGAIN
    assert ledger.observe_record(change(NEGATIVE, 2, before=POSITIVE), NOW_MS + 150).answer is Answer.STALE
    assert ledger.published_state(KEY) == POSITIVE


@st.composite
def mixed(draw: st.DrawFn) -> tuple[State | None, list[tuple[int, State | None]]]:
    """One item's states by commit second, a few seconds apart."""
    states = draw(st.lists(st.sampled_from([POSITIVE, NEUTRAL, NEGATIVE, None]), min_size=1, max_size=6))
    times = sorted(draw(st.sets(st.integers(0, 30), min_size=len(states), max_size=len(states))))
    timeline = list(zip(times, states, strict=True))
    return timeline[-1][1], timeline


@settings(max_examples=400)
@given(mixed(), st.data())
def test_records_and_reads_in_any_order_end_in_the_truth_once_everything_was_read_again(
    history: tuple[State | None, list[tuple[int, State | None]]], data: st.DataObject
) -> None:
    """Records are delayed and repeated at will; index reads lag, consistent ones take their time; what asks to be read
    again is. The ledger must end in the newest state."""
    end, timeline = history
    ledger = Ledger()
    deliveries: list[tuple[int, str, int]] = []
    for index, (second, _) in enumerate(timeline):
        for delay in data.draw(st.lists(st.integers(0, 20), min_size=1, max_size=2)):
            deliveries.append((second + delay, "record", index))
    for second in data.draw(st.lists(st.integers(0, 50), max_size=6)):
        deliveries.append((second, "index", data.draw(st.integers(0, 5))))
    for second in data.draw(st.lists(st.integers(0, 50), max_size=6)):
        deliveries.append((second, "read begins", 0))
        deliveries.append((second + data.draw(st.integers(0, 20)), "read ends", 0))

    def at(second: int) -> State | None:
        shown = [after for committed, after in timeline if committed <= second]
        return shown[-1] if shown else None

    def read(second: int) -> Answer:
        moment = NOW_MS + second * 1000
        return ledger.observe_reading(reading(at(second), began_ms=moment, as_of=ledger.revision), moment).answer

    reads: list[tuple[State | None, int, int]] = []  # what it saw, when it began, as of which revision
    for second, way, number in sorted(deliveries):
        moment = NOW_MS + second * 1000
        if way == "record":
            committed, after = timeline[number]
            before = timeline[number - 1][1] if number else None
            record = change(after, number + 1, before=before, committed_at=NOW_S + committed)
            answer = ledger.observe_record(record, moment).answer
        elif way == "index":
            lagging = at(second - number)
            if lagging is None:
                continue  # a query brings only items that it sees
            answer = ledger.observe_reading(reading(lagging, began_ms=moment, consistent=False), moment).answer
        elif way == "read begins":
            reads.append((at(second), moment, ledger.revision))
            continue
        elif reads:
            seen, began_ms, as_of = reads.pop(0)
            answer = ledger.observe_reading(reading(seen, began_ms=began_ms, as_of=as_of), moment).answer
        else:
            continue
        if answer is Answer.READ_AGAIN:
            assert read(second) is not Answer.READ_AGAIN
    assert ledger.published_state(KEY) == end


def learnt(shown: State | None = POSITIVE) -> Ledger:
    ledger = Ledger()
    ledger.remember(KEY, shown, NOW_MS)
    return ledger


def test_what_was_learnt_is_known_but_was_not_published() -> None:
    ledger = learnt()
    assert ledger.knows(KEY)
    assert ledger.published_state(KEY) is None
    assert (ledger.published_state(KEY), ledger.present_state(KEY, None)) == (None, POSITIVE)
    assert not ledger.published_before(KEY, NOW_MS + 10**9), "so that a query misses nothing if it is gone"


def test_learning_changes_nothing_of_what_is_known() -> None:
    ledger = Ledger()
    ledger.observe_record(change(POSITIVE, 1), NOW_MS)
    ledger.remember(KEY, NEGATIVE, NOW_MS)
    assert ledger.published_state(KEY) == POSITIVE


def test_a_query_does_not_publish_what_was_learnt_and_publishes_its_correction() -> None:
    ledger = learnt()
    for _ in range(2):
        assert ledger.observe_reading(reading(POSITIVE, consistent=False), NOW_MS).answer is Answer.KNOWN
    assert ledger.published_state(KEY) is None
    assert ledger.observe_reading(reading(NEGATIVE, consistent=False), NOW_MS).answer is Answer.READ_AGAIN
    assert ledger.observe_reading(reading(NEGATIVE, as_of=ledger.revision), NOW_MS).answer is Answer.PUBLISH
    assert ledger.published_state(KEY) == NEGATIVE


def test_a_record_that_made_what_was_learnt_is_published_once() -> None:
    ledger = learnt()
    assert ledger.observe_record(change(POSITIVE, 5, before=NEGATIVE), NOW_MS).answer is Answer.PUBLISH
    assert ledger.published_state(KEY) == POSITIVE
    assert ledger.observe_record(change(POSITIVE, 5, before=NEGATIVE), NOW_MS).answer is Answer.KNOWN
    assert ledger.observe_record(change(NEUTRAL, 4), NOW_MS).answer is Answer.STALE


def test_a_record_that_made_nothing_visible_of_what_was_learnt_is_known() -> None:
    ledger = learnt()
    assert ledger.observe_record(change(POSITIVE, 5, before=POSITIVE), NOW_MS).answer is Answer.KNOWN
    assert ledger.observe_record(change(None, 6, absence="expired"), NOW_MS).answer is Answer.KNOWN
    assert ledger.published_state(KEY) is None


def test_a_record_that_contradicts_what_was_learnt_is_read_again_and_then_published_either_way() -> None:
    for truth in (POSITIVE, NEGATIVE):
        ledger = learnt()
        assert ledger.observe_record(change(NEGATIVE, 5), NOW_MS).answer is Answer.READ_AGAIN
        assert ledger.observe_reading(reading(truth, as_of=ledger.revision), NOW_MS + 9).answer is Answer.PUBLISH
        assert ledger.published_state(KEY) == truth


def test_what_a_read_brought_is_confirmed_by_its_record() -> None:
    ledger = Ledger()
    assert ledger.confirmed(KEY), "nothing is waited for"
    ledger.observe_reading(reading(POSITIVE, consistent=False), NOW_MS)
    assert not ledger.confirmed(KEY)
    ledger.observe_record(change(POSITIVE, 1), NOW_MS)
    assert ledger.confirmed(KEY)


def test_what_a_read_brought_is_confirmed_by_a_record_that_overtook_it() -> None:
    ledger = Ledger()
    ledger.observe_reading(reading(POSITIVE, consistent=False), NOW_MS)
    assert ledger.observe_record(change(NEGATIVE, 2, committed_at=NOW_S + 60), NOW_MS + 60_000).answer is Answer.PUBLISH
    assert ledger.confirmed(KEY)


def test_an_older_record_confirms_nothing() -> None:
    ledger = Ledger()
    ledger.observe_reading(reading(NEGATIVE, began_ms=NOW_MS), NOW_MS + 20)
    assert ledger.observe_record(change(POSITIVE, 7, committed_at=NOW_S - 60), NOW_MS + 100).answer is Answer.STALE
    assert not ledger.confirmed(KEY)


def test_a_read_that_agrees_with_a_record_that_nobody_could_place_was_brought_by_push() -> None:
    for shown, by_push in ((NEGATIVE, True), (NEUTRAL, False)):
        ledger = Ledger()
        ledger.observe_reading(reading(POSITIVE, consistent=False), NOW_MS)
        assert ledger.observe_record(change(NEGATIVE, 2), NOW_MS).answer is Answer.READ_AGAIN
        assert ledger.observe_reading(reading(shown, as_of=ledger.revision), NOW_MS).answer is Answer.PUBLISH
        assert ledger.confirmed(KEY) is by_push


def test_what_push_published_needs_no_confirmation() -> None:
    ledger = Ledger()
    ledger.observe_record(change(POSITIVE, 1), NOW_MS)
    assert ledger.confirmed(KEY)
    ledger.observe_reading(reading(POSITIVE, as_of=ledger.revision), NOW_MS)
    assert ledger.confirmed(KEY)


def test_a_read_must_find_what_was_published_long_enough_before_unless_it_expired() -> None:
    ledger = Ledger()
    ledger.observe_record(change(POSITIVE, 1), NOW_MS)
    assert not ledger.published_before(KEY, NOW_MS)
    assert ledger.published_before(KEY, NOW_MS + 1)
    ledger.observe_record(change(None, 2, absence="expired"), NOW_MS)
    assert not ledger.published_before(KEY, NOW_MS + 10)
    ledger.observe_record(change(NEGATIVE, 3), NOW_MS + 1)
    assert ledger.published_before(KEY, NOW_MS + 10)
    ledger.observe_record(change(None, 4, before=NEGATIVE), NOW_MS + 2)
    assert not ledger.published_before(KEY, NOW_MS + 10)


def expiring(at_s: int | None, *, consistent: bool = False) -> TableReading:
    """The item with an expiry, as a query or a consistent read returns it."""
    return TableReading(KEY, Item(POSITIVE, expires_at=at_s), NOW_MS - 20_000, 10, consistent)


def gone(ledger: Ledger) -> TableReading:
    return reading(None, as_of=ledger.revision)


def test_an_expired_item_that_a_read_does_not_find_is_not_withdrawn_and_not_looked_for_again() -> None:
    for expires_at, answer in ((NOW_S, Answer.KNOWN), (NOW_S + 1, Answer.PUBLISH), (NOW_S - 10**9, Answer.PUBLISH)):
        ledger = Ledger()
        ledger.observe_record(change(POSITIVE, 1), NOW_MS - 60_000)
        ledger.observe_reading(expiring(expires_at), NOW_MS - 20_000)
        assert ledger.observe_reading(gone(ledger), NOW_MS).answer is answer
        assert not ledger.published_before(KEY, NOW_MS + 10)
        assert ledger.observe_reading(gone(ledger), NOW_MS).answer is Answer.KNOWN


def test_a_record_of_a_deletion_by_the_writer_counts_although_the_item_has_expired_since() -> None:
    ledger = Ledger()
    ledger.observe_record(change(POSITIVE, 1), NOW_MS - 60_000)
    ledger.observe_reading(expiring(NOW_S - 1), NOW_MS - 20_000)
    assert ledger.observe_reading(gone(ledger), NOW_MS).answer is Answer.KNOWN
    deleted = change(None, 2, before=POSITIVE, committed_at=NOW_S - 5)
    assert ledger.observe_record(deleted, NOW_MS).answer is Answer.PUBLISH
    ledger = Ledger()
    ledger.observe_reading(expiring(NOW_S - 1), NOW_MS)
    assert ledger.observe_record(deleted, NOW_MS).answer is Answer.READ_AGAIN
    assert ledger.observe_reading(gone(ledger), NOW_MS).answer is Answer.PUBLISH, "the record may be that deletion"


def test_the_expiry_is_the_last_that_was_read_and_an_index_without_it_takes_nothing_away() -> None:
    ledger = Ledger()
    for consistent, answer in ((False, Answer.KNOWN), (True, Answer.PUBLISH)):
        ledger.observe_reading(expiring(NOW_S - 1, consistent=True), NOW_MS)
        ledger.observe_reading(expiring(None, consistent=consistent), NOW_MS)
        assert ledger.observe_reading(gone(ledger), NOW_MS).answer is answer


def test_a_read_that_agrees_with_a_record_gives_it_its_place_in_the_order() -> None:
    ledger = Ledger()
    ledger.observe_reading(reading(NEGATIVE), NOW_MS + 20)
    assert ledger.observe_record(change(POSITIVE, 7, committed_at=NOW_S), NOW_MS + 100).answer is Answer.READ_AGAIN
    truth = reading(POSITIVE, began_ms=NOW_MS + 110, as_of=ledger.revision)
    assert ledger.observe_reading(truth, NOW_MS + 120).answer is Answer.PUBLISH
    assert ledger.confirmed(KEY)
    assert ledger.observe_record(change(NEUTRAL, 6, committed_at=NOW_S), NOW_MS + 200).answer is Answer.STALE


def test_a_record_from_long_before_the_read_did_not_make_what_was_read() -> None:
    ledger = Ledger(margin_ms=10_000)
    ledger.observe_reading(reading(NEGATIVE), NOW_MS + 20)
    assert ledger.observe_record(change(NEGATIVE, 5, committed_at=NOW_S - 60), NOW_MS + 100).answer is Answer.KNOWN
    assert ledger.observe_record(change(POSITIVE, 6, committed_at=NOW_S - 50), NOW_MS + 100).answer is Answer.STALE


def test_the_memory_of_a_full_ledger_stays_the_same_while_items_come_and_go() -> None:
    ledger, sizes = Ledger(limit=3_125, least_ms=0), []  # a 64th of the default
    tracemalloc.start()
    try:
        for number in range(20_000):
            now_ms = NOW_MS + number
            ledger.observe_record(change(POSITIVE, number, key=Key(f"wire:{number:05}", "")), now_ms)
            if number % 100 == 0:
                ledger.expire(now_ms)
            if number > 3_500 and number % 500 == 0:
                sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert len(ledger) == 3_125 + 19_999 % 100
    assert max(sizes) < 1.05 * min(sizes)
