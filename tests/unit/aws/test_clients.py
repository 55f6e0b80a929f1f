"""Clients give up in time and leave retries to us; nothing is loaded before it is needed."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError

from streamer.aws.clients import connect_queue, connect_table
from streamer.aws.errors import describe_call, message_of
from tests.unit.intake.fakes import refusal


def test_both_clients_give_up_soon_and_try_once(monkeypatch: pytest.MonkeyPatch, aws_timeouts: dict[str, int]) -> None:
    for name, seconds in aws_timeouts.items():
        monkeypatch.setattr(f"streamer.aws.clients.{name}", seconds)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "9")
    clients = connect_queue(10)
    for client, longest in zip(clients, (15, 5), strict=True):
        config: Any = client.meta.config
        assert (config.connect_timeout, config.read_timeout) == (2, longest)
        assert config.retries == {"mode": "standard", "total_max_attempts": 1}
    clients.close()


def test_clients_take_region_and_endpoint_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SNS", "http://127.0.0.1:9")
    clients = connect_queue(1)
    assert clients.sqs.meta.endpoint_url == "https://sqs.eu-central-1.amazonaws.com"
    assert clients.sns.meta.endpoint_url == "http://127.0.0.1:9"
    clients.close()


def test_the_region_that_fargate_and_the_cli_say_counts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.setenv("AWS_REGION", "eu-west-3")
    clients = connect_queue(1)
    assert clients.sqs.meta.region_name == connect_table().meta.region_name == "eu-west-3"
    clients.close()


def test_a_failure_is_named_by_its_code_or_by_what_happened() -> None:
    cut = ConnectionClosedError(endpoint_url="https://sqs/queue")
    assert describe_call("sqs:ReceiveMessage", refusal("AccessDenied")) == "sqs:ReceiveMessage: AccessDenied"
    assert describe_call("sqs:ReceiveMessage", cut) == "sqs:ReceiveMessage: ConnectionClosedError"
    assert describe_call("sqs:ReceiveMessage", refusal("arn:aws:sqs:x")) == "sqs:ReceiveMessage: ClientError"


def test_the_log_gets_what_was_said_and_no_strangers_message() -> None:
    assert message_of(refusal("AccessDenied", "not authorized")) == "not authorized"
    assert "127.0.0.1:9" in str(message_of(EndpointConnectionError(endpoint_url="http://127.0.0.1:9/")))
    assert message_of(ValueError("what was read")) is None
    assert message_of(None) is None


def test_intake_is_imported_without_boto3() -> None:
    everything = "import streamer.intake.push, streamer.intake.decode, streamer.intake.failover, sys"
    heavy = "sorted({'boto3', 'botocore', 'pydantic', 'urllib3'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", f"{everything}; print({heavy})"], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
