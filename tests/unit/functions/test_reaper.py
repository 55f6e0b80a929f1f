"""The reaper's entry point, with events as a schedule and Terraform send them."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from streamer.aws.clients import connect_queue
from streamer.change import iso_time
from streamer.clock import wall_ms
from streamer.errors import SettingsError, UnexpectedEvent
from streamer.functions import reaper
from streamer.functions.environment import load_settings
from streamer.intake.lease import SERVICE
from streamer.local.provision import provision
from streamer.local.resources import Resources
from streamer.queue_tags import HEARTBEAT_TAG, SERVICE_TAG, TOPIC_TAG


@pytest.fixture
def resources(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Resources]:
    made = provision(endpoint, suffix="-reaper")  # moto keeps one state for the whole process
    for key, value in made.environment().items():
        monkeypatch.setenv(key, value)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    load_settings.cache_clear()
    yield made
    load_settings.cache_clear()
    root.handlers[:], root.level = handlers, level


@pytest.mark.parametrize(
    "event",
    [
        {"prune": {}},
        {"prune": {"dry_run": True, "limit": 5}},
        {"version": "0", "source": "aws.events", "detail-type": "Scheduled Event", "detail": {}},
    ],
)
def test_a_schedule_runs_the_reaper(resources: Resources, event: dict[str, Any]) -> None:
    clients = connect_queue(1)
    queue = f"sentiment-stream-{'0' * 8}-0000-4000-8000-{'0' * 12}"
    tags = {SERVICE_TAG: SERVICE, TOPIC_TAG: resources.topic_arn, HEARTBEAT_TAG: "2020-01-01T00:00:00.000Z"}
    url = clients.sqs.create_queue(QueueName=queue, tags=tags)["QueueUrl"]
    report = reaper.handler(event, None)
    outcome = "would_be_removed" if event.get("prune", {}).get("dry_run") else "removed"
    assert (report[outcome], report["failed"]) == (1, 0)
    assert report["fates"][0]["name"] == queue
    there = url in clients.sqs.list_queues().get("QueueUrls", [])
    assert there == (outcome == "would_be_removed")
    if there:
        clients.sqs.delete_queue(QueueUrl=url)
    clients.close()


@pytest.mark.parametrize(("action", "left"), [("create", 1), ("update", 1), ("delete", 0)])
def test_terraform_takes_the_living_queues_with_it_when_it_destroys(
    resources: Resources, action: str, left: int
) -> None:
    """The event is that of `aws_lambda_invocation` with `lifecycle_scope = "CRUD"`."""
    clients = connect_queue(1)
    queue = f"sentiment-stream-{'0' * 8}-0000-4000-8000-{'1' * 12}"
    heartbeat = iso_time(wall_ms())
    tags = {SERVICE_TAG: SERVICE, TOPIC_TAG: resources.topic_arn, HEARTBEAT_TAG: heartbeat}
    url = clients.sqs.create_queue(QueueName=queue, tags=tags)["QueueUrl"]
    reaper.handler({"prune": {}, "tf": {"action": action, "prev_input": None}}, None)
    there = clients.sqs.list_queues(QueueNamePrefix=queue).get("QueueUrls", [])
    assert len(there) == left
    if there:
        clients.sqs.delete_queue(QueueUrl=url)
    clients.close()


@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        {},
        {"Records": []},
        json.loads((Path(__file__).parents[1] / "function_url.json").read_text()),
        {"prune": None},
        {"prune": {"all": 1}},
        {"prune": {"everything": True}},
        {"prune": {"limit": 0}},
        {"prune": {"limit": True}},
        {"prune": {"dry_run": 1}},
    ],
)
def test_what_it_is_not_for_is_refused_in_words(event: object) -> None:
    with pytest.raises(UnexpectedEvent, match="the reaper expects"):
        reaper.handler(event, None)


def test_without_a_topic_nothing_is_looked_for(resources: Resources, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHANGES_TOPIC_ARN")
    monkeypatch.setenv("SSE_INTAKE", "poll")
    with pytest.raises(SettingsError, match="CHANGES_TOPIC_ARN"):
        reaper.handler({"prune": {}}, None)


def test_a_run_of_the_reaper_is_a_line_of_metrics(
    resources: Resources, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("METRICS", "emf")
    monkeypatch.setenv("DEPLOYMENT_NAME", "prod")
    clients = connect_queue(1)
    for number, beaten in enumerate(("2020-01-01T00:00:00.000Z", "2999-01-01T00:00:00.000Z")):
        clients.sqs.create_queue(
            QueueName=f"sentiment-stream-{number}0000000-0000-4000-8000-{'0' * 12}",
            tags={SERVICE_TAG: SERVICE, TOPIC_TAG: resources.topic_arn, HEARTBEAT_TAG: beaten},
        )
    reaper.handler({"prune": {}}, None)
    line = json.loads(capsys.readouterr().out)
    reaper.handler({"prune": {"all": True}}, None)
    clients.close()
    assert line["Deployment"] == "prod"
    assert {name: count for name, count in line.items() if name.startswith(("queues_", "subscriptions_"))} == {
        "queues_found": 2,
        "queues_dead": 1,
        "queues_removed": 1,
        "queues_failed": 0,
        "subscriptions_removed": 0,
    }
