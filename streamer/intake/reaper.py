"""Finds the queues and subscriptions that containers left behind, and removes what is certainly ours and dead.

A container that is killed gives nothing back, and a queue that is subscribed is never empty: so the heartbeat decides,
in a tag that the container renews while it lives. Whatever is in doubt is left, and named with the reason.

What is listed or removed here is known to AWS a moment later elsewhere, so nothing is taken on the word of a listing
alone: a queue's tags are read again right before it goes, and a subscription's queue is looked for at the very end.
"""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from streamer.aws.clients import QueueClients
from streamer.aws.errors import call_errors, describe_call, is_missing_queue, is_unknown_subscription
from streamer.change import parse_time
from streamer.clock import wall_ms
from streamer.intake.lease import SERVICE, queue_arn_of
from streamer.queue_tags import HEARTBEAT_TAG, SERVICE_TAG, TOPIC_TAG

DEAD_AFTER: Final = 30 * 60_000
"""Milliseconds without a heartbeat."""
LIMIT: Final = 50
"""Queues and subscriptions that one run removes at most."""
PAUSE: Final = 0.05
"""Seconds between two reads of tags: an account has 30 tag calls a second, and the containers need some of them."""
_NO_QUEUE: Final = "its queue does not exist"
_PAGE: Final = 1000  # ListQueues pages only if it is asked to
_UUID4: Final = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"

Verdict = Literal["alive", "dead", "unclear", "foreign", "gone", "unknown"]
"""`alive`, `dead`: ours, by its heartbeat. `unclear`: ours without a heartbeat that can be read. `foreign`: not ours.
`gone`: listed, or subscribed, but not there any more. `unknown`: it could not be looked at."""
Outcome = Literal["removed", "would be removed", "left", "failed"]


@dataclass(frozen=True, slots=True)
class Examined:
    """One queue whose name begins with the prefix."""

    name: str
    url: str
    verdict: Verdict
    reason: str
    service: str | None = None
    topic: str | None = None
    heartbeat: str | None = None
    """As the tag has it."""
    age_seconds: float | None = None
    """Of the heartbeat; None if there is none that can be read."""
    subscriptions: tuple[str, ...] = ()
    """ARNs of its subscriptions to our topic."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a queue, or of a subscription whose queue is gone."""

    kind: Literal["queue", "subscription"]
    name: str
    """The queue's name, or the subscription's ARN."""
    outcome: Outcome
    reason: str


@dataclass(frozen=True, slots=True)
class ReaperReport:
    """What one run did."""

    fates: tuple[Fate, ...]
    dead: int = 0
    """Queues that were dead when they were looked at."""

    def those(self, outcome: Outcome) -> tuple[Fate, ...]:
        """The ones that it ended like this for."""
        return tuple(fate for fate in self.fates if fate.outcome == outcome)


@dataclass(frozen=True, slots=True)
class _Subscription:
    arn: str
    endpoint: str


class Reaper:
    """Looks after the queues of one prefix on one topic. In the account of both."""

    def __init__(
        self,
        clients: QueueClients,
        topic_arn: str,
        prefix: str,
        *,
        now: Callable[[], int] = wall_ms,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`now`: Unix milliseconds. Raises LeaseError if the topic's ARN is none."""
        self._sqs = clients.sqs
        self._sns = clients.sns
        self._topic_arn = topic_arn
        self._prefix = prefix
        self._now = now
        self._sleep = sleep
        self._arn_start = queue_arn_of(clients.sqs, topic_arn, "")
        self._ours = re.compile(rf"{re.escape(prefix)}-{_UUID4}")

    def examine(self) -> tuple[Examined, ...]:
        """Every queue of the prefix, then each subscription of ours whose queue does not exist: `gone`, with the name
        that the queue had. Raises botocore's errors if queues or subscriptions cannot be listed."""
        subscriptions = self._subscriptions()
        examined = self._examine(subscriptions)
        orphans = (self._examined_orphan(each, name) for each, name in self._orphans(subscriptions, examined))
        return examined + tuple(each for each in orphans if each is not None)

    def prune(self, *, everything: bool = False, limit: int = LIMIT, dry_run: bool = False) -> ReaperReport:
        """Removes what is dead, with `everything` also what is alive or unclear, but nothing that is not ours.

        A queue's subscriptions go first. What AWS refuses is left and reported as failed; the others go on. When
        `limit` are removed, or twice as many tried, the rest is left. With `dry_run` nothing is changed.
        Raises botocore's errors if queues or subscriptions cannot be listed.
        """
        # Before the queues: whoever is subscribed had its queue before.
        subscriptions = self._subscriptions()
        examined = self._examine(subscriptions)
        run = _Run(limit, dry_run)
        for queue in examined:
            run.add("queue", queue.name, *self._prune_queue(queue, run, everything))
        for subscription, name in self._orphans(subscriptions, examined):
            run.add("subscription", subscription.arn, *self._prune_orphan(subscription, name, run))
        return ReaperReport(tuple(run.fates), sum(queue.verdict == "dead" for queue in examined))

    def _examine(self, subscriptions: Sequence[_Subscription]) -> tuple[Examined, ...]:
        by_queue = defaultdict(list)
        for subscription in subscriptions:
            by_queue[subscription.endpoint].append(subscription.arn)
        urls = self._queues()
        return tuple(self._examined(url, tuple(by_queue[self._arn_start + url.rpartition("/")[2]])) for url in urls)

    def _orphans(
        self, subscriptions: Sequence[_Subscription], examined: Sequence[Examined]
    ) -> Iterator[tuple[_Subscription, str]]:
        """Yields the subscriptions of ours without a listed queue, with the queue's name."""
        there = {self._arn_start + queue.name for queue in examined if queue.verdict != "gone"}
        for subscription in subscriptions:
            name = subscription.endpoint.removeprefix(self._arn_start)
            if subscription.endpoint not in there and name != subscription.endpoint and self._ours.fullmatch(name):
                yield subscription, name

    def _examined_orphan(self, subscription: _Subscription, name: str) -> Examined | None:
        """None if the queue exists: it was created after the listing."""
        try:
            self._sqs.get_queue_url(QueueName=name)
        except call_errors() as error:
            if is_missing_queue(error):
                return Examined(name, "", "gone", _NO_QUEUE, subscriptions=(subscription.arn,))
            words = describe_call("sqs:GetQueueUrl", error)
            return Examined(name, "", "unknown", words, subscriptions=(subscription.arn,))
        return None

    def _examined(self, url: str, subscriptions: tuple[str, ...]) -> Examined:
        name = url.rpartition("/")[2]
        if not self._ours.fullmatch(name):
            return Examined(name, url, "foreign", "its name is not the prefix and a UUID", subscriptions=subscriptions)
        self._sleep(PAUSE)
        try:
            tags = self._sqs.list_queue_tags(QueueUrl=url).get("Tags", {})
        except call_errors() as error:
            words = describe_call("sqs:ListQueueTags", error)
            return Examined(
                name, url, "gone" if is_missing_queue(error) else "unknown", words, subscriptions=subscriptions
            )
        heartbeat = tags.get(HEARTBEAT_TAG)
        beaten_ms = None if heartbeat is None else parse_time(heartbeat)
        age_ms = None if beaten_ms is None else self._now() - beaten_ms
        verdict, reason = self._judged(tags.get(SERVICE_TAG), tags.get(TOPIC_TAG), heartbeat, age_ms)
        return Examined(
            name,
            url,
            verdict,
            reason,
            service=tags.get(SERVICE_TAG),
            topic=tags.get(TOPIC_TAG),
            heartbeat=heartbeat,
            age_seconds=None if age_ms is None else age_ms / 1000,
            subscriptions=subscriptions,
        )

    def _judged(
        self, service: str | None, topic: str | None, heartbeat: str | None, age_ms: int | None
    ) -> tuple[Verdict, str]:
        if service != SERVICE:
            return "foreign", "its tags do not name our service"
        if topic != self._topic_arn:
            return "foreign", "its tags do not name our topic"
        if heartbeat is None:
            return "unclear", "it has no heartbeat"
        if age_ms is None:
            return "unclear", "its heartbeat is no time"
        if age_ms < 0:
            return "alive", "its heartbeat is in the future"
        if age_ms <= DEAD_AFTER:
            return "alive", "its heartbeat is fresh"
        return "dead", "its heartbeat is old"

    def _prune_queue(self, queue: Examined, run: _Run, everything: bool) -> tuple[Outcome, str]:
        takes = {"dead", "alive", "unclear"} if everything else {"dead"}
        if queue.verdict == "unknown":
            return "failed", queue.reason
        if queue.verdict not in takes:
            return "left", queue.reason
        if run.full:
            return "left", run.why_full
        if run.dry_run:
            return "would be removed", queue.reason
        again = self._examined(queue.url, queue.subscriptions)
        if again.verdict == "unknown":
            return "failed", again.reason
        if again.verdict not in takes:
            return "left", f"meanwhile {again.reason}"
        run.tried += 1
        for arn in queue.subscriptions:
            words = self._unsubscribed(arn)
            if words is not None:
                return "failed", words
        try:
            self._sqs.delete_queue(QueueUrl=queue.url)
        except call_errors() as error:
            if not is_missing_queue(error):
                return "failed", describe_call("sqs:DeleteQueue", error)
        return "removed", again.reason

    def _prune_orphan(self, subscription: _Subscription, queue_name: str, run: _Run) -> tuple[Outcome, str]:
        if run.full:
            return "left", run.why_full
        examined = self._examined_orphan(subscription, queue_name)
        if examined is None:
            return "left", "its queue exists"
        if examined.verdict == "unknown":
            return "failed", examined.reason
        if run.dry_run:
            return "would be removed", _NO_QUEUE
        run.tried += 1
        words = self._unsubscribed(subscription.arn)
        return ("removed", _NO_QUEUE) if words is None else ("failed", words)

    def _unsubscribed(self, arn: str) -> str | None:
        """None, or why not."""
        try:
            self._sns.unsubscribe(SubscriptionArn=arn)
        except call_errors() as error:
            if not is_unknown_subscription(error):
                return describe_call("sns:Unsubscribe", error)
        return None

    def _queues(self) -> tuple[str, ...]:
        """URLs. One that was deleted a moment ago may be among them."""
        found: list[str] = []
        more: dict[str, str] = {}
        while True:
            page = self._sqs.list_queues(QueueNamePrefix=f"{self._prefix}-", MaxResults=_PAGE, **more)
            found += page.get("QueueUrls", [])
            if not page.get("NextToken"):
                return tuple(found)
            more["NextToken"] = page["NextToken"]

    def _subscriptions(self) -> tuple[_Subscription, ...]:
        """The topic's to queues; none if the topic is gone."""
        found = []
        more = {"TopicArn": self._topic_arn}
        while True:
            try:
                page = self._sns.list_subscriptions_by_topic(**more)
            except call_errors() as error:
                if is_unknown_subscription(error):
                    return ()
                raise
            found += [
                _Subscription(each["SubscriptionArn"], each["Endpoint"])
                for each in page["Subscriptions"]
                if each["Protocol"] == "sqs" and each["SubscriptionArn"].startswith("arn:")  # else not confirmed
            ]
            if not page.get("NextToken"):
                return tuple(found)
            more["NextToken"] = page["NextToken"]


class _Run:
    """The fates so far, and whether there may be more removals."""

    def __init__(self, limit: int, dry_run: bool) -> None:
        self.dry_run = dry_run
        self.fates: list[Fate] = []
        self.tried = 0
        self._limit = limit
        self._removed = 0

    @property
    def full(self) -> bool:
        return self._removed >= self._limit or self.tried >= 2 * self._limit

    @property
    def why_full(self) -> str:
        return f"one run removes {self._limit} at most: left to the next one"

    def add(self, kind: Literal["queue", "subscription"], name: str, outcome: Outcome, reason: str) -> None:
        self.fates.append(Fate(kind, name, outcome, reason))
        self._removed += outcome in ("removed", "would be removed")
