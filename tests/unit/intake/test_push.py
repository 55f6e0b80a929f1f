"""The thread brings what the topic publishes, and outlives what fails, saying so."""

from __future__ import annotations

import logging
from typing import NoReturn

import pytest

from streamer.intake.push import APART, BRIEF, LEASE_PAUSE, POLL_PAUSE
from streamer.intake.receive import Message
from streamer.intake.signals import LeaseFailed, LeaseGone, LeaseTaken, Polled, PollFailed
from tests.unit.intake.fakes import NOW_MS, TOPIC_ARN, FakeAws, refusal
from tests.unit.intake.service import Service, running, settle
from tests.watchdog import WATCHDOG

GONE = "AWS.SimpleQueueService.NonExistentQueue"
SECRET = "quarterly outlook"


def test_what_is_published_is_handed_over_and_deleted(service: Service) -> None:
    with running(service):
        assert service.hears(LeaseTaken) == LeaseTaken(NOW_MS)
        assert service.hears(Polled) == Polled(0)
        service.aws.publish("one")
        assert service.next_body() == "one"
        assert service.hears(Polled) == Polled(1)
        service.aws.await_empty()


def test_the_clients_are_built_in_the_thread_and_once(service: Service) -> None:
    with running(service):
        settle(service)
        service.aws.drop_queues()
        service.aws.advance(10)
        service.hears(LeaseTaken)
    assert service.connected_in == ["intake-push"]


def test_a_message_is_deleted_only_after_it_was_handed_over(service: Service) -> None:
    held: list[int] = []
    deliver = service.push._deliver

    def looking(messages: tuple[Message, ...]) -> None:
        held.append(sum(len(one.messages) for one in service.aws.queues.values()))
        deliver(messages)

    service.push._deliver = looking
    with running(service):
        settle(service)
        service.aws.publish("one")
        service.next_body()
    assert held == [1]


def test_a_lease_that_cannot_be_had_is_tried_for_until_it_can(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "streamer")
    service.aws.script["create_queue"] = [refusal("AccessDenied", f"not on {TOPIC_ARN}")] * 8
    with running(service):
        for _ in range(8):
            assert service.hears(LeaseFailed) == LeaseFailed("sqs:CreateQueue: AccessDenied")
        service.hears(LeaseTaken)
    assert service.ceilings == [0.5, 1, 2, 4, 8, 16, LEASE_PAUSE, LEASE_PAUSE]
    assert [line.message for line in caplog.records] == [
        "failed, trying again",
        "works again",
        "lease taken",
        "lease released",
    ]


def test_clients_that_cannot_be_built_are_tried_again(service: Service) -> None:
    failures: list[Exception] = [LookupError("no region")]
    connect = service.push._connect
    service.push._connect = lambda: connect() if not failures else _raise(failures.pop())
    with running(service):
        assert service.hears(LeaseFailed) == LeaseFailed("LookupError")
        service.hears(LeaseTaken)


def test_a_lost_lease_is_reported_given_back_and_replaced(service: Service) -> None:
    with running(service):
        settle(service)
        (first,) = service.aws.subscriptions
        service.aws.advance(BRIEF / 1000)
        service.hears(Polled)
        service.aws.drop_queues()
        service.aws.advance(10)
        assert service.hears(LeaseGone) == LeaseGone(f"sqs:ReceiveMessage: {GONE}")
        service.hears(LeaseTaken)
        service.hears(Polled)
        assert first not in service.aws.subscriptions
        service.aws.publish("after")
        assert service.next_body() == "after"
    assert service.ceilings == []


def test_leases_lost_soon_after_they_were_taken_are_replaced_ever_more_slowly(service: Service) -> None:
    with running(service):
        for _ in range(4):
            settle(service)
            service.aws.drop_queues()
            service.aws.advance(10)
            service.hears(LeaseGone)
        service.hears(LeaseTaken)
    assert service.ceilings == [0.5, 1, 2, 4]


def test_a_lease_is_given_back_whatever_ends_its_polling(service: Service) -> None:
    polling = service.push._polling
    failures = [ZeroDivisionError("a bug")]
    service.push._polling = lambda poll: _raise(failures.pop()) if failures else polling(poll)  # type: ignore[assignment] # fails once
    with running(service):
        assert service.hears(LeaseFailed) == LeaseFailed("ZeroDivisionError")
        settle(service)
        assert len(service.aws.queues) == len(service.aws.subscriptions) == 1


def test_a_lost_lease_is_not_also_a_lease_that_could_not_be_had(service: Service) -> None:
    with running(service):
        settle(service)
        service.aws.drop_queues()
        service.aws.advance(10)
        service.hears(LeaseGone)
        assert isinstance(service.signals.get(timeout=WATCHDOG), LeaseTaken)


def test_polls_that_fail_are_reported_and_tried_again(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    service.aws.script["receive_message"] = [refusal("InternalError")] * 6
    with running(service):
        for _ in range(6):
            assert service.hears(PollFailed) == PollFailed("sqs:ReceiveMessage: InternalError")
        service.hears(Polled)
    assert service.ceilings == [0.5, 1, 2, 4, POLL_PAUSE, POLL_PAUSE]
    assert [line.message for line in caplog.records if line.levelno == logging.WARNING] == ["failed, trying again"]
    assert service.aws.calls.count("create_queue") == 1


def test_what_the_service_did_not_take_is_kept_and_comes_again(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    service.trouble = [RuntimeError(SECRET)]
    with running(service):
        settle(service)
        service.aws.publish(SECRET)
        assert service.hears(PollFailed) == PollFailed("hand-over: RuntimeError")
        assert "delete_message_batch" not in service.aws.calls
        service.aws.await_poll()
        service.aws.advance(5)
        assert service.next_body() == SECRET
        service.aws.await_empty()
    (line,) = [line for line in caplog.records if line.levelno == logging.WARNING]
    assert "deliver" in line.__dict__["where"]
    assert not any(SECRET in str(line.__dict__) for line in caplog.records)


def test_messages_that_cannot_be_deleted_are_counted(service: Service) -> None:
    deliver = service.push._deliver

    def slow(messages: tuple[Message, ...]) -> None:
        deliver(messages)
        if messages[0].receive_count == 1:
            for stored in next(iter(service.aws.queues.values())).messages:
                stored.receipts.append("handed out to somebody else meanwhile")
            service.aws.advance(5)

    service.push._deliver = slow
    with running(service):
        settle(service)
        service.aws.publish("slow")
        assert service.hears(Polled) == Polled(1, undeleted=1)
        assert [service.next_body(), service.next_body()] == ["slow", "slow"]
        service.aws.await_empty()


def test_a_listener_that_fails_does_not_stop_the_thread(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    service.push._signal = lambda _signal: _raise(RuntimeError("the loop is closed"))
    with running(service):
        service.aws.await_poll()
        service.aws.publish("one")
        assert service.next_body() == "one"
    assert "signal not heard" in [line.message for line in caplog.records]


def test_two_on_one_topic_both_get_everything() -> None:
    aws = FakeAws()
    one, other = Service(aws), Service(aws)
    with running(one), running(other):
        settle(one)
        settle(other)
        bodies = [str(index) for index in range(25)]
        for body in bodies:
            aws.publish(body)
        assert sorted(one.next_body() for _ in bodies) == sorted(bodies)
        assert sorted(other.next_body() for _ in bodies) == sorted(bodies)
        aws.await_empty()


def _raise(error: Exception) -> NoReturn:
    raise error


def test_what_comes_right_behind_a_message_is_brought_by_one_call(service: Service) -> None:
    more, paused = ["two", "three"], []
    wait = service.push._stopping.wait

    def gathering(timeout: float | None = None) -> bool:
        paused.append(timeout)
        while more:
            service.aws.publish(more.pop(0))
        return wait(0)

    with running(service):
        settle(service)
        service.push._stopping.wait = gathering  # type: ignore[method-assign]
        service.aws.publish("one")
        assert service.next_body() == "one", "at once"
        assert [service.hears(Polled), service.hears(Polled)] == [Polled(1), Polled(2)]
        service.push._stopping.wait = wait  # type: ignore[method-assign]
    assert paused
    assert all(timeout is not None and 0 <= timeout <= APART for timeout in paused)


def test_a_full_batch_is_followed_by_the_next_at_once(service: Service) -> None:
    service.push._apart = WATCHDOG * 10
    with running(service):
        settle(service)
        with service.aws.change:
            for number in range(13):
                service.aws.publish(str(number))
        assert [service.next_body() for _ in range(13)] == [str(number) for number in range(13)]
