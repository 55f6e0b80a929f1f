"""Sending ends at the first message that was not taken, whatever way the service says so."""

from __future__ import annotations

import pytest

from ingest_relay.delivery import Delivery
from ingest_relay.publish import PublishError, Topic
from tests.unit.ingest_relay.fakes import (
    THROTTLED,
    TIMED_OUT,
    TOPIC_ARN,
    UNREACHABLE,
    Answer,
    FakeSns,
    Refused,
)

TEXTS = [f"message {number}" for number in range(25)]


def published(*script: Answer) -> tuple[Delivery, FakeSns]:
    sns = FakeSns(script=list(script))
    return Topic(sns, TOPIC_ARN).publish(TEXTS), sns


def test_all_is_sent_in_order_ten_a_request() -> None:
    delivery, sns = published()
    assert delivery == Delivery(taken=25, requests=3)
    assert sns.taken == TEXTS
    assert [len(request) for request in sns.requests] == [10, 10, 5]


@pytest.mark.parametrize("error", [UNREACHABLE, TIMED_OUT, THROTTLED])
def test_a_call_that_raises_ends_it(error: Exception) -> None:
    delivery, sns = published(None, error)
    assert (delivery.taken, delivery.requests) == (10, 2)
    assert type(error).__name__ in (delivery.error or "")
    assert len(sns.requests) == 2


def test_a_refused_message_ends_it_even_if_later_ones_were_taken() -> None:
    delivery, sns = published(None, Refused(frozenset({3})))
    assert (delivery.taken, delivery.requests) == (13, 2)
    assert delivery.error == "InternalError: try again (the service's fault)"
    assert sns.taken == TEXTS[:13] + TEXTS[14:20]


def test_what_the_answer_does_not_name_was_not_taken() -> None:
    delivery, _ = published(Refused(frozenset(range(10)), named=False))
    assert delivery.taken == 0
    assert "neither in Successful nor in Failed" in (delivery.error or "")


def test_an_error_that_is_no_answer_of_aws_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        published(ZeroDivisionError())


def test_a_single_message_that_is_not_taken_is_an_error_of_its_own() -> None:
    with pytest.raises(PublishError, match=f"{TOPIC_ARN} did not accept a message: .*Rate exceeded") as caught:
        Topic(FakeSns(script=[THROTTLED]), TOPIC_ARN).publish_one("canary")
    assert caught.value.__cause__ is THROTTLED
