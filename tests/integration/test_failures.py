"""The failure queue of a running demo: looked at, and redriven after a fix."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest

from ingest_relay.failures import FailureQueue as RelayFailureQueue
from ingest_relay.publish import Topic
from streamer.event_source import EventSourceMapping, FailureQueue, RetryPolicy, StreamSource
from streamer.event_source.record import to_event
from streamer.event_source.shards import ShardReader
from streamer.tools.relay import LocalRelay
from tests.integration.rig import stream
from tests.integration.terminal import Machine, machine, ran


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Machine]:
    async with machine(tmp_path) as made:
        yield made


def records(here: Machine) -> list[dict[str, Any]]:
    """What the table's stream holds, as Lambda would get it."""
    streams, arn = here.clients.streams(), here.resources.sentiment_stream_arn
    [shard] = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    event = to_event(ShardReader(streams, arn, shard["ShardId"]).read(100))
    found: list[dict[str, Any]] = event["Records"]
    return found


def fail_in_a_relay_that_knows_another_table(here: Machine, failing: list[dict[str, Any]]) -> None:
    """A deployment with a wrong setting: each record becomes a failure record."""
    resources = here.resources
    wrong: Any = {"sentiment": "sentimental", "users": "users"}
    topic = Topic(here.clients.sns(), resources.topic_arn)
    queue = RelayFailureQueue(here.clients.sqs(), resources.failure_queue_url)
    assert LocalRelay(topic, queue, wrong).send(failing).failures == len(failing)


def fail_in_lambda(here: Machine) -> None:
    """A relay that raises until Lambda gives the batch up."""
    stop = threading.Event()

    class Queue:
        def send_message(self, **message: Any) -> Any:
            stop.set()
            return here.clients.sqs().send_message(**message)

    def broken(event: object, context: object) -> None:
        raise RuntimeError("a bug")

    source = StreamSource(here.resources.sentiment_stream_arn)
    policy = RetryPolicy(max_attempts=1, bisect=False)
    destination = FailureQueue(cast("Any", Queue()), here.resources.failure_queue_url)
    mapping = EventSourceMapping(here.clients.streams(), [source], broken, destination=destination, policy=policy)
    while not stop.is_set():
        stop.wait(mapping.step())


@pytest.mark.slow("runs the commands again and again")
async def test_failures_are_listed_shown_and_redriven(here: Machine) -> None:
    said = await ran(here, "failures", "list")
    assert (said.code, said.out) == (0, "the failure queue is empty\n")
    for number in range(3):
        here.put(f"wire:{number}")
    stored = records(here)
    fail_in_a_relay_that_knows_another_table(here, stored[:2])
    lost = json.loads(json.dumps(stored[2]))
    lost["dynamodb"]["SequenceNumber"] = "7"  # long trimmed
    fail_in_a_relay_that_knows_another_table(here, [lost])

    for _ in range(2):  # a look takes nothing away
        said = await ran(here, "failures", "list", "--json")
        assert said.code == 0
        listed = [json.loads(line) for line in said.out.splitlines()]
        assert [each["keys"]["source_id"] for each in listed] == ["wire:0", "wire:1", "wire:2"]
        assert {each["reason"] for each in listed} == {"unknown_table"}
    said = await ran(here, "failures", "list")
    assert all(
        word in said.out for word in ("when", "unknown_table", "wire:1", stored[1]["dynamodb"]["SequenceNumber"])
    )
    said = await ran(here, "failures", "show", 2)
    assert json.loads(said.out)["keys"]["source_id"] == "wire:1"
    said = await ran(here, "failures", "show", 4)
    assert (said.code, said.err) == (2, "streamer failures: N=4: no such message; the queue has 3\n")

    said = await ran(here, "failures", "redrive", "--dry-run")
    assert said.code == 1
    assert "2 could be published, 1 beyond reach" in said.out
    said = await ran(here, "failures", "redrive", 1)
    assert (said.code, said.out.splitlines()[-1]) == (0, "1 published")
    said = await ran(here, "failures", "redrive")
    assert said.code == 1
    assert "beyond reach: wire:2, 2026-11-22T14:17:06.330Z: the record was trimmed: a stream keeps" in said.out
    assert said.out.endswith("1 published, 1 beyond reach; the other messages are still in the queue\n")
    said = await ran(here, "failures", "list", "--json")
    assert [json.loads(line)["keys"]["source_id"] for line in said.out.splitlines()] == ["wire:2"]


@pytest.mark.slow("runs the commands again and again")
async def test_what_lambda_gave_up_reaches_the_clients_after_all(here: Machine) -> None:
    for number in range(3):
        here.put(f"wire:{number}")
    fail_in_lambda(here)
    said = await ran(here, "failures", "list")
    assert "RetryAttemptsExhausted" in said.out
    assert "(3 records)" in said.out
    topic = here.clients.sns().create_topic(Name="another")["TopicArn"]
    queue = here.clients.sqs().create_queue(QueueName="another")["QueueUrl"]
    arn = here.clients.sqs().get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    here.clients.sns().subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"}
    )
    # By name, as against a real account: the environment says queue, topic and tables.
    here.env["CHANGES_TOPIC_ARN"] = topic
    said = await ran(
        here, "failures", "redrive", "--queue-url", here.resources.failure_queue_url, "--topic", topic, aws=True
    )
    assert (said.code, said.out.splitlines()[-1]) == (0, "1 published")
    [message] = here.clients.sqs().receive_message(QueueUrl=queue)["Messages"]
    changes = json.loads(message["Body"])["changes"]
    assert [change["keys"]["source_id"] for change in changes] == [f"wire:{number}" for number in range(3)]
    said = await ran(here, "failures", "list")
    assert said.out == "the failure queue is empty\n"


async def test_a_replays_own_failures_are_beyond_reach_and_say_so(here: Machine) -> None:
    bad = Path(__file__).parents[1] / "events" / "undecodable-unknown-type.json"
    async with stream(here.service.base) as events:
        await ran(here, "replay", bad, "--speed", "max")
        await events.until("sentiment_update")
    said = await ran(here, "failures", "redrive")
    assert said.code == 1
    assert "the stream has no record with this sequence number" in said.out


def test_what_is_wrong_is_said_in_a_sentence(tmp_path: Path) -> None:
    here = Machine.bare(tmp_path)
    url = "https://sqs.eu-west-1.amazonaws.com/123456789012/failures"
    for arguments, code, words in (
        (["list"], 2, "no demo runs on this machine"),
        (["list", "--queue-url", url], 1, "no AWS region; set AWS_REGION"),
        (
            ["redrive", "--queue-url", url, "--topic", "arn:aws:sns:eu-west-1:123456789012:t"],
            2,
            "Not a terminal; confirm with --yes, or use --dry-run",
        ),
        (["redrive", "--queue-url", url, "--topic", "nope"], 2, "--topic='nope': not the ARN of an SNS topic"),
        (["show", "0"], 2, "N"),
    ):
        said = here.run("failures", *arguments)
        assert (said.code, words in said.err) == (code, True), said
        assert "Traceback" not in said.err
