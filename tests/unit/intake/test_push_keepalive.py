"""While it receives, Push keeps its lease, and takes a new one where the old one does not work any more."""

from __future__ import annotations

import pytest

from streamer.intake.keepalive import HEARTBEAT, SPREAD
from streamer.intake.push import RESCUES
from streamer.intake.signals import LeaseGone, LeaseTaken, QueueFailed, QueueRead
from tests.unit.intake.fakes import Queue, refusal
from tests.unit.intake.service import Service, running, settle
from tests.watchdog import WATCHDOG

UNSUBSCRIBED = LeaseGone("sns:GetSubscriptionAttributes: NotFound")


def queue_of(service: Service) -> Queue:
    (queue,) = service.aws.queues.values()
    return queue


def poll(service: Service, seconds: float) -> None:
    """Lets the poll under way end after so many seconds, and returns when the next one is waiting."""
    service.aws.advance(seconds)
    service.hears(QueueRead)
    service.aws.await_poll()


def test_the_heartbeat_is_renewed_between_two_polls(service: Service) -> None:
    with running(service):
        settle(service)
        assert service.intervals == [(SPREAD * HEARTBEAT, HEARTBEAT)]
        poll(service, HEARTBEAT - 10)
        assert queue_of(service).tags["heartbeat"] == "2026-11-22T14:56:40.000Z"
        poll(service, 10)
        assert queue_of(service).tags["heartbeat"] == "2026-11-22T15:01:40.000Z"
        assert service.aws.calls.count("tag_queue") == 1


def test_the_heartbeat_is_renewed_while_polls_fail(service: Service) -> None:
    service.aws.script["receive_message"] = [refusal("AccessDenied")] * 3
    service.aws.before["receive_message"] = lambda: service.aws.advance(HEARTBEAT)
    with running(service):
        settle(service)
        assert queue_of(service).tags["heartbeat"] == "2026-11-22T15:01:40.000Z"


def test_a_heartbeat_that_fails_takes_nothing_from_the_polls(service: Service) -> None:
    service.aws.script["tag_queue"] = [refusal("AccessDenied")] * 2
    with running(service):
        settle(service)
        poll(service, HEARTBEAT)
        poll(service, 60)
        service.aws.publish("one")
        assert service.next_body() == "one"
    assert service.aws.calls.count("create_queue") == 1
    assert service.ceilings == []


def test_a_subscription_that_is_gone_is_found_with_the_heartbeat(service: Service) -> None:
    with running(service):
        settle(service)
        service.aws.drop_subscriptions()
        service.aws.advance(HEARTBEAT)
        assert service.hears(LeaseGone) == UNSUBSCRIBED
        service.hears(LeaseTaken)
        settle(service)
        assert len(service.aws.queues) == len(service.aws.subscriptions) == 1
        service.aws.publish("after")
        assert service.next_body() == "after"


def test_who_doubts_the_lease_has_it_checked_after_the_poll_under_way(service: Service) -> None:
    with running(service):
        settle(service)
        service.aws.drop_subscriptions()
        service.push.check_soon()
        assert "get_subscription_attributes" not in service.aws.calls
        service.aws.advance(10)
        assert service.hears(LeaseGone) == UNSUBSCRIBED
        service.hears(LeaseTaken)


def test_one_doubt_is_one_check(service: Service) -> None:
    with running(service):
        settle(service)
        service.push.check_soon()
        service.push.check_soon()
        for _ in range(3):
            poll(service, 10)
    assert service.aws.calls.count("get_subscription_attributes") == 1


def test_a_doubt_that_comes_too_soon_is_looked_into_later(service: Service) -> None:
    with running(service):
        settle(service)
        poll(service, 10)
        service.push.check_soon()
        poll(service, 10)
        service.push.check_soon()
        service.aws.publish("at once")
        assert service.hears(QueueRead) == QueueRead(1)
        service.aws.await_poll()
        assert service.aws.calls.count("get_subscription_attributes") == 1
        poll(service, 10)
        assert service.aws.calls.count("get_subscription_attributes") == 2


def test_a_doubt_while_a_check_is_under_way_is_another_doubt(service: Service) -> None:
    with running(service):
        settle(service)
        service.push.check_soon()
        service.aws.before["get_subscription_attributes"] = service.push.check_soon
        poll(service, 10)
        poll(service, 10)
    assert service.aws.calls.count("get_subscription_attributes") == 2


def test_the_doubts_of_a_lost_lease_are_not_the_next_ones(service: Service) -> None:
    with running(service):
        settle(service)
        service.aws.drop_queues()
        service.aws.before["create_queue"] = service.push.check_soon
        service.aws.advance(10)
        service.hears(LeaseTaken)
        settle(service)
        poll(service, 10)
        poll(service, 10)
    assert "get_subscription_attributes" not in service.aws.calls


def test_a_check_that_is_refused_changes_nothing(service: Service) -> None:
    service.aws.script["get_subscription_attributes"] = [refusal("AuthorizationError")]
    service.aws.script["get_queue_attributes"] = [refusal("AccessDenied")]
    with running(service):
        settle(service)
        service.push.check_soon()
        poll(service, 10)
        service.aws.publish("one")
        assert service.next_body() == "one"
    assert service.aws.calls.count("create_queue") == 1


def test_what_a_queue_still_holds_is_received_before_it_is_given_up(service: Service) -> None:
    bodies = [str(number) for number in range(25)]

    def publish_and_unsubscribe() -> None:
        for body in bodies:
            service.aws.publish(body)
        service.aws.drop_subscriptions()

    with running(service):
        settle(service)
        service.push.check_soon()
        service.aws.before["get_subscription_attributes"] = publish_and_unsubscribe
        service.aws.advance(10)
        assert service.hears(LeaseGone) == UNSUBSCRIBED
        assert sorted(service.bodies.get_nowait() for _ in bodies) == sorted(bodies)
        service.hears(LeaseTaken)


def test_a_queue_that_is_given_up_is_not_read_for_ever(service: Service) -> None:
    def flood() -> None:
        for number in range(10 * RESCUES + 1):
            service.aws.publish(str(number))
        service.aws.drop_subscriptions()

    with running(service):
        settle(service)
        service.push.check_soon()
        service.aws.before["get_subscription_attributes"] = flood
        service.aws.advance(10)
        service.hears(LeaseTaken)
        assert service.bodies.qsize() == 10 * RESCUES


@pytest.mark.parametrize("trouble", [RuntimeError("the loop is closed"), ZeroDivisionError("a bug")])
def test_a_queue_that_cannot_be_read_to_its_end_is_given_up_all_the_same(service: Service, trouble: Exception) -> None:
    def publish_and_unsubscribe() -> None:
        service.aws.publish("one")
        service.aws.drop_subscriptions()
        service.trouble = [trouble]

    with running(service):
        settle(service)
        service.push.check_soon()
        service.aws.before["get_subscription_attributes"] = publish_and_unsubscribe
        service.aws.advance(10)
        assert service.hears(LeaseGone) == UNSUBSCRIBED
        service.hears(LeaseTaken)


def test_permission_that_is_lost_and_returns_needs_no_restart(service: Service) -> None:
    with running(service):
        settle(service)
        service.aws.script["receive_message"] = [refusal("AccessDenied")] * 30
        service.aws.advance(10)
        for _ in range(30):
            assert service.hears(QueueFailed) == QueueFailed("sqs:ReceiveMessage: AccessDenied")
        service.hears(QueueRead)
        service.aws.publish("after")
        assert service.next_body() == "after"
    assert service.aws.calls.count("create_queue") == 1


def test_one_queue_lost_soon_is_replaced_soon_however_hard_it_was_to_get(service: Service) -> None:
    service.aws.script["create_queue"] = [refusal("AccessDenied")] * 9
    with running(service):
        service.hears(LeaseTaken)
        settle(service)
        service.ceilings.clear()
        service.aws.drop_queues()
        service.aws.advance(10)
        assert isinstance(service.hears(LeaseGone), LeaseGone)
        service.hears(LeaseTaken)
    assert service.ceilings == [0.5]


def test_leases_without_a_subscription_are_replaced_ever_more_slowly(service: Service) -> None:
    with running(service):
        for _ in range(4):
            settle(service)
            service.aws.drop_subscriptions()
            service.push.check_soon()
            service.aws.advance(10)
            service.hears(LeaseGone)
        assert isinstance(service.signals.get(timeout=WATCHDOG), LeaseTaken)
    assert service.ceilings == [0.5, 1, 2, 4]
