"""What the relay writes is what the service reads: they share no code, so every recorded batch goes through both."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from boto3.dynamodb.types import TypeDeserializer

from ingest_relay.failures import FailureQueue
from ingest_relay.publish import Topic
from ingest_relay.record import SENTIMENT
from ingest_relay.relay import Relay
from streamer.change import Change, Key, read_item
from streamer.intake.decode import Batch, Canary, decode
from tests.unit.ingest_relay.fakes import QUEUE_URL, TOPIC_ARN, FakeSns, FakeSqs
from tests.unit.ingest_relay.stream import EVENTS, RECORDED, TABLES, recorded


def relay_to(sns: FakeSns) -> Relay:
    return Relay(Topic(sns, TOPIC_ARN), FailureQueue(FakeSqs(), QUEUE_URL), TABLES, clock=lambda: 1732280000.1234)


def through(name: str, users_table: str | None = None) -> list[Batch]:
    """A recorded batch as the service receives it."""
    sns = FakeSns()
    relay_to(sns).relay(recorded(name)["Records"], trace="Root=1-2")
    batches = [decode(text, "sentiment", users_table) for text in sns.taken]
    return [batch for batch in batches if isinstance(batch, Batch)]


def changes(batches: Sequence[Batch]) -> list[Change]:
    return [change for batch in batches for change in batch.changes]


def described() -> dict[tuple[str, ...], tuple[int, int, int]]:
    """The tables of tests/events/README.md: files, then how many records, visible changes and events they hold."""
    found = {}
    for line in (EVENTS / "README.md").read_text().splitlines():
        row = re.fullmatch(r"\| ([a-z0-9-]+)((?:, -[a-z0-9-]+)*) \| .+ \| (\d+) \| (\d+|–) \| (\d+|–) \|", line)
        if row:
            first, others, *counts = row.groups()
            names = [first, *(first[: -len(end)] + end for end in others.split(", ")[1:])]
            records, visible, events = (0 if count == "–" else int(count) for count in counts)
            found[tuple(names)] = (records, visible, events)
    return found


@pytest.mark.parametrize("name", RECORDED)
def test_nothing_that_the_relay_writes_is_refused(name: str) -> None:
    for batch in through(name):
        assert batch.faults == ()
        assert (batch.relayed_at, batch.trace) == (1732280000123, "Root=1-2")


@pytest.mark.parametrize("name", [name for name in RECORDED if not name.startswith(("undecodable", "users"))])
def test_each_change_means_what_the_record_meant(name: str) -> None:
    read = TypeDeserializer().deserialize
    received = changes(through(name))
    for change, record in zip(received, recorded(name)["Records"], strict=True):
        body = record["dynamodb"]
        new, old = (
            {key: read(body[image][key]) for key in SENTIMENT.attributes if key in body[image]}
            if image in body
            else None
            for image in ("NewImage", "OldImage")
        )
        assert change.key == Key(body["Keys"]["source_id"]["S"], body["Keys"]["timestamp"]["S"])
        assert change.seq == int(body["SequenceNumber"])
        assert change.committed_at == body["ApproximateCreationDateTime"]
        assert change.before == (None if old is None else read_item(old).state)
        if new is not None:
            assert change.after == read_item(new)
        else:
            assert change.after.absence == ("expired" if "userIdentity" in record else "deleted")


@pytest.mark.parametrize("names", described())
def test_a_recording_holds_what_its_table_says(names: tuple[str, ...]) -> None:
    received = [change for name in names for change in changes(through(name))]
    shown = [state for change in received if (state := change.after.state) is not None and state != change.before]
    records = sum(len(recorded(name)["Records"]) for name in names)
    events = sum(len(state.tickers) for state in shown)
    assert (records, len(shown), events) == described()[names]


def test_every_recording_is_in_the_table() -> None:
    assert sorted(name for names in described() for name in names) == RECORDED


def test_a_configurations_changes_are_told_apart() -> None:
    (batch,) = through("users-configuration")
    assert (batch.changes, batch.elsewhere) == ((), 4), "without that table they are no concern"
    (batch,) = through("users-configuration", "users")
    assert [each.shows for each in batch.notices] == [{"NVDA", "QLFX"}, {"NVDA", "QLFX", "TSLA"}, None, None]
    assert {(each.user_id, each.config_id) for each in batch.notices} == {("ada", "growth")}
    assert [each.seq for each in batch.notices] == [2007, 2008, 2009, 2010]
    assert (batch.faults, batch.elsewhere) == ((), 0)


def test_a_canary_is_understood() -> None:
    sns = FakeSns()
    sent_at = relay_to(sns).canary(trace="Root=1-2")
    assert decode(sns.taken[0], "sentiment") == Canary(sent_at, "Root=1-2")
