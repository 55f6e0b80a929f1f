"""However the thread ends, the lease is given back once and nothing more is handed over."""

from __future__ import annotations

import logging
import threading

import pytest

from streamer.aws import Clients
from streamer.intake.signals import LeaseFailed
from tests.unit.intake.fakes import refusal, silence
from tests.unit.intake.service import Service, running, settle
from tests.watchdog import WATCHDOG


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
    assert service.signals.empty()  # whoever listened may be gone
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


def test_a_stop_ends_the_wait_for_a_lease(service: Service) -> None:
    service.aws.script["create_queue"] = [silence()] * 3
    service.pause = 3600.0
    service.push.start()
    service.hears(LeaseFailed)
    assert service.push.stop(WATCHDOG)
    assert service.aws.calls == ["create_queue"]


def test_a_lease_that_cannot_be_given_back_is_logged_and_forgotten(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    with running(service):
        settle(service)
        service.aws.script["delete_queue"] = [refusal("AccessDenied")]
    (line,) = [line for line in caplog.records if line.levelno == logging.WARNING]
    assert (line.message, line.__dict__["error"]) == ("lease not released", "sqs:DeleteQueue: AccessDenied")
    assert service.aws.calls.count("delete_queue") == 1
