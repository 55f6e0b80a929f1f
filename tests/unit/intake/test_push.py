"""Push brings what the topic publishes, and outlives what fails, saying so."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import NoReturn

import pytest

from streamer.change import Key
from streamer.intake.push import BRIEF, BURST, LEASE_PAUSE, RATE, RECEIVE_PAUSE
from streamer.intake.receive import Decoded
from streamer.intake.signals import (
    LeaseFailed,
    LeaseGone,
    LeaseTaken,
    MessageReceived,
    QueueFailed,
    QueueRead,
    Undecided,
)
from tests.unit.intake.fakes import NOW_MS, TOPIC_ARN, FakeAws, refusal
from tests.unit.intake.service import Service, running, settle
from tests.watchdog import WATCHDOG

GONE = "AWS.SimpleQueueService.NonExistentQueue"
SECRET = "quarterly outlook"


def test_what_is_published_is_handed_over_and_deleted(service: Service) -> None:
    with running(service):
        assert service.hears(LeaseTaken) == LeaseTaken(NOW_MS)
        assert service.hears(QueueRead) == QueueRead(0)
        service.aws.publish("one")
        assert service.next_body() == "one"
        assert service.hears(QueueRead) == QueueRead(1)
        service.aws.await_empty()


def test_the_clients_are_built_in_the_thread_and_once(service: Service) -> None:
    with running(service):
        settle(service)
        assert [queue.tags["team"] for queue in service.aws.queues.values()] == ["news"]
        service.aws.drop_queues()
        service.aws.advance(10)
        service.hears(LeaseTaken)
    assert service.connected_in == ["intake-push"]


def test_a_message_is_deleted_only_after_it_was_handed_over(service: Service) -> None:
    held: list[int] = []

    def looking(_: Sequence[Decoded]) -> None:
        held.append(sum(len(one.messages) for one in service.aws.queues.values()))

    service.taking = looking
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
    service.push._connect = lambda wait: connect(wait) if not failures else _raise(failures.pop())
    with running(service):
        assert service.hears(LeaseFailed) == LeaseFailed("LookupError")
        service.hears(LeaseTaken)


def test_a_lost_lease_is_reported_given_back_and_replaced(service: Service) -> None:
    with running(service):
        settle(service)
        (first,) = service.aws.subscriptions
        service.aws.advance(BRIEF / 1000)
        service.hears(QueueRead)
        service.aws.drop_queues()
        service.aws.advance(10)
        assert service.hears(LeaseGone) == LeaseGone(f"sqs:ReceiveMessage: {GONE}")
        service.hears(LeaseTaken)
        service.hears(QueueRead)
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
    receiving = service.push._receiving
    failures = [ZeroDivisionError("a bug")]
    service.push._receiving = lambda turn: _raise(failures.pop()) if failures else receiving(turn)  # type: ignore[assignment] # fails once
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
            assert service.hears(QueueFailed) == QueueFailed("sqs:ReceiveMessage: InternalError")
        service.hears(QueueRead)
    assert service.ceilings == [0.5, 1, 2, 4, RECEIVE_PAUSE, RECEIVE_PAUSE]
    assert [line.message for line in caplog.records if line.levelno == logging.WARNING] == ["failed, trying again"]
    assert service.aws.calls.count("create_queue") == 1


def test_what_the_service_did_not_take_is_kept_and_comes_again(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    service.trouble = [RuntimeError(SECRET)]
    with running(service):
        settle(service)
        service.aws.publish(SECRET)
        assert service.hears(QueueFailed) == QueueFailed("hand-over: RuntimeError")
        assert "delete_message_batch" not in service.aws.calls
        service.aws.await_poll()
        service.aws.advance(5)
        assert service.next_body() == SECRET
        service.aws.await_empty()
    (line,) = [line for line in caplog.records if line.levelno == logging.WARNING]
    assert "take" in line.__dict__["where"]
    assert not any(SECRET in str(line.__dict__) for line in caplog.records)


def test_messages_that_cannot_be_deleted_are_counted(service: Service) -> None:

    def slow(messages: Sequence[Decoded]) -> None:
        if messages[0].message.receive_count == 1:
            for stored in next(iter(service.aws.queues.values())).messages:
                stored.receipts.append("handed out to somebody else meanwhile")
            service.aws.advance(5)

    service.taking = slow
    with running(service):
        settle(service)
        service.aws.publish("slow")
        assert service.hears(QueueRead) == QueueRead(1, undeleted=1)
        assert [service.next_body(), service.next_body()] == ["slow", "slow"]
        service.aws.await_empty()


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


class Paused:
    """In place of asyncio.sleep: notes the pauses, and publishes what comes meanwhile."""

    def __init__(self, service: Service, *meanwhile: str) -> None:
        self.seconds: list[float] = []
        self._service = service
        self._meanwhile = list(meanwhile)
        self._sleep = asyncio.sleep

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        while self._meanwhile:
            self._service.aws.publish(self._meanwhile.pop(0))
        await self._sleep(0)


def test_the_messages_of_a_burst_are_received_one_after_the_other_without_a_pause(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(service):
        settle(service)
        paused = Paused(service)
        monkeypatch.setattr(asyncio, "sleep", paused)
        for number in range(BURST - 1):
            service.aws.publish(str(number))
            assert service.next_body() == str(number)
            assert service.hears(QueueRead) == QueueRead(1)
            service.aws.await_poll()
        monkeypatch.undo()
    assert not paused.seconds


def test_at_a_high_rate_one_receive_brings_several_messages(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service.push._pace, "_tokens", 1.0)
    with running(service):
        settle(service)
        monkeypatch.setattr(service.push._pace, "_rate", 1e-9)
        paused = Paused(service, "two", "three")
        monkeypatch.setattr(asyncio, "sleep", paused)
        service.aws.publish("one")
        assert service.next_body() == "one", "at once"
        assert [service.hears(QueueRead), service.hears(QueueRead)] == [QueueRead(1), QueueRead(2)]
        monkeypatch.undo()
    assert len(paused.seconds) >= 1


def test_full_batches_follow_each_other_at_once_and_cost_nothing_of_the_budget(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.push._pace, "_tokens", 0.0)
    monkeypatch.setattr(service.push._pace, "_rate", 1e-9)
    with running(service):
        settle(service)
        with service.aws.change:
            for number in range(30):
                service.aws.publish(str(number))
        assert [service.next_body() for _ in range(30)] == [str(number) for number in range(30)]


def test_no_ten_seconds_have_more_than_two_hundred_receives() -> None:
    assert BURST + 10 * RATE <= 200


def test_each_message_that_makes_sense_is_reported_with_when_it_was_relayed_once_it_is_taken(service: Service) -> None:
    service.undecided = [Key("wire:1", "2026-11-22T14:56:00.000Z")]
    with running(service):
        settle(service)
        with service.aws.change:
            for body in ('{"v":1,"relayed_at":7,"changes":[]}', '{"v":1,"canary":{"sent_at":8}}', '{"v":2}'):
                service.aws.publish(body)
        heard = [service.signals.get(timeout=WATCHDOG) for _ in range(4)]
        assert heard == [MessageReceived(7), MessageReceived(8), Undecided(service.undecided), QueueRead(3)]
        assert service.bodies.qsize() == 3


def test_each_receive_is_counted_those_that_fail_among_them(service: Service) -> None:
    service.aws.script["receive_message"] = [refusal("InternalError")] * 2
    with running(service):
        settle(service)
    assert service.counters["queue_requests"] == service.aws.calls.count("receive_message") == 4
