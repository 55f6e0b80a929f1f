"""What can be done to the system, and what must hold while it is done.

The bounds follow from the service's default settings, with canaries every 5 s that are missed after 20: 10 s of failing
receives are borne, then the table is read every 5 s; what is not noticed at all is found by verification, which reads
every 15 s and publishes at the second look.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Service = Literal["sqs", "sns", "dynamodb"]
SERVICES: Final[tuple[Service, ...]] = ("sqs", "sns", "dynamodb")
Where = Literal["container", "process", "everywhere"]

QUIET: Final = 6.0
"""Seconds that any change may take while nothing is disturbed: a client that has cut itself off is back by then."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of fault."""

    name: str
    does: str
    """In plain words, for the report."""
    seconds: tuple[float, float]
    """From least to most."""
    silence: float = QUIET
    """The longest that a change may take to reach a client, and a client may hear nothing."""
    recovery: float = 2.0
    """Seconds after its end in which its bound still holds in place of the quiet one."""
    where: Where = "container"
    calls: tuple[tuple[Service, str], ...] = ()
    """Which calls of the container are disturbed, and how."""
    act: str | None = None
    """What is done beside the calls, or in place of it."""
    to_poll: float | None = None
    """Seconds from its start in which the container has to leave `push`."""
    blocks_push: bool = False
    """Whether changes cannot come by push meanwhile."""
    blocks_table: bool = False
    """Whether the container cannot read the table, or not rightly."""
    alongside: bool = False
    """May overlap with other faults of its container."""

    @property
    def needs_lease(self) -> bool:
        """Whether the container has to make a queue afterwards."""
        return self.act in ("delete_queue", "remove_subscription", "terminate", "kill")

    @property
    def breaks_lease(self) -> bool:
        """Whether no queue can be made meanwhile."""
        return any(service == "sns" for service, _ in self.calls)


def _sqs(how: str, does: str, seconds: tuple[float, float], silence: float, to_poll: float | None) -> Kind:
    return Kind(
        f"sqs-{how}",
        does,
        seconds,
        silence=silence,
        recovery=8.0 if to_poll else 5.0,
        calls=(("sqs", how),),
        to_poll=to_poll,
        blocks_push=True,
    )


def _table(how: str, does: str, seconds: tuple[float, float]) -> Kind:
    # Push goes on; but a record that comes late, after a fault of the queue, may need a read of the table.
    return Kind(f"dynamodb-{how}", does, seconds, silence=20, calls=(("dynamodb", how),), blocks_table=True)


def _topic(how: str, does: str) -> Kind:
    return Kind(f"sns-{how}", does, (8, 12), calls=(("sns", how),), alongside=True)


_KINDS: Final = (
    _sqs("refuse", "connections to the queue are reset", (15, 17), 20, 17),
    _sqs("hang", "the queue takes requests and never answers", (26, 30), 30, 30),
    _sqs("cut", "answers of the queue are cut in the middle", (8, 12), 20, None),
    _sqs("delay", "the queue answers 0.5 to 3 s late", (8, 12), 14, None),
    _sqs("errors", "the queue answers 500", (15, 17), 20, 17),
    _sqs("throttled", "the queue throttles", (15, 17), 20, 17),
    _sqs("denied", "no permission for SQS", (15, 17), 20, 17),
    _sqs("shuffled", "messages come repeated and out of order", (8, 12), 14, None),
    _table("refuse", "connections to the table are reset", (5, 18)),
    _table("hang", "the table takes requests and never answers", (8, 12)),
    _table("cut", "answers of the table are cut in the middle", (5, 18)),
    _table("delay", "the table answers 0.5 to 3 s late", (5, 18)),
    _table("errors", "the table answers 500, now and then", (5, 18)),
    _table("throttled", "the table throttles", (5, 18)),
    _table("denied", "no permission for DynamoDB", (5, 18)),
    _table("stale", "the index is up to 4 s behind", (8, 18)),
    _topic("refuse", "connections to the topic are reset"),
    _topic("hang", "the topic takes requests and never answers"),
    _topic("cut", "answers of the topic are cut in the middle"),
    _topic("delay", "the topic answers 0.5 to 3 s late"),
    _topic("errors", "the topic answers 500"),
    _topic("throttled", "the topic throttles"),
    _topic("denied", "no permission for SNS"),
    Kind(
        "stale-polling",
        "no permission for SQS while the index is up to 4 s behind",
        (18, 24),
        silence=26,
        recovery=8,
        calls=(("sqs", "denied"), ("dynamodb", "stale")),
        to_poll=16,
        blocks_push=True,
        blocks_table=True,
    ),
    Kind(
        "queue-deleted",
        "the container's queue is deleted",
        (1, 1),
        silence=30,
        recovery=22,
        act="delete_queue",
        to_poll=25,
        blocks_push=True,
    ),
    Kind(
        "subscription-removed",
        "the queue's subscription is removed",
        (1, 1),
        silence=38,
        recovery=38,
        act="remove_subscription",
        to_poll=32,
        blocks_push=True,
    ),
    Kind(
        "lease-denied",
        "the queue is deleted, and no permission for SQS and SNS to make another",
        (16, 20),
        silence=30,
        recovery=14,
        calls=(("sqs", "denied"), ("sns", "denied")),
        act="delete_queue",
        to_poll=25,
        blocks_push=True,
    ),
    Kind(
        "sigterm",
        "the container is asked to end, then started again",
        (2, 4),
        silence=12,
        recovery=10,
        where="process",
        act="terminate",
        blocks_push=True,
    ),
    Kind(
        "kill",
        "the container is killed, then started again",
        (1, 3),
        silence=12,
        recovery=10,
        where="process",
        act="kill",
        blocks_push=True,
    ),
    Kind(
        "relay-stopped",
        "the relay stands still",
        (32, 60),
        silence=30,
        recovery=6,
        where="everywhere",
        act="stop_relay",
        to_poll=32,
        blocks_push=True,
    ),
    Kind(
        "shard-stuck",
        "one of four shards stands still",
        (42, 48),
        silence=38,
        recovery=6,
        where="everywhere",
        act="stick_shard",
        blocks_push=True,
    ),
    Kind(
        "replay-cut",
        "clients are cut off in the middle of what they missed",
        (10, 15),
        silence=15,
        where="everywhere",
        act="cut_replays",
        alongside=True,
    ),
)
KINDS: Final = {kind.name: kind for kind in _KINDS}
