"""What `streamer queues` prints and with which code it ends, on an AWS in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from streamer import tools
from streamer.change import iso_time
from streamer.clock import wall_ms
from streamer.intake.reaper import DEAD_AFTER, LIMIT
from streamer.local.clients import BotoClients
from streamer.local.discovery import RunningDemo, announced
from streamer.local.resources import Resources
from streamer.settings import Settings
from streamer.tools.queues import command
from tests.unit.intake.fakes import PREFIX, TOPIC_ARN, FakeAws, refusal


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeAws:
    """What every account is."""
    made = FakeAws()
    made.now_ms = wall_ms()
    clients = made.clients()
    monkeypatch.setattr(BotoClients, "sqs", lambda _self: clients.sqs)
    monkeypatch.setattr(BotoClients, "sns", lambda _self: clients.sns)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.delenv("QUEUE_PREFIX", raising=False)
    monkeypatch.setenv("CHANGES_TOPIC_ARN", TOPIC_ARN)
    return made


def queue(aws: FakeAws, age_ms: int, **changes: str) -> str:
    tags = {"service": "sentiment-streamer", "topic": TOPIC_ARN, "heartbeat": iso_time(aws.now_ms - age_ms)} | changes
    return aws.make_queue(f"{PREFIX}-{uuid4()}", tags).name


def ran(*arguments: str) -> int:
    return tools.run(["queues", *arguments])


def lines(capsys: pytest.CaptureFixture[str]) -> Iterator[dict[str, Any]]:
    return map(json.loads, capsys.readouterr().out.splitlines())


def test_the_defaults_are_the_services_own() -> None:
    assert Settings.model_fields["queue_prefix"].default == command.PREFIX
    assert command._LIMIT == LIMIT


def test_a_list_says_what_each_queue_is(aws: FakeAws, capsys: pytest.CaptureFixture[str]) -> None:
    names = [
        queue(aws, 2 * DEAD_AFTER),
        queue(aws, 1000),
        queue(aws, -7_300_000),
        queue(aws, 0, heartbeat="a\x1b[31mb"),
        queue(aws, 0, topic="another"),
    ]
    assert ran("list") == 0
    said = capsys.readouterr().out
    assert all(name in said for name in names)
    for words in ("dead", "60 min ago", "1 s ago", "in 2 h", "unclear", "a\\x1b[31mb", "foreign"):
        assert words in said
    assert "\x1b" not in said


def test_a_list_for_machines_has_everything(aws: FakeAws, capsys: pytest.CaptureFixture[str]) -> None:
    name = queue(aws, 2 * DEAD_AFTER)
    (arn,) = aws.subscriptions
    assert ran("list", "--json") == 0
    (found,) = lines(capsys)
    assert found.pop("age_seconds") == pytest.approx(2 * DEAD_AFTER / 1000, abs=60)
    assert found == {
        "name": name,
        "verdict": "dead",
        "reason": "its heartbeat is old",
        "heartbeat": iso_time(aws.now_ms - 2 * DEAD_AFTER),
        "service": "sentiment-streamer",
        "topic": TOPIC_ARN,
        "subscriptions": [arn],
    }


def test_a_list_has_the_subscriptions_without_a_queue(aws: FakeAws, capsys: pytest.CaptureFixture[str]) -> None:
    stays, lost = queue(aws, 0), queue(aws, 0)
    arns = {each.endpoint.rpartition(":")[2]: arn for arn, each in aws.subscriptions.items()}
    del aws.queues[next(url for url, each in aws.queues.items() if each.name == lost)]
    assert ran("list") == 0
    assert "its queue does not exist" in capsys.readouterr().out
    assert ran("list", "--json") == 0
    found = list(lines(capsys))
    assert [(each["name"], each["verdict"], each["subscriptions"]) for each in found] == [
        (stays, "alive", [arns[stays]]),
        (lost, "gone", [arns[lost]]),
    ]
    aws.script["get_queue_url"] = [refusal("AccessDenied")]
    assert ran("list", "--json") == 1
    assert list(lines(capsys))[1]["reason"] == "sqs:GetQueueUrl: AccessDenied"


def test_a_list_of_nothing_says_so(aws: FakeAws, capsys: pytest.CaptureFixture[str]) -> None:
    assert ran("list") == 0
    assert capsys.readouterr().out == "no queue name begins with sentiment-stream-\n"
    assert ran("list", "--json") == 0
    assert capsys.readouterr().out == ""


def test_a_queue_that_cannot_be_looked_at_is_listed_and_fails_the_command(
    aws: FakeAws, capsys: pytest.CaptureFixture[str]
) -> None:
    name = queue(aws, 0)
    aws.script["list_queue_tags"] = [refusal("AccessDenied")]
    assert ran("list", "--json") == 1
    (found,) = lines(capsys)
    assert (found["name"], found["verdict"]) == (name, "unknown")
    assert found["reason"] == "sqs:ListQueueTags: AccessDenied"


def test_a_prune_says_what_it_did(aws: FakeAws, capsys: pytest.CaptureFixture[str]) -> None:
    dead, alive = queue(aws, 2 * DEAD_AFTER), queue(aws, 0)
    assert ran("prune") == 0
    assert capsys.readouterr().out.splitlines() == [
        f"removed: queue {dead}: its heartbeat is old",
        f"left: queue {alive}: its heartbeat is fresh",
        "1 removed, 1 left",
    ]
    assert [each.name for each in aws.queues.values()] == [alive]


def test_a_dry_run_says_what_it_would_do(aws: FakeAws, capsys: pytest.CaptureFixture[str]) -> None:
    queue(aws, 2 * DEAD_AFTER)
    assert ran("prune", "--dry-run") == 0
    assert capsys.readouterr().out.endswith("1 would be removed\n")
    assert len(aws.queues) == 1


def test_a_limit_leaves_the_rest_and_is_no_failure(aws: FakeAws, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(3):
        queue(aws, 2 * DEAD_AFTER)
    assert ran("prune", "--limit", "2") == 0
    said = capsys.readouterr().out
    assert "one run removes 2 at most: left to the next one" in said
    assert said.endswith("2 removed, 1 left\n")


def test_all_takes_the_living_too(aws: FakeAws, capsys: pytest.CaptureFixture[str]) -> None:
    queue(aws, 0)
    queue(aws, 0, heartbeat="?")
    foreign = queue(aws, 0, topic="another")
    assert ran("prune", "--all") == 0
    assert [each.name for each in aws.queues.values()] == [foreign]
    capsys.readouterr()
    assert ran("prune", "--help") == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "Containers that still run create a new queue." in said
    assert "Exit codes: 0 done" in said


def test_what_aws_refuses_is_named_and_fails_the_command(aws: FakeAws, capsys: pytest.CaptureFixture[str]) -> None:
    stays, goes = queue(aws, 2 * DEAD_AFTER), queue(aws, 2 * DEAD_AFTER)
    aws.script["delete_queue"] = [refusal("AccessDenied")]
    assert ran("prune", "--json") == 1
    assert list(lines(capsys)) == [
        {"kind": "queue", "name": stays, "outcome": "failed", "reason": "sqs:DeleteQueue: AccessDenied"},
        {"kind": "queue", "name": goes, "outcome": "removed", "reason": "its heartbeat is old"},
    ]


@pytest.mark.parametrize("command", ["list", "prune"])
def test_a_listing_that_is_refused_is_a_sentence(
    aws: FakeAws, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    aws.script["list_queues"] = [refusal("AccessDenied", "you may not")]
    assert ran(command) == 1
    assert capsys.readouterr().err == "streamer queues: AWS refused Operation: AccessDenied: you may not\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--topic", ""], "--topic='': empty"),
        (["--topic", "changes"], "--topic='changes': not the ARN of an SNS topic"),
        (["--topic", "arn:\udcff"], "not UTF-8"),
        (["--prefix", ""], "--prefix='' (QUEUE_PREFIX): invalid; use 1 to 43"),
        (["--prefix", "a b"], "--prefix='a b' (QUEUE_PREFIX): invalid; use 1 to 43"),
        (["--prefix", "x" * 44], "use 1 to 43"),
        (["--limit", "0"], "--limit"),
    ],
)
def test_wrong_usage_is_said_before_anything_is_asked(
    aws: FakeAws, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert ran("prune", *arguments) == 2
    assert words in capsys.readouterr().err
    assert aws.calls == []


def test_the_running_demo_is_meant_where_no_topic_is_named(
    aws: FakeAws, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CHANGES_TOPIC_ARN")
    assert ran("list") == 2
    assert "no demo runs on this machine" in capsys.readouterr().err
    name = queue(aws, 0)
    resources = Resources("http://127.0.0.1:1", "t", "s", "u", "v", TOPIC_ARN, "q")
    with announced(RunningDemo(1, "http://127.0.0.1:9001", resources)):
        assert ran("list") == 0
    assert name in capsys.readouterr().out


def test_the_option_of_earlier_versions_is_known_and_hidden(
    aws: FakeAws, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = queue(aws, 0)
    monkeypatch.setenv("CHANGES_TOPIC_ARN", "another")
    assert ran("list", "--topic-arn", TOPIC_ARN) == 0
    assert name in capsys.readouterr().out
    assert ran("list", "--help") == 0
    said = capsys.readouterr().out
    assert "--topic " in said
    assert "--topic-arn" not in said


def test_the_environment_names_topic_and_prefix(
    aws: FakeAws, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    queue(aws, 0)
    monkeypatch.setenv("QUEUE_PREFIX", "another")
    assert ran("list") == 0
    assert capsys.readouterr().out == "no queue name begins with another-\n"
