"""The reaper takes what is certainly ours and dead, and leaves what is in doubt."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from uuid import uuid4

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from streamer.change import iso_time
from streamer.errors import LeaseError
from streamer.intake.lease import Lease
from streamer.intake.reaper import DEAD_AFTER, PAUSE, Fate, Reaper, ReaperReport
from tests.unit.intake.fakes import NOW_MS, PREFIX, TOPIC_ARN, FakeAws, refusal, silence

OLD = NOW_MS - DEAD_AFTER - 1
ONE = "0f8fad5b-d9cb-469f-a165-70867728950e"


def tags(beaten_ms: int = OLD, **changes: str | None) -> dict[str, str]:
    made = {"service": "sentiment-streamer", "topic": TOPIC_ARN, "heartbeat": iso_time(beaten_ms)} | changes
    return {key: value for key, value in made.items() if value is not None}


def name(prefix: str = PREFIX) -> str:
    return f"{prefix}-{uuid4()}"


def reaper(aws: FakeAws, prefix: str = PREFIX, topic_arn: str = TOPIC_ARN) -> Reaper:
    return Reaper(aws.clients(), topic_arn, prefix, now=aws.clock, sleep=lambda _seconds: None)


def outcomes(report: ReaperReport) -> dict[str, str]:
    return {fate.name: fate.outcome for fate in report.fates}


@pytest.fixture
def aws() -> FakeAws:
    return FakeAws()


def test_a_dead_containers_queue_goes_with_its_subscription_first(aws: FakeAws) -> None:
    queue = aws.make_queue(name(), tags())
    report = reaper(aws).prune()
    assert report.fates == (Fate("queue", queue.name, "removed", "its heartbeat is old"),)
    assert (aws.queues, aws.subscriptions) == ({}, {})
    assert aws.calls[-2:] == ["unsubscribe", "delete_queue"]


def test_a_dead_queue_goes_whatever_it_holds(aws: FakeAws) -> None:
    aws.make_queue(name(), tags())
    aws.publish("one")
    reaper(aws).prune()
    assert aws.queues == {}


def test_what_a_lease_left_behind_is_known_by_what_the_lease_wrote(aws: FakeAws) -> None:
    sqs, sns = aws.clients()
    Lease.acquire(sqs, sns, TOPIC_ARN, PREFIX, wait_seconds=10, now=aws.clock)
    aws.advance(DEAD_AFTER / 1000)
    assert [queue.verdict for queue in reaper(aws).examine()] == ["alive"]
    aws.advance(0.001)
    assert [queue.verdict for queue in reaper(aws).examine()] == ["dead"]
    reaper(aws).prune()
    assert (aws.queues, aws.subscriptions) == ({}, {})


LOOKALIKES: dict[str, tuple[str, dict[str, str]]] = {
    "longer prefix": (f"{PREFIX}-blue-{ONE}", tags()),
    "no UUID": (f"{PREFIX}-failures", tags()),
    "upper case": (f"{PREFIX}-{ONE.upper()}", tags()),
    "UUID of another version": (f"{PREFIX}-{ONE[:14]}1{ONE[15:]}", tags()),
    "UUID of another variant": (f"{PREFIX}-{ONE[:19]}c{ONE[20:]}", tags()),
    "UUID without dashes": (f"{PREFIX}-{ONE.replace('-', '')}", tags()),
    "something behind it": (f"{PREFIX}-{ONE}-dlq", tags()),
    "other topic": (f"{PREFIX}-{ONE}", tags(topic=f"{TOPIC_ARN}-staging")),
    "no topic": (f"{PREFIX}-{ONE}", tags(topic=None)),
    "other service": (f"{PREFIX}-{ONE}", tags(service="sentiment-archiver")),
    "no service": (f"{PREFIX}-{ONE}", tags(service=None)),
    "no tags": (f"{PREFIX}-{ONE}", {}),
}
OURS_BUT_NOT_DEAD: dict[str, dict[str, str]] = {
    "just not old enough": tags(NOW_MS - DEAD_AFTER),
    "fresh": tags(NOW_MS),
    "in the future": tags(NOW_MS + 10 * DEAD_AFTER),
    "no heartbeat": tags(heartbeat=None),
    "empty heartbeat": tags(heartbeat=""),
    "malformed heartbeat": tags(heartbeat="yesterday"),
    "a number": tags(heartbeat="1732280000"),
}


@pytest.mark.parametrize("everything", [False, True])
@pytest.mark.parametrize("case", LOOKALIKES)
def test_what_only_looks_like_ours_is_never_taken(aws: FakeAws, case: str, everything: bool) -> None:
    queue = aws.make_queue(*LOOKALIKES[case])
    report = reaper(aws).prune(everything=everything)
    assert outcomes(report) == {queue.name: "left"}
    assert "its name" in report.fates[0].reason or "its tags" in report.fates[0].reason
    assert len(aws.queues) == len(aws.subscriptions) == 1


@pytest.mark.parametrize("case", OURS_BUT_NOT_DEAD)
def test_ours_that_is_not_known_to_be_dead_is_taken_only_with_everything(aws: FakeAws, case: str) -> None:
    queue = aws.make_queue(name(), OURS_BUT_NOT_DEAD[case])
    assert outcomes(reaper(aws).prune()) == {queue.name: "left"}
    assert "heartbeat" in reaper(aws).prune().fates[0].reason
    assert len(aws.queues) == len(aws.subscriptions) == 1
    assert outcomes(reaper(aws).prune(everything=True)) == {queue.name: "removed"}
    assert (aws.queues, aws.subscriptions) == ({}, {})


def test_other_prefixes_are_not_even_looked_at(aws: FakeAws) -> None:
    aws.make_queue(name("another"), tags())
    aws.make_queue(f"{PREFIX}{uuid4()}", tags())
    assert reaper(aws).examine() == ()
    assert reaper(aws).prune(everything=True).fates == ()
    assert len(aws.queues) == 2


def test_a_prefix_is_no_pattern(aws: FakeAws) -> None:
    aws.make_queue(name("a.b"), tags())
    aws.make_queue(f"a.b-a-b-{ONE}", tags())
    assert [queue.verdict for queue in reaper(aws, "a.b").examine()] == ["dead", "foreign"]
    another = aws.subscribe(f"arn:aws:sqs:us-east-1:123456789012:{name('axb')}")
    reaper(aws, "a.b").prune()
    assert another in aws.subscriptions


def test_examining_says_what_there_is_and_changes_nothing(aws: FakeAws) -> None:
    dead = aws.make_queue(name(), tags())
    foreign = aws.make_queue(f"{PREFIX}-failures", {}, subscribed=False)
    future = aws.make_queue(name(), tags(NOW_MS + 5000))
    found = {queue.name: queue for queue in reaper(aws).examine()}
    (subscription,) = [each.arn for each in aws.subscriptions.values() if each.endpoint == dead.arn]
    assert found[dead.name].subscriptions == (subscription,)
    assert (found[dead.name].verdict, found[dead.name].age_seconds) == ("dead", (DEAD_AFTER + 1) / 1000)
    assert (found[dead.name].topic, found[dead.name].heartbeat) == (TOPIC_ARN, iso_time(OLD))
    assert (found[foreign.name].verdict, found[foreign.name].subscriptions) == ("foreign", ())
    assert (found[future.name].verdict, found[future.name].age_seconds) == ("alive", -5.0)
    assert found[future.name].reason == "its heartbeat is in the future"
    assert set(aws.calls) == {"list_subscriptions_by_topic", "list_queues", "list_queue_tags"}


def test_all_pages_are_read_of_both_listings(aws: FakeAws) -> None:
    aws.page = 3
    for _ in range(10):
        aws.make_queue(name(), tags())
    report = reaper(aws).prune()
    assert len(report.those("removed")) == 10
    assert (aws.queues, aws.subscriptions) == ({}, {})
    assert aws.calls.count("list_queues") == aws.calls.count("list_subscriptions_by_topic") == 4


@pytest.mark.parametrize(
    ("operation", "action"),
    [
        ("list_queue_tags", "sqs:ListQueueTags"),
        ("unsubscribe", "sns:Unsubscribe"),
        ("delete_queue", "sqs:DeleteQueue"),
    ],
)
@pytest.mark.parametrize("error", [refusal("AccessDenied"), silence()])
def test_an_error_leaves_the_queue_and_the_others_go_on(
    aws: FakeAws, operation: str, action: str, error: Exception
) -> None:
    queues = [aws.make_queue(name(), tags()) for _ in range(3)]
    aws.script[operation] = [error]
    report = reaper(aws).prune()
    assert [fate.outcome for fate in report.fates] == ["failed", "removed", "removed"]
    assert report.fates[0].reason.startswith(f"{action}: ")
    assert [queue.name for queue in aws.queues.values()] == [queues[0].name]
    reaper(aws).prune()
    assert (aws.queues, aws.subscriptions) == ({}, {})


def test_a_queue_whose_tags_cannot_be_read_again_is_left(aws: FakeAws) -> None:
    queue = aws.make_queue(name(), tags())
    before_second(aws, "list_queue_tags", lambda: aws.script["list_queue_tags"].append(silence()))
    assert outcomes(reaper(aws).prune()) == {queue.name: "failed"}
    assert len(aws.queues) == len(aws.subscriptions) == 1


@pytest.mark.parametrize("operation", ["list_queues", "list_subscriptions_by_topic"])
@pytest.mark.parametrize("error", [refusal("AccessDenied"), silence()])
def test_a_listing_that_fails_ends_the_run_before_anything_is_touched(
    aws: FakeAws, operation: str, error: Exception
) -> None:
    aws.make_queue(name(), tags())
    aws.script[operation] = [error]
    with pytest.raises((ClientError, BotoCoreError)):
        reaper(aws).prune()
    assert len(aws.queues) == len(aws.subscriptions) == 1


def test_a_topic_that_is_gone_keeps_no_queue(aws: FakeAws) -> None:
    aws.make_queue(name(), tags())
    aws.script["list_subscriptions_by_topic"] = [refusal("NotFound")]
    assert len(reaper(aws).prune().those("removed")) == 1
    assert aws.queues == {}


def test_a_topic_that_is_none_is_named_at_once(aws: FakeAws) -> None:
    with pytest.raises(LeaseError, match="topic's ARN"):
        reaper(aws, topic_arn="sentiment-changes")
    assert aws.calls == []


def test_one_run_removes_no_more_than_its_limit(aws: FakeAws) -> None:
    queues = [aws.make_queue(name(), tags()) for _ in range(5)]
    gone = aws.subscribe(f"arn:aws:sqs:us-east-1:123456789012:{name()}")
    report = reaper(aws).prune(limit=3)
    assert [fate.outcome for fate in report.fates] == ["removed"] * 3 + ["left"] * 3
    assert report.fates[-1] == Fate("subscription", gone, "left", "one run removes 3 at most: left to the next one")
    assert [queue.name for queue in aws.queues.values()] == [queue.name for queue in queues[3:]]
    assert [fate.outcome for fate in reaper(aws).prune(limit=3).fates] == ["removed"] * 3
    assert (aws.queues, aws.subscriptions) == ({}, {})


def test_the_limit_is_fifty_unless_told(aws: FakeAws) -> None:
    for _ in range(51):
        aws.make_queue(name(), tags())
    assert len(reaper(aws).prune().those("removed")) == 50
    assert len(aws.queues) == 1


def test_what_fails_does_not_use_up_the_limit_but_does_not_go_on_for_ever(aws: FakeAws) -> None:
    for _ in range(10):
        aws.make_queue(name(), tags())
    aws.script["delete_queue"] = [refusal("AccessDenied")] * 3
    assert [fate.outcome for fate in reaper(aws).prune(limit=2).fates] == ["failed"] * 3 + ["removed"] + ["left"] * 6
    aws.script["delete_queue"] = [refusal("AccessDenied")] * 10
    assert [fate.outcome for fate in reaper(aws).prune(limit=2).fates] == ["failed"] * 4 + ["left"] * 5


def test_a_dry_run_says_what_a_run_would_do_and_changes_nothing(aws: FakeAws) -> None:
    dead = [aws.make_queue(name(), tags()) for _ in range(2)]
    alive = aws.make_queue(name(), tags(NOW_MS))
    orphan = aws.subscribe(f"arn:aws:sqs:us-east-1:123456789012:{name()}")
    before = (dict(aws.queues), dict(aws.subscriptions))
    report = reaper(aws).prune(dry_run=True, limit=2)
    assert outcomes(report) == {
        dead[0].name: "would be removed",
        dead[1].name: "would be removed",
        alive.name: "left",
        orphan: "left",
    }
    assert outcomes(reaper(aws).prune(dry_run=True))[orphan] == "would be removed"
    assert (aws.queues, aws.subscriptions) == before
    assert {"unsubscribe", "delete_queue"}.isdisjoint(aws.calls)


def before_second(aws: FakeAws, operation: str, happens: Callable[[], None]) -> None:
    """Something happens right before the second call of an operation."""
    aws.before[operation] = lambda: aws.before.update({operation: happens})


@pytest.mark.parametrize(
    ("change", "everything", "reason"),
    [
        (tags(NOW_MS), False, "meanwhile its heartbeat is fresh"),
        (tags(heartbeat=None), False, "meanwhile it has no heartbeat"),
        (tags(topic="another"), True, "meanwhile its tags do not name our topic"),
    ],
)
def test_a_queue_that_changed_since_it_was_listed_is_left(
    aws: FakeAws, change: dict[str, str], everything: bool, reason: str
) -> None:
    queue = aws.make_queue(name(), tags())
    before_second(aws, "list_queue_tags", lambda: setattr(queue, "tags", change))
    assert reaper(aws).prune(everything=everything).fates == (Fate("queue", queue.name, "left", reason),)
    assert len(aws.queues) == len(aws.subscriptions) == 1


def test_a_queue_that_went_by_itself_is_no_failure(aws: FakeAws) -> None:
    listed = aws.make_queue(name(), tags())
    aws.before["list_queue_tags"] = aws.drop_queues
    (subscription,) = aws.subscriptions
    assert outcomes(reaper(aws).prune()) == {listed.name: "left", subscription: "removed"}
    again = aws.make_queue(name(), tags())
    aws.before["delete_queue"] = aws.drop_queues
    assert outcomes(reaper(aws).prune()) == {again.name: "removed"}


def test_a_subscription_that_went_by_itself_is_no_failure(aws: FakeAws) -> None:
    queue = aws.make_queue(name(), tags())
    aws.script["unsubscribe"] = [refusal("NotFound")]
    assert outcomes(reaper(aws).prune()) == {queue.name: "removed"}


def test_a_subscription_whose_queue_is_gone_is_removed(aws: FakeAws) -> None:
    arn = aws.subscribe(f"arn:aws:sqs:us-east-1:123456789012:{name()}")
    assert reaper(aws).prune().fates == (Fate("subscription", arn, "removed", "its queue does not exist"),)
    assert aws.subscriptions == {}


@pytest.mark.parametrize(
    ("endpoint", "protocol"),
    [
        (f"arn:aws:sqs:us-east-1:123456789012:{PREFIX}-blue-{ONE}", "sqs"),
        (f"arn:aws:sqs:us-east-1:123456789012:{PREFIX}-{ONE.upper()}", "sqs"),
        (f"arn:aws:sqs:us-east-1:123456789012:{PREFIX}-archive", "sqs"),
        (f"arn:aws:sqs:eu-west-1:123456789012:{PREFIX}-{ONE}", "sqs"),
        (f"arn:aws:sqs:us-east-1:999999999999:{PREFIX}-{ONE}", "sqs"),
        (f"arn:aws:lambda:us-east-1:123456789012:{PREFIX}-{ONE}", "lambda"),
        (f"{PREFIX}-{ONE}", "sqs"),
        (f"arn:aws:sqs:us-east-1:123456789012:{PREFIX}-{ONE}", "https"),
    ],
)
def test_other_subscriptions_are_never_taken(aws: FakeAws, endpoint: str, protocol: str) -> None:
    aws.subscribe(endpoint, protocol)
    assert reaper(aws).prune(everything=True).fates == ()
    assert len(aws.subscriptions) == 1


def test_a_subscription_that_is_not_confirmed_has_no_name_to_remove_it_by(aws: FakeAws) -> None:
    arn = aws.subscribe(f"arn:aws:sqs:us-east-1:123456789012:{name()}")
    aws.subscriptions[arn] = replace(aws.subscriptions[arn], arn="PendingConfirmation")
    assert reaper(aws).prune().fates == ()


def test_a_subscription_made_while_the_reaper_runs_is_left(aws: FakeAws) -> None:
    """A container starts in the middle of it: its queue is in no listing yet."""
    sqs, sns = aws.clients()

    def start() -> None:
        Lease.acquire(sqs, sns, TOPIC_ARN, PREFIX, wait_seconds=10, now=aws.clock)

    aws.before["list_queues"] = start
    aws.queues_unlisted = True  # what was just made is not in the listing
    report = reaper(aws).prune()
    assert report.fates == ()
    assert len(aws.queues) == len(aws.subscriptions) == 1


def test_a_subscription_whose_queue_is_there_but_not_listed_is_left(aws: FakeAws) -> None:
    queue = aws.make_queue(name(), tags(NOW_MS))
    aws.queues_unlisted = True
    (subscription,) = aws.subscriptions
    assert outcomes(reaper(aws).prune()) == {subscription: "left"}
    assert list(aws.queues) == [queue.url]
    assert len(aws.subscriptions) == 1


@pytest.mark.parametrize("operation", ["get_queue_url", "unsubscribe"])
def test_a_subscription_that_aws_refuses_to_tell_of_or_to_remove_is_left(aws: FakeAws, operation: str) -> None:
    arns = [aws.subscribe(f"arn:aws:sqs:us-east-1:123456789012:{name()}") for _ in range(2)]
    aws.script[operation] = [refusal("AccessDenied")]
    assert outcomes(reaper(aws).prune()) == {arns[0]: "failed", arns[1]: "removed"}
    assert list(aws.subscriptions) == arns[:1]


def test_tags_are_read_at_a_pace_that_leaves_some_to_the_containers(aws: FakeAws) -> None:
    pauses: list[float] = []
    for _ in range(3):
        aws.make_queue(name(), tags(NOW_MS))
    aws.make_queue(f"{PREFIX}-failures", {})
    Reaper(aws.clients(), TOPIC_ARN, PREFIX, now=aws.clock, sleep=pauses.append).examine()
    assert pauses == [PAUSE] * 3
    assert 1 / PAUSE < 30


def test_reasons_name_no_arn(aws: FakeAws) -> None:
    aws.make_queue(name(), tags())
    aws.script["delete_queue"] = [refusal("AccessDenied", f"not on {TOPIC_ARN}")]
    assert "arn:" not in json.dumps([fate.reason for fate in reaper(aws).prune().fates])


def test_the_dead_are_counted_whether_they_could_be_removed_or_not(aws: FakeAws) -> None:
    for beaten_ms in (OLD, OLD, NOW_MS):
        aws.make_queue(name(), tags(beaten_ms))
    aws.script["delete_queue"].append(refusal("AccessDenied"))
    report = reaper(aws).prune()
    assert (report.dead, len(report.those("removed")), len(report.those("failed"))) == (2, 1, 1)
