"""The thread brings what the topic publishes, survives what fails, says so, and leaves nothing behind."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn, TypeVar

import pytest

from streamer.intake.aws import Clients
from streamer.intake.push import BRIEF, LEASE_PAUSE, POLL_PAUSE, Push
from streamer.intake.receive import Message
from streamer.intake.signals import LeaseFailed, LeaseGone, LeaseTaken, Polled, PollFailed, Signal
from tests.unit.intake.fakes import NOW_MS, PREFIX, TOPIC_ARN, WATCHDOG, FakeAws, refusal, silence

GONE = "AWS.SimpleQueueService.NonExistentQueue"
SECRET = "quarterly outlook"
Kind = TypeVar("Kind", bound=Signal)


class Service:
    """What a service gives to a Push, and what it hears."""

    def __init__(self, aws: FakeAws) -> None:
        self.aws = aws
        self.bodies: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.signals: queue.SimpleQueue[Signal] = queue.SimpleQueue()
        self.ceilings: list[float] = []
        self.pause = 0.0
        """Seconds that each pause lasts."""
        self.trouble: list[Exception] = []
        """What the next hand-overs come to."""
        self.connected_in: list[str] = []
        self.push = Push(
            self.connect,
            self.deliver,
            self.signals.put,
            topic_arn=TOPIC_ARN,
            prefix=PREFIX,
            wait_seconds=10,
            now=aws.clock,
            jitter=self.jitter,
        )

    def connect(self) -> Clients:
        self.connected_in.append(threading.current_thread().name)
        return self.aws.clients()

    def deliver(self, messages: tuple[Message, ...]) -> None:
        if self.trouble:
            raise self.trouble.pop(0)
        for message in messages:
            self.bodies.put(message.body)

    def jitter(self, _low: float, high: float) -> float:
        self.ceilings.append(high)
        return self.pause

    def next_body(self) -> str:
        return self.bodies.get(timeout=WATCHDOG)

    def hears(self, kind: type[Kind]) -> Kind:
        """The next signal of a kind; others before it are dropped."""
        while True:
            signal = self.signals.get(timeout=WATCHDOG)
            if isinstance(signal, kind):
                return signal


@contextmanager
def running(service: Service) -> Iterator[Service]:
    """A started Push whose first poll came back, stopped at the end if the test did not."""
    service.push.start()
    try:
        yield service
    finally:
        service.aws.end_polls()
        assert service.push.stop(WATCHDOG)


@pytest.fixture
def service() -> Service:
    return Service(FakeAws())


def settle(service: Service) -> None:
    """Returns when the first poll of a lease came back and the long one after it is waiting."""
    service.hears(Polled)
    service.aws.await_poll()


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


def test_stopping_leaves_nothing_behind(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "streamer.intake.push")
    with running(service):
        settle(service)
        name = next(iter(service.aws.queues.values())).name
    assert (service.aws.queues, service.aws.subscriptions) == ({}, {})
    assert service.aws.closed == 2
    assert service.aws.calls.count("delete_queue") == 1
    assert [(line.message, line.__dict__["queue"]) for line in caplog.records] == [
        ("lease taken", name),
        ("lease released", name),
    ]


def test_stopping_lets_the_current_poll_end(service: Service) -> None:
    service.push.start()
    settle(service)
    ended: list[bool] = []
    stopper = threading.Thread(target=lambda: ended.append(service.push.stop(WATCHDOG)))
    stopper.start()
    while stopper.is_alive():
        service.aws.advance(1)
        stopper.join(0.001)
    assert ended == [True]
    assert service.aws.calls[-2:] == ["unsubscribe", "delete_queue"]


def test_stopping_twice_is_stopping_once(service: Service) -> None:
    with running(service):
        settle(service)
    assert service.push.stop(0)
    assert service.aws.calls.count("delete_queue") == 1


def test_what_never_began_has_ended(service: Service) -> None:
    assert service.push.stop(0)
    assert service.aws.calls == []


def test_a_poll_that_hangs_does_not_keep_the_lease(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    with running(service):
        settle(service)
        caplog.set_level(logging.INFO, "streamer")
        assert not service.push.stop(0)
        assert (service.aws.queues, service.aws.subscriptions) == ({}, {})
    assert [line.message for line in caplog.records] == ["the receiving thread has not ended", "lease released"]
    assert service.aws.calls.count("delete_queue") == 1
    assert service.aws.calls.count("unsubscribe") == 1
    assert service.aws.closed == 2


def test_what_a_hanging_poll_brings_after_a_stop_is_not_handed_over(service: Service) -> None:
    with running(service):
        settle(service)
        (left,) = service.aws.queues.values()
        service.aws.script["delete_queue"] = [silence()]
        service.aws.script["unsubscribe"] = [silence()]
        assert not service.push.stop(0)
        service.aws.publish("late")
        service.push._thread.join(WATCHDOG)
        assert len(left.messages) == 1
    assert service.bodies.empty()


def test_a_stop_while_the_lease_is_being_taken_gives_it_back(service: Service) -> None:
    asked, answered = threading.Event(), threading.Event()

    def slowly() -> Clients:
        asked.set()
        assert answered.wait(WATCHDOG)
        return service.aws.clients()

    service.push._connect = slowly
    service.push.start()
    assert asked.wait(WATCHDOG)
    assert not service.push.stop(0)
    answered.set()
    assert service.push.stop(WATCHDOG)
    assert (service.aws.queues, service.aws.subscriptions) == ({}, {})
    assert service.aws.calls == ["create_queue", "subscribe", "unsubscribe", "delete_queue"]


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


def test_a_stop_ends_the_wait_for_a_lease(service: Service) -> None:
    service.aws.script["create_queue"] = [silence()] * 3
    service.pause = 3600.0
    service.push.start()
    service.hears(LeaseFailed)
    assert service.push.stop(WATCHDOG)
    assert service.aws.calls == ["create_queue"]


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


def test_a_lease_that_cannot_be_given_back_is_logged_and_forgotten(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    with running(service):
        settle(service)
        service.aws.script["delete_queue"] = [refusal("AccessDenied")]
    (line,) = [line for line in caplog.records if line.levelno == logging.WARNING]
    assert (line.message, line.__dict__["error"]) == ("lease not released", "sqs:DeleteQueue: AccessDenied")
    assert service.aws.calls.count("delete_queue") == 1


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
