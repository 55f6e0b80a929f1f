"""A poll brings what waits; what was handed over is deleted, and what went wrong has one of two names."""

from __future__ import annotations

import pytest
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from botocore.parsers import ResponseParserError

from streamer.errors import LeaseLost
from streamer.intake.lease import Lease
from streamer.intake.receive import QueueMessage, ReceiveError, Receiver
from tests.unit.intake.fakes import NOW_MS, PREFIX, TOPIC_ARN, FakeAws, refusal

GONE = "AWS.SimpleQueueService.NonExistentQueue"


def receiver(aws: FakeAws) -> Receiver:
    """A receiver of a new lease's queue, whose first poll is over."""
    new = new_receiver(aws)
    assert new.receive() == ()
    return new


def new_receiver(aws: FakeAws) -> Receiver:
    sqs, sns = aws.clients()
    lease = Lease.acquire(sqs, sns, TOPIC_ARN, PREFIX, wait_seconds=10, now=aws.clock)
    return Receiver(sqs, lease.queue_url, wait_seconds=10, now=aws.clock)


def test_a_message_comes_with_its_times_and_count() -> None:
    aws = FakeAws()
    queue = receiver(aws)
    aws.publish('{"v":1}')
    aws.advance(0.25)
    (message,) = queue.receive()
    assert message == QueueMessage(
        id=message.id,
        receipt=message.receipt,
        body='{"v":1}',
        received_at_ms=NOW_MS + 250,
        sent_at_ms=NOW_MS,
        receive_count=1,
    )


def test_what_is_not_deleted_comes_again_after_the_visibility_timeout_and_counts() -> None:
    aws = FakeAws()
    queue = receiver(aws)
    aws.publish("body")
    (first,) = queue.receive()
    aws.end_polls()
    assert queue.receive() == ()
    aws.advance(5)
    (again,) = queue.receive()
    assert (again.id, again.body, again.receive_count) == (first.id, first.body, 2)


def test_a_poll_takes_at_most_ten() -> None:
    aws = FakeAws()
    queue = receiver(aws)
    for index in range(12):
        aws.publish(str(index))
    assert [len(queue.receive()), len(queue.receive())] == [10, 2]


def test_what_is_deleted_does_not_come_again() -> None:
    aws = FakeAws()
    queue = receiver(aws)
    for index in range(12):
        aws.publish(str(index))
    messages = queue.receive() + queue.receive()
    assert queue.delete(messages) == 0
    assert aws.calls.count("delete_message_batch") == 2
    aws.await_empty()


def test_deleting_nothing_asks_nobody() -> None:
    aws = FakeAws()
    assert receiver(aws).delete(()) == 0
    assert "delete_message_batch" not in aws.calls


def test_a_part_that_cannot_be_deleted_is_counted_and_named(caplog: pytest.LogCaptureFixture) -> None:
    aws = FakeAws()
    queue = receiver(aws)
    aws.publish("early")
    early = queue.receive()
    aws.advance(5)
    aws.publish("late")
    late = queue.receive()
    assert queue.delete((early[0], late[1])) == 1
    (line,) = caplog.records
    assert line.message == "messages not deleted"
    assert (line.__dict__["message_ids"], line.__dict__["errors"]) == ([early[0].id], ["ReceiptHandleIsInvalid"])


def test_the_first_poll_and_the_first_after_an_error_do_not_wait() -> None:
    aws = FakeAws()
    queue = new_receiver(aws)
    assert queue.receive() == ()  # a long poll would wait for the clock, which stands still
    aws.script["receive_message"] = [refusal("InternalError")]
    with pytest.raises(ReceiveError):
        queue.receive()
    assert queue.receive() == ()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (refusal("AccessDenied"), "sqs:ReceiveMessage: AccessDenied"),
        (refusal("InternalError"), "sqs:ReceiveMessage: InternalError"),
        (ReadTimeoutError(endpoint_url="https://sqs/secret-queue"), "sqs:ReceiveMessage: ReadTimeoutError"),
        (ConnectionClosedError(endpoint_url="https://sqs/secret-queue"), "sqs:ReceiveMessage: ConnectionClosedError"),
        (ResponseParserError("<html>secret-queue"), "sqs:ReceiveMessage: ResponseParserError"),
    ],
)
def test_a_poll_that_fails_is_a_receive_error_without_the_queues_name(error: Exception, words: str) -> None:
    aws = FakeAws()
    queue = receiver(aws)
    aws.script["receive_message"] = [error]
    with pytest.raises(ReceiveError) as failure:
        queue.receive()
    assert str(failure.value) == words
    assert failure.value.__cause__ is error


def test_a_queue_that_is_gone_is_a_lost_lease() -> None:
    aws = FakeAws()
    queue = receiver(aws)
    aws.publish("body")
    messages = queue.receive()
    aws.drop_queues()
    with pytest.raises(LeaseLost, match=f"^sqs:DeleteMessageBatch: {GONE}$"):
        queue.delete(messages)
    with pytest.raises(LeaseLost, match=f"^sqs:ReceiveMessage: {GONE}$"):
        queue.receive()


def test_a_queue_too_new_to_be_known_is_not_lost_yet() -> None:
    aws = FakeAws()
    queue = new_receiver(aws)
    aws.script["receive_message"] = [refusal(GONE), refusal(GONE), refusal(GONE)]
    with pytest.raises(ReceiveError):
        queue.receive()
    aws.advance(10)
    with pytest.raises(ReceiveError):
        queue.receive()
    aws.advance(0.001)
    with pytest.raises(LeaseLost):
        queue.receive()


def test_a_delete_that_fails_whole_is_a_receive_error() -> None:
    aws = FakeAws()
    queue = receiver(aws)
    aws.publish("body")
    messages = queue.receive()
    aws.script["delete_message_batch"] = [refusal("Throttled")]
    with pytest.raises(ReceiveError, match="sqs:DeleteMessageBatch: Throttled"):
        queue.delete(messages)
    assert queue.receive() == ()  # without a wait, as after any error


@pytest.mark.parametrize("times", [{}, {"SentTimestamp": "soon", "ApproximateReceiveCount": "many"}])
def test_an_engine_that_tells_no_times_is_understood(times: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    aws = FakeAws()
    queue = receiver(aws)
    entry = {"MessageId": "1", "ReceiptHandle": "r", "Body": "body", "Attributes": times}
    monkeypatch.setattr(queue._sqs, "receive_message", lambda **_: {"Messages": [entry]})
    (message,) = queue.receive()
    assert (message.sent_at_ms, message.receive_count) == (None, 1)
