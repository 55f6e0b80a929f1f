"""However it ends, the lease is given back once and nothing more is handed over."""

from __future__ import annotations

import logging
import threading

import pytest

from streamer.intake.signals import LeaseFailed, LeaseTaken
from tests.unit.intake.fakes import refusal, silence
from tests.unit.intake.service import Service, running, settle
from tests.watchdog import WATCHDOG


def test_a_cancel_during_a_receive_leaves_nothing_behind_and_does_not_wait_for_it(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "streamer.intake.push")
    with running(service):
        settle(service)
        name = next(iter(service.aws.queues.values())).name
        service.stop()
        assert (service.aws.queues, service.aws.subscriptions) == ({}, {})
        assert service.aws.calls[-2:] == ["unsubscribe", "delete_queue"]
        assert service.aws.closed == 2
    assert service.aws.calls.count("delete_queue") == 1
    assert [(line.message, line.__dict__["queue"]) for line in caplog.records] == [
        ("lease taken", name),
        ("lease released", name),
    ]
    assert service.signals.empty(), "whoever listened may be gone"


def test_what_the_receive_brings_after_a_cancel_is_not_handed_over(service: Service) -> None:
    with running(service):
        settle(service)
        (left,) = service.aws.queues.values()
        service.aws.script["delete_queue"] = [silence()]
        service.aws.script["unsubscribe"] = [silence()]
        (worker,) = [thread for thread in threading.enumerate() if thread.name == "intake-push"]
        service.stop()
        service.aws.publish("late")
        worker.join(WATCHDOG)
        assert len(left.messages) == 1
    assert service.bodies.empty()


def test_a_cancel_while_the_lease_is_being_taken_gives_it_back(service: Service) -> None:
    asked, answered = threading.Event(), threading.Event()

    def slowly() -> None:
        asked.set()
        assert answered.wait(WATCHDOG)

    service.aws.before["subscribe"] = slowly
    with running(service):
        assert asked.wait(WATCHDOG)
        service.cancel()
        answered.set()
        service.join()
    assert (service.aws.queues, service.aws.subscriptions) == ({}, {})
    assert service.aws.calls == ["create_queue", "subscribe", "unsubscribe", "delete_queue"]
    assert service.signals.empty()


def test_a_cancel_ends_the_wait_for_a_lease(service: Service) -> None:
    service.aws.script["create_queue"] = [silence()] * 3
    service.pause = 3600.0
    with running(service):
        service.hears(LeaseFailed)
    assert service.aws.calls == ["create_queue"]


def test_a_second_cancel_leaves_a_lease_that_cannot_be_given_back_to_the_reaper(service: Service) -> None:
    asked, answered = threading.Event(), threading.Event()

    def never() -> None:
        asked.set()
        assert answered.wait(WATCHDOG)

    with running(service):
        settle(service)
        service.aws.before["unsubscribe"] = never
        service.cancel()
        assert asked.wait(WATCHDOG)
        service.cancel()
        service.join()
        assert len(service.aws.queues) == 1
        answered.set()


def test_a_lease_that_cannot_be_given_back_is_logged_and_forgotten(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    with running(service):
        service.hears(LeaseTaken)
        settle(service)
        service.aws.script["delete_queue"] = [refusal("AccessDenied")]
    (line,) = [line for line in caplog.records if line.levelno == logging.WARNING]
    assert (line.message, line.__dict__["error"]) == ("lease not released", "sqs:DeleteQueue: AccessDenied")
    assert service.aws.calls.count("delete_queue") == 1
