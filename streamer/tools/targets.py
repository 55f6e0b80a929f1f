"""Where a replay goes: the running demo, a topic, a table, or nowhere but to the screen."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from streamer.local.relaying import Kept, Kind, Relayed, Relaying, Shown
from streamer.tools.account import Account, is_local, region_of, the_demo
from streamer.tools.items import Items
from streamer.tools.printable import printable_json

_SHOWN: Final = "written to standard error, as lines of JSON"

Send = Callable[[Sequence[Mapping[str, Any]]], Relayed]


@dataclass(frozen=True, slots=True)
class Target:
    """One place that batches of records go to."""

    where: str
    """In words, after "into"."""
    local: bool
    """Whether nobody but this machine is concerned."""
    send: Send
    failures: str
    """In words: what becomes of a record that cannot be relayed."""
    tables: Mapping[Kind, str]
    """The names that the target knows the tables by."""
    publishes: bool = True
    """Whether it takes changes, else it takes items."""
    notes: Callable[[], list[str]] = field(default=list)
    """What there is to say at the end."""


def demo(sleep: Callable[[float], None]) -> Target:
    """The running demo's topic, through the relay. Raises UsageError if none runs."""
    found = the_demo()
    account, resources = Account(demo=found), found.resources
    tables: dict[Kind, str] = {"sentiment": resources.sentiment_table, "users": resources.users_table}
    relaying = Relaying(
        account.sns(), resources.topic_arn, account.sqs(), resources.failure_queue_url, tables, sleep=sleep
    )
    failures = f"kept in {_name(resources.failure_queue_url)}: see `streamer failures list`"
    return Target(f"the demo at {found.base_url}", True, relaying.send, failures, tables)


def topic(arn: str, queue_url: str | None, tables: Mapping[Kind, str], sleep: Callable[[float], None]) -> Target:
    """A topic, through the relay; `queue_url` is the failure queue, standard error in place of none."""
    account = Account(region=region_of(arn))
    sns, sqs = account.sns(), account.sqs() if queue_url else Kept(to_stderr)
    relaying = Relaying(sns, arn, sqs, queue_url or "standard error", tables, sleep=sleep)
    failures = f"kept in {_name(queue_url)}" if queue_url else _SHOWN
    return Target(f"the topic {arn}", is_local(sns), relaying.send, failures, tables)


def table(name: str, tables: Mapping[Kind, str]) -> Target:
    """A table, item by item. Raises UsageError if it does not exist."""
    dynamodb = Account().dynamodb()
    items = Items(dynamodb, name)

    def notes() -> list[str]:
        left_out = f"{items.left_out:,} records are not this table's, or deletions by TTL: left out"
        return [*([left_out] if items.left_out else []), *(f"refused: {words}" for words in items.refused)]

    where = f"the table {name} in {dynamodb.meta.region_name}"
    return Target(where, is_local(dynamodb), items.send, "named below", tables, False, notes)


def dry(tables: Mapping[Kind, str], show: Callable[[str], None]) -> Target:
    """The messages to `show`, the failure records to standard error; touches nothing."""
    relaying = Relaying(Shown(show), "dry", Kept(to_stderr), "dry", tables)
    return Target("nothing (dry run)", True, relaying.send, _SHOWN, tables)


def to_stderr(text: str) -> None:
    """Writes a line of JSON."""
    sys.stderr.write(f"{printable_json(text, sys.stderr.encoding)}\n")


def _name(queue_url: str) -> str:
    return f"the queue {queue_url.rpartition('/')[2]}"
