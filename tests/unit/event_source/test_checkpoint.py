"""What is done, retried and given up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.event_source.checkpoint import Backlog, RetryPolicy, Step, after_error, after_response, count_done
from streamer.event_source.record import StreamRecord
from tests.unit.event_source.fakes import BEGUN, failed, record

BATCH = tuple(record(seq) for seq in (9, 10, 11))
PATIENT = RetryPolicy(max_attempts=None)


@pytest.mark.parametrize(
    "answer", [None, {}, {"batchItemFailures": []}, {"batchItemFailures": None}, {"sent_at": 1}, ""]
)
def test_an_answer_without_failures_is_success(answer: object) -> None:
    assert count_done(answer, BATCH) == 3


@pytest.mark.parametrize(
    "answer",
    [
        failed(""),
        {"batchItemFailures": [{"itemIdentifier": None}]},
        {"batchItemFailures": [{"itemId": "10"}]},
        {"batchItemFailures": [{}]},
        {"batchItemFailures": ["10"]},
        {"batchItemFailures": "10"},
        failed("not a number"),
        failed("12"),
        "10",
        ["10"],
    ],
)
def test_an_answer_that_makes_no_sense_fails_the_whole_batch(answer: object) -> None:
    assert count_done(answer, BATCH) == 0


def test_the_lowest_number_is_the_checkpoint_compared_as_an_integer() -> None:
    assert count_done(failed(11), BATCH) == 2
    assert count_done(failed(11, 10), BATCH) == 1
    assert count_done(failed(10, 9), BATCH) == 0


def test_zeros_before_a_number_do_not_make_it_another() -> None:
    padded = (StreamRecord("000000000000000001069", 0, {}), StreamRecord("000000000000000001070", 0, {}))
    assert count_done(failed("1070"), padded) == 1


def test_success_goes_on_with_whole_batches() -> None:
    step = after_response(Backlog(BATCH, window=1, attempts=3), 1, BEGUN, PATIENT)
    assert step == Step(Backlog(BATCH[1:], PATIENT.batch_size))


def test_a_failure_is_called_again_from_its_record_with_everything_after_it() -> None:
    step = after_response(Backlog(BATCH), 1, BEGUN, PATIENT)
    assert step.backlog.batch == BATCH[1:]
    assert step.wait == PATIENT.first_wait


def test_waits_double_until_the_longest_and_begin_anew_after_progress() -> None:
    backlog, waits = Backlog(BATCH), []
    for _ in range(2_000):  # an outage of hours
        step = after_response(backlog, 0, BEGUN, PATIENT)
        backlog = step.backlog
        waits.append(step.wait)
    assert waits[:4] == [0.1, 0.2, 0.4, 0.8]
    assert waits[-1] == PATIENT.longest_wait
    assert after_response(backlog, 1, BEGUN, PATIENT).wait == PATIENT.first_wait


def test_a_batch_that_raised_is_halved_at_no_cost_and_then_tried_alone() -> None:
    policy = RetryPolicy(max_attempts=2)
    backlog = Backlog(tuple(record(seq) for seq in range(10)), window=10)
    sizes = []
    for _ in range(3):
        backlog = after_error(backlog, BEGUN, policy).backlog
        sizes.append((len(backlog.batch), backlog.attempts))
    assert sizes == [(5, 0), (2, 0), (1, 0)]
    assert after_error(backlog, BEGUN, policy).backlog.attempts == 1


def test_without_bisect_the_whole_batch_is_tried_again() -> None:
    step = after_error(Backlog(BATCH), BEGUN, RetryPolicy(bisect=False))
    assert step.backlog.batch == BATCH


def test_after_the_last_attempt_the_failing_batch_is_given_up_and_the_rest_goes_on() -> None:
    policy = RetryPolicy(batch_size=2, max_attempts=2)
    first = after_response(Backlog(BATCH, window=2), 0, BEGUN, policy)
    assert first.discard is None
    last = after_response(first.backlog, 0, BEGUN, policy)
    assert last.discard is not None
    assert (last.discard.records, last.discard.condition, last.discard.attempts) == (
        BATCH[:2],
        "RetryAttemptsExhausted",
        2,
    )
    assert last.backlog == Backlog(BATCH[2:], 2)


def test_records_that_grew_too_old_are_given_up_and_younger_ones_are_kept() -> None:
    records = (record(1, BEGUN - 100), record(2, BEGUN - 61), record(3, BEGUN - 60))
    step = after_response(Backlog(records), 0, BEGUN, RetryPolicy(max_age=60))
    assert step.discard is not None
    assert (step.discard.records, step.discard.condition) == (records[:2], "RecordAgeExceeded")
    assert step.backlog.records == records[2:]


def test_a_policy_without_a_batch_or_an_attempt_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        RetryPolicy(batch_size=0)
    with pytest.raises(ValueError, match="at least 1"):
        RetryPolicy(max_attempts=0)


ANSWERS = st.one_of(st.just("raise"), st.integers(0, 12))


@given(
    count=st.integers(0, 40),
    batch_size=st.integers(1, 12),
    max_attempts=st.none() | st.integers(1, 4),
    bisect=st.booleans(),
    script=st.lists(ANSWERS, max_size=60),
)
def test_whatever_fails_nothing_is_lost_and_order_is_kept(
    count: int, batch_size: int, max_attempts: int | None, bisect: bool, script: list[str | int]
) -> None:
    policy = RetryPolicy(batch_size=batch_size, max_attempts=max_attempts, bisect=bisect)
    everything = tuple(record(seq) for seq in range(count))
    backlog, settled, discarded = Backlog(everything, batch_size), list[StreamRecord](), list[StreamRecord]()
    answers = iter(script)
    calls = 0
    while backlog.records:
        calls += 1
        assert calls <= len(script) + count, "once nothing fails, every call makes progress"
        batch = backlog.batch
        assert batch, "a backlog always has a next batch"
        assert batch == everything[len(settled) : len(settled) + len(batch)], "nothing is skipped or comes early"
        answer = next(answers, len(batch))
        if answer == "raise":
            step = after_error(backlog, BEGUN, policy)
        else:
            finished = min(int(answer), len(batch))
            reply = failed(batch[finished].seq) if finished < len(batch) else failed()
            settled += batch[: count_done(reply, batch)]
            step = after_response(backlog, count_done(reply, batch), BEGUN, policy)
        if step.discard is not None:
            settled += step.discard.records
            discarded += step.discard.records
        assert step.wait >= 0
        backlog = step.backlog
    assert tuple(settled) == everything
    assert max_attempts is not None or not discarded
