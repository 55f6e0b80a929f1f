"""Poll: when it asks, how far back, what it reads again, and that nothing ends it but a cancel."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar

import pytest
from botocore.exceptions import NoRegionError
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.change import LATENESS_MS, Key, iso_time
from streamer.intake.failover import Failover, PushState
from streamer.intake.poll import FURTHEST_MS, GRACE, Poll, PollSettings
from streamer.intake.signals import Queried, QueryFailed, Signal
from tests.factories import NOW_MS, change, state
from tests.unit.intake.consumer import FakeConsumer
from tests.unit.intake.fakes import refusal
from tests.unit.tables.fakes import NAME, Attributes, FakeDynamo
from tests.virtual_loop import VirtualLoop

LOOKBACK_MS, MARGIN_MS = 180_000, 10_000
NEGATIVE: Attributes = {"sentiment": {"S": "negative"}}
QUERY = 3  # requests, one for each label

Kind = TypeVar("Kind", bound=Signal)


class Bench:
    """A Poll with a table, a hub, and all clocks in the test's hand."""

    def __init__(self, *, catchup: float = 3_600, alone: bool = False) -> None:
        self.loop = VirtualLoop()
        self.dynamo = FakeDynamo()
        self.consumer = FakeConsumer()
        self.signals: queue.SimpleQueue[Signal] = queue.SimpleQueue()
        self.skew_ms = 0
        self.pause = 0.0
        """Seconds that each pause lasts."""
        self.table = self.dynamo.table()
        self.failover = Failover(NOW_MS, alone=alone)
        self.poll = Poll(
            self.table,
            self.consumer,
            self,
            self.failover,
            PollSettings(
                interval=5, lookback=LOOKBACK_MS / 1000, catchup=catchup, window=catchup, margin=MARGIN_MS / 1000
            ),
            now=lambda: self.now_ms,
            jitter=self.jitter,
        )

    @property
    def now_ms(self) -> int:
        """The wall clock."""
        return NOW_MS + round(self.loop.time() * 1000) + self.skew_ms

    @now_ms.setter
    def now_ms(self, now_ms: int) -> None:
        self.skew_ms += now_ms - self.now_ms
        self.consumer.now_ms = self.now_ms

    @property
    def seconds(self) -> float:
        return 1_000.0 + self.loop.time()

    def every(self, seconds: float) -> None:
        """Sets the interval."""
        self.poll._settings = replace(self.poll._settings, interval=seconds)

    def hear(self, signal: Signal) -> None:
        self.signals.put(signal)

    def jitter(self, low: float, high: float) -> float:
        return self.pause if low == 0 else 1.0

    def idle(self) -> float:
        """Lets everything that is due happen; returns for how many seconds nothing is due then."""
        self.loop.settle()
        return self.loop.until_next()

    def advance(self, seconds: float) -> float:
        """Lets time pass at once; returns for how long nothing is due then."""
        self.consumer.now_ms = self.now_ms + round(seconds * 1000)
        self.loop.jump(seconds)
        return self.loop.until_next()

    def walked(self) -> None:
        """The backfill is over."""
        while not self.poll._backfill.done:
            self.advance(0.5)
        self.advance(0.5)

    def hears(self, kind: type[Kind]) -> Kind:
        signal = self.signals.get_nowait()
        assert isinstance(signal, kind), signal
        return signal

    def sinces(self) -> list[str]:
        """After which timestamp each query asked, once for each."""
        asked = [request["ExpressionAttributeValues"] for request in self.dynamo.asked("query")]
        return [values[":since"]["S"] for values in asked if ":since" in values][::QUERY]


@contextmanager
def running(bench: Bench, *, walked: bool = True) -> Iterator[Bench]:
    """Begins with the first query behind it."""
    bench.loop.create_task(bench.poll.run())
    try:
        bench.idle()
        if walked:
            bench.walked()
        yield bench
    finally:
        bench.loop.end()


def key(number: int, age_ms: int = 0) -> Key:
    return Key(f"wire:{number}", iso_time(NOW_MS - age_ms))


# When


def test_it_asks_at_once_and_then_at_the_interval_as_things_stand() -> None:
    with running(Bench()) as bench:
        assert bench.sinces() == [iso_time(NOW_MS - LOOKBACK_MS)]
        left = 1_005.0 - bench.seconds
        assert bench.advance(left - 0.1) == pytest.approx(0.1)
        assert len(bench.consumer.proofs) == 1
        bench.every(15.0)
        assert bench.advance(0.1) == pytest.approx(15.0)
        assert len(bench.consumer.proofs) == 2
        assert bench.advance(14.9) == pytest.approx(0.1)
        bench.every(5.0)
        assert bench.advance(0.1) == pytest.approx(5.0)
        assert len(bench.consumer.proofs) == 3


def test_soon_is_now_and_once() -> None:
    with running(Bench()) as bench:
        bench.poll.soon()
        assert bench.idle() == pytest.approx(5.0)
        assert len(bench.consumer.proofs) == 2
        bench.advance(0.1)
        assert len(bench.consumer.proofs) == 2


def test_each_query_that_was_taken_in_is_told() -> None:
    with running(Bench()) as bench:
        assert bench.hears(Queried) == Queried(NOW_MS, 0, judges=False), "what it brought was there before"
        bench.advance(5)
        assert bench.hears(Queried) == Queried(bench.now_ms, 0, judges=False), "there is nothing it could judge yet"
        bench.advance(5)
        assert bench.hears(Queried) == Queried(bench.now_ms, 0)


def test_what_was_written_before_a_new_queue_is_not_expected_of_it() -> None:
    with running(Bench()) as bench:
        bench.advance(5)
        bench.hears(Queried)
        bench.hears(Queried)
        bench.dynamo.put(key(1))
        bench.advance(5)
        assert bench.hears(Queried).fetched == 1
        bench.dynamo.put(key(2))
        bench.poll.queue_taken()
        bench.idle()
        assert bench.hears(Queried) == Queried(bench.now_ms, 0, fetched=1, judges=False)
        bench.dynamo.put(key(3))
        bench.advance(5)
        assert bench.hears(Queried) == Queried(bench.now_ms, 0, fetched=1, judges=False)
        bench.advance(5)
        assert bench.hears(Queried) == Queried(bench.now_ms, 1), "the third came after the queue, and not through it"


def test_where_there_is_no_queue_nothing_is_missed_by_one_and_no_hour_is_read_for_its_return() -> None:
    with running(Bench(alone=True, catchup=0), walked=False) as bench:
        for number in range(3):
            bench.dynamo.put(key(number, -5_000 * number))
            bench.advance(5)
        heard = [bench.hears(Queried) for _ in range(4)]
        assert [(one.fetched, one.missed) for one in heard] == [(0, 0), (1, 0), (1, 0), (1, 0)]
        assert [fetched for _, _, fetched in bench.consumer.proofs] == [[], [], [], []]
        assert bench.consumer.learnt == []
        assert len(bench.dynamo.asked("query")) == 4 * QUERY


def test_after_a_freeze_the_query_reaches_back_to_the_last_one_though_the_other_clock_stood_still() -> None:
    with running(Bench(alone=True, catchup=0), walked=False) as bench:
        bench.dynamo.put(key(1, -60_000))
        bench.now_ms += 7_200_000
        bench.poll.soon()
        bench.idle()
        assert bench.sinces()[-1] == iso_time(NOW_MS - LATENESS_MS - MARGIN_MS)
        assert bench.consumer.shown() == {key(1, -60_000)}
        assert bench.consumer.hub.covered_since_ms == NOW_MS - LOOKBACK_MS + LATENESS_MS, (
            "nothing is missing in between"
        )
        assert bench.consumer.hub.watermark_ms == bench.now_ms - MARGIN_MS


# How it ends


def test_a_cancel_ends_it_wherever_it_is_and_nobody_hears_of_that() -> None:
    for trouble in ([], [refusal("AccessDenied")]):
        bench = Bench()
        bench.pause = 3_600.0
        bench.dynamo.script["query"] = [*trouble]
        task = bench.loop.create_task(bench.poll.run())
        bench.idle()
        heard = bench.signals.qsize()
        task.cancel()
        bench.idle()
        assert task.cancelled()
        assert bench.signals.qsize() == heard == 1
        bench.loop.end()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (refusal("AccessDenied", "not on arn:aws:dynamodb:us-east-1:1:table/x"), "dynamodb:Query: AccessDenied"),
        (ZeroDivisionError("article text"), "ZeroDivisionError"),
    ],
)
def test_a_query_that_fails_is_told_in_safe_words_and_tried_again(error: Exception, words: str) -> None:
    bench = Bench()
    bench.dynamo.script["query"] = [error, error]
    with running(bench):
        assert [bench.hears(QueryFailed), bench.hears(QueryFailed)] == [QueryFailed(words)] * 2
        assert bench.hears(Queried)
        assert len(bench.consumer.proofs) == 1


def test_a_client_that_cannot_be_made_is_told_and_tried_again() -> None:
    bench = Bench()
    trouble = [NoRegionError(), NoRegionError()]

    def connect() -> FakeDynamo:
        if trouble:
            raise trouble.pop()
        return bench.dynamo

    bench.table._calls._client = connect  # type: ignore[assignment]
    with running(bench):
        told = [bench.hears(QueryFailed), bench.hears(QueryFailed)]
        assert told == [QueryFailed("dynamodb:Query: NoRegionError")] * 2
        assert bench.hears(Queried)


def test_a_bug_in_whoever_takes_the_rows_does_not_end_it() -> None:
    bench = Bench()
    bench.dynamo.put(key(1))
    bench.consumer.trouble = [ZeroDivisionError("bug")]
    with running(bench, walked=False):
        assert bench.hears(QueryFailed) == QueryFailed("ZeroDivisionError")
        assert bench.hears(Queried)
        bench.consumer.trouble = [ZeroDivisionError("bug")]
        bench.advance(0.5)  # in the walk
        bench.advance(20)
        assert bench.hears(Queried)
        bench.walked()


# What it hands over


def test_rows_are_handed_over_in_chunks() -> None:
    bench = Bench()
    for number in range(1_234):
        bench.dynamo.put(key(number, 1_000))
    with running(bench, walked=False):
        assert bench.consumer.chunks == [(500, False), (500, False), (234, False)]
        assert len(bench.consumer.shown()) == 1_234


def test_what_contradicts_is_read_consistently_before_the_query_counts() -> None:
    bench = Bench()
    bench.dynamo.put(key(1, 1_000))
    with running(bench):
        bench.dynamo.lagging[key(1, 1_000)] = {**bench.dynamo.items[key(1, 1_000)], **NEGATIVE}
        bench.advance(5)
        assert bench.consumer.chunks[-2:] == [(1, False), (1, True)]
        assert bench.consumer.hub.ledger.published_state(key(1, 1_000)) == state("positive"), (
            "the index is not believed"
        )
        (asked,) = bench.dynamo.asked("batch_get_item")
        assert asked["sentiment"]["ConsistentRead"] is True


def test_what_vanished_from_the_index_is_read_consistently() -> None:
    bench = Bench()
    for number in range(2):
        bench.dynamo.put(key(number, 1_000))
    with running(bench):
        del bench.dynamo.items[key(0, 1_000)]
        bench.dynamo.lagging[key(1, 1_000)] = None
        bench.advance(60)
        assert bench.consumer.hub.ledger.published_state(key(0, 1_000)) is None
        assert bench.consumer.hub.ledger.published_state(key(1, 1_000)) == state("positive")


def moving(bench: Bench, times: int) -> Callable[[], None]:
    """An item that push changes while it is read, so often."""
    seq = iter(range(1, times + 1))

    def move() -> None:
        number = next(seq, None)
        if number is not None:
            shown = state("neutral", score=f"0.{number}")
            record = change(shown, number, key=key(1, 1_000), committed_at=bench.now_ms // 1000 + 60)
            bench.consumer.hub.publish([record], dated_ms=bench.now_ms, now_ms=bench.now_ms)

    return move


def test_an_item_that_moves_on_while_it_is_read_is_read_up_to_five_times() -> None:
    bench = Bench()
    bench.dynamo.put(key(1, 1_000))
    with running(bench):
        bench.dynamo.items[key(1, 1_000)] = {**bench.dynamo.items[key(1, 1_000)], **NEGATIVE}
        bench.dynamo.before["batch_get_item"] = moving(bench, 4)
        bench.advance(5)
        assert [bench.hears(Queried).missed for _ in range(2)] == [0, 0], "none failed"
        assert len(bench.dynamo.asked("batch_get_item")) == 5
        assert len(bench.consumer.proofs) == 2
        assert bench.consumer.hub.ledger.published_state(key(1, 1_000)) == state("negative")


def test_a_query_with_an_item_that_cannot_be_settled_proves_nothing() -> None:
    bench = Bench()
    bench.dynamo.put(key(1, 1_000))
    with running(bench):
        bench.hears(Queried)
        bench.dynamo.items[key(1, 1_000)] = {**bench.dynamo.items[key(1, 1_000)], **NEGATIVE}
        bench.dynamo.before["batch_get_item"] = moving(bench, 5)
        began_ms, watermark_ms = bench.now_ms, bench.consumer.hub.watermark_ms

        def stop_moving() -> None:
            assert (len(bench.consumer.proofs), bench.consumer.hub.watermark_ms) == (1, watermark_ms)

        bench.dynamo.before["query"] = stop_moving
        bench.advance(5)
        assert bench.hears(QueryFailed) == QueryFailed("1 items change while they are read")
        assert bench.hears(Queried).began_ms >= began_ms
        assert len(bench.consumer.proofs) == 2


def test_what_the_first_query_brought_is_not_judged_and_what_a_later_one_did_is() -> None:
    bench = Bench()
    bench.dynamo.put(key(1, 1_000))
    with running(bench):
        bench.advance(5)
        assert [fetched for _, _, fetched in bench.consumer.proofs] == [[], []]
        bench.dynamo.put(key(2, 500))
        bench.dynamo.put(key(3, 500))
        bench.advance(5)
        bench.consumer.hub.publish([change(state(), 7, key=key(2, 500))], dated_ms=bench.now_ms, now_ms=bench.now_ms)
        bench.advance(5)
        assert bench.consumer.proofs[-1][2] == [key(2, 500), key(3, 500)]
        told = [bench.hears(Queried).missed for _ in range(4)]
        assert told == [0, 0, 0, 1], "push has brought one of the two"
        bench.advance(5)
        assert bench.hears(Queried).missed == 0, "each is counted once"


def test_what_the_index_shows_only_after_the_first_query_is_told_by_the_next() -> None:
    """However the walk back comes by in between, and push brings nothing."""
    bench = Bench()
    bench.dynamo.put(key(1, 100_000))
    bench.dynamo.lagging[key(1, 100_000)] = None
    with running(bench, walked=False):
        bench.dynamo.lagging.clear()
        bench.walked()
        assert not bench.consumer.shown()
        bench.advance(5)
        assert bench.consumer.shown() == {key(1, 100_000)}


# Single items


def test_items_asked_for_are_read_at_once_and_consistently() -> None:
    with running(Bench()) as bench:
        bench.dynamo.put(key(1, 10 * LOOKBACK_MS))
        bench.poll.read_soon([key(1, 10 * LOOKBACK_MS)])
        bench.idle()
        assert bench.consumer.chunks[-1] == (1, True)
        assert bench.consumer.shown() == {key(1, 10 * LOOKBACK_MS)}
        assert len(bench.consumer.proofs) == 1, "no query"


def test_items_asked_for_are_asked_for_again_if_the_read_fails() -> None:
    with running(Bench()) as bench:
        bench.pause = 3.0
        bench.dynamo.put(key(1, 10 * LOOKBACK_MS))
        bench.dynamo.script["batch_get_item"] = [refusal("AccessDenied")]
        bench.every(100.0)
        bench.poll.soon()
        bench.idle()
        bench.poll.read_soon([key(1, 10 * LOOKBACK_MS)])
        assert bench.idle() == pytest.approx(3.0), "not at once again"
        assert not bench.consumer.shown()
        bench.poll.read_soon([key(2)])
        bench.idle()
        assert len(bench.dynamo.asked("batch_get_item")) == 1
        bench.advance(3)
        assert bench.consumer.shown() == {key(1, 10 * LOOKBACK_MS)}
        assert len(bench.dynamo.asked("batch_get_item")[-1]["sentiment"]["Keys"]) == 2


def denied() -> None:
    raise refusal("AccessDenied")


def complaints(caplog: pytest.LogCaptureFixture, what: str) -> int:
    """How many lines of log say that something of this name failed."""
    return sum(line.message == "failed, trying again" and vars(line)["what"] == what for line in caplog.records)


def test_single_reads_that_keep_failing_hold_up_neither_the_walk_back_nor_the_catch_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench()
    bench.pause = 3.0
    late = key(2, 2_100_000)
    bench.dynamo.before["batch_get_item"] = denied
    with running(bench, walked=False):
        bench.poll.read_soon([key(1)])
        bench.idle()
        bench.walked()
        assert bench.poll._asked
        bench.dynamo.put(late)
        bench.poll.catch_up()
        bench.idle()
        assert bench.consumer.shown() == {late}
        bench.dynamo.put(key(1))
        began_ms = bench.now_ms
        while bench.now_ms < began_ms + 60_000:
            bench.advance(1)
        assert complaints(caplog, f"consistent read of {NAME}") == 2, "once a minute"
        assert complaints(caplog, "backfill") == complaints(caplog, "catch-up") == 0
        del bench.dynamo.before["batch_get_item"]
        bench.advance(3)
        assert not bench.poll._asked


def test_queries_that_keep_failing_do_not_hold_up_single_reads(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    bench.pause = 5.0
    old = key(1, 10 * LOOKBACK_MS)
    bench.dynamo.put(old)
    with running(bench):
        bench.dynamo.before["query"] = denied
        bench.advance(5)
        assert bench.hears(Queried)
        assert bench.hears(QueryFailed)
        bench.poll.read_soon([old])
        bench.idle()
        assert bench.consumer.shown() == {old}
        asked = len(bench.dynamo.asked("query"))
        bench.poll.soon()
        bench.idle()
        assert len(bench.dynamo.asked("query")) == asked, "whoever wants it soon ends no pause"
        for _ in range(12):
            bench.advance(5)
        assert complaints(caplog, f"query of {NAME}") == 2, "once a minute"
        del bench.dynamo.before["query"]
        proofs = len(bench.consumer.proofs)
        bench.advance(5)
        assert len(bench.consumer.proofs) == proofs + 1


def test_a_catch_up_that_keeps_failing_does_not_hold_up_single_reads(caplog: pytest.LogCaptureFixture) -> None:
    with running(Bench()) as bench:
        bench.pause = 3.0
        bench.every(1_000.0)
        bench.poll.soon()
        bench.idle()
        bench.dynamo.before["query"] = denied
        bench.poll.catch_up()
        bench.idle()
        old = key(1, 10 * LOOKBACK_MS)
        bench.dynamo.put(old)
        bench.poll.read_soon([old])
        bench.idle()
        assert bench.consumer.shown() == {old}
        for _ in range(20):
            bench.advance(3)
        assert complaints(caplog, "catch-up") == 2, "once a minute"


def test_more_items_than_anybody_reads_are_not_kept() -> None:
    bench = Bench()
    bench.loop.close()
    bench.poll.read_soon(key(number) for number in range(10_050))
    assert len(bench.poll._asked) == 10_000
    assert next(iter(bench.poll._asked)) == key(50)


# The catch-up


def test_the_catch_up_waits_for_the_walk_and_brings_only_what_was_not_there_before() -> None:
    bench = Bench()
    old, late = key(1, 2_000_000), key(2, 2_100_000)
    bench.dynamo.put(old)
    with running(bench, walked=False):
        bench.poll.catch_up()
        while not bench.poll._backfill.knows_catchup:
            assert len(bench.sinces()) == len(bench.consumer.proofs), "no catch-up yet"
            bench.advance(0.5)
        bench.dynamo.put(late)
        bench.poll.catch_up()
        bench.idle()
        assert iso_time(bench.now_ms - 3_600_000) in bench.sinces()
        assert bench.consumer.shown() == {late}
        assert bench.consumer.proofs[-1][2] == [], "and it is not judged"


def test_the_catch_up_hands_over_each_page_before_it_reads_the_next() -> None:
    with running(Bench()) as bench:
        bench.every(1_000.0)
        bench.poll.soon()
        bench.idle()
        for number in range(25):
            bench.dynamo.put(key(number, 2_100_000 + number))
        bench.dynamo.page = 10
        handed: list[int] = []
        bench.dynamo.before["query"] = lambda: handed.append(len(bench.consumer.shown()))
        bench.poll.catch_up()
        bench.idle()
        assert handed == [0, 0, 0, 10, 20], "negative, neutral, and the pages of positive"
        assert len(bench.consumer.shown()) == 25


def test_a_catch_up_that_fails_is_tried_again() -> None:
    with running(Bench()) as bench:
        bench.pause = 3.0
        bench.every(100.0)
        bench.poll.soon()
        bench.idle()
        bench.dynamo.put(key(2, 2_100_000))
        bench.dynamo.script["query"] = [refusal("AccessDenied")]
        bench.poll.catch_up()
        assert bench.idle() == pytest.approx(3.0)
        assert not bench.consumer.shown()
        bench.advance(3)
        assert bench.consumer.shown() == {key(2, 2_100_000)}
        asked = len(bench.dynamo.requests)
        bench.advance(20)
        assert len(bench.dynamo.requests) == asked, "once is enough"


# How far back


def test_after_an_outage_it_asks_from_where_the_last_query_left_off_and_then_as_ever() -> None:
    with running(Bench()) as bench:
        last_ms, _, _ = bench.consumer.proofs[-1]
        bench.advance(3_600)
        bench.advance(5)
        assert bench.sinces()[-2:] == [
            iso_time(last_ms - LATENESS_MS - MARGIN_MS),
            iso_time(bench.now_ms - LOOKBACK_MS),
        ]


def test_a_query_that_took_long_left_off_where_it_began() -> None:
    with running(Bench()) as bench:

        def slow() -> None:
            bench.now_ms += 20_000

        bench.dynamo.before["query"] = slow
        bench.advance(5)
        began_ms, _, _ = bench.consumer.proofs[-1]
        assert bench.now_ms == began_ms + QUERY * 20_000
        bench.dynamo.before.clear()
        bench.advance(600)
        assert bench.sinces()[-1] == iso_time(began_ms - LATENESS_MS - MARGIN_MS)


def test_a_query_that_failed_left_nothing_off() -> None:
    with running(Bench()) as bench:
        last_ms, _, _ = bench.consumer.proofs[-1]
        bench.dynamo.script["query"] = [refusal("AccessDenied")] * 3
        bench.advance(600)
        assert set(bench.sinces()[-2:]) == {iso_time(last_ms - LATENESS_MS - MARGIN_MS)}


def test_it_never_asks_for_more_than_a_day() -> None:
    with running(Bench()) as bench:
        bench.advance(3 * 86_400)
        assert bench.sinces()[-1] == iso_time(bench.now_ms - FURTHEST_MS)


def test_a_clock_set_back_leaves_the_look_back_as_it_is() -> None:
    with running(Bench()) as bench:
        bench.now_ms -= 7_200_000
        bench.poll.soon()
        bench.idle()
        assert bench.sinces()[-1] == iso_time(bench.now_ms - LOOKBACK_MS)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(1, 20_000), min_size=1, max_size=8),
    st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, LATENESS_MS), st.integers(0, MARGIN_MS)), min_size=1, max_size=10
    ),
)
def test_no_item_falls_between_two_queries(gaps: list[float], written: list[tuple[float, int, int]]) -> None:
    """However far apart the queries that work: what is scored within two minutes of its timestamp, and seen by the
    index within the margin, lies in the range of a query that begins when the index has it."""
    with running(Bench()) as bench:
        for gap in gaps:
            bench.advance(gap)
        bench.advance(200)
        proofs = bench.consumer.proofs
    begin, end = proofs[0][0], proofs[-2][0]
    for share, late_ms, lag_ms in written:
        scored_ms = begin + share * (end - begin)
        seen_ms, timestamp_ms = scored_ms + lag_ms, scored_ms - late_ms
        assert any(began_ms >= seen_ms and since_ms <= timestamp_ms for began_ms, since_ms, _ in proofs)


def test_a_check_waits_for_what_push_is_about_to_bring() -> None:
    bench = Bench()
    bench.failover.push = PushState.PROVEN
    bench.dynamo.put(key(1))
    with running(bench, walked=False):
        assert len(bench.dynamo.asked("query")) == QUERY
        assert bench.advance(GRACE - 0.1) == pytest.approx(0.1)
        assert not bench.consumer.shown()
        bench.advance(0.1)
        assert bench.consumer.shown() == {key(1)}


def test_while_push_is_trusted_it_asks_at_the_interval_of_checks() -> None:
    bench = Bench()
    bench.failover.push = PushState.PROVEN
    with running(bench):
        bench.loop.run_until(bench.loop.time() + 20)
        begins = [began_ms for began_ms, _, _ in bench.consumer.proofs]
        assert begins[1] - begins[0] == 15_000 + GRACE * 1000
