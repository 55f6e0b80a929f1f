"""The AWS that a command talks to: the running demo's, or the one that the environment names."""

from __future__ import annotations

import os
from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from streamer.tools.ending import UsageError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient

    from streamer.local.discovery import RunningDemo


class Account:
    """Makes boto3's clients; raises botocore's exceptions."""

    def __init__(self, *, demo: RunningDemo | None = None, region: str | None = None) -> None:
        """`demo`: whose AWS it is; without it the environment's, in `region` if it is given."""
        if demo is not None:
            from streamer.local.clients import Clients

            clients = Clients(demo.resources.endpoint_url)
            made: dict[str, Any] = {
                "dynamodb": clients.dynamodb,
                "dynamodbstreams": clients.streams,
                "sns": clients.sns,
                "sqs": clients.sqs,
            }
            self._make: Any = lambda service: made[service]()
        else:
            from boto3.session import Session
            from botocore.config import Config

            config = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 3})
            # boto3 itself reads AWS_DEFAULT_REGION alone; Lambda, and the other SDKs, know this one.
            region = region or os.environ.get("AWS_REGION")
            self._make = partial(Session(region_name=region).client, config=config)

    def dynamodb(self) -> DynamoDBClient:
        """The tables."""
        return cast("DynamoDBClient", self._make("dynamodb"))

    def streams(self) -> DynamoDBStreamsClient:
        """The tables' streams."""
        return cast("DynamoDBStreamsClient", self._make("dynamodbstreams"))

    def sns(self) -> SNSClient:
        """The topics."""
        return cast("SNSClient", self._make("sns"))

    def sqs(self) -> SQSClient:
        """The queues."""
        return cast("SQSClient", self._make("sqs"))


def the_demo() -> RunningDemo:
    """The demo that runs on this machine, the newest of several. Raises UsageError if there is none."""
    from streamer.local.discovery import running

    demos = running()
    if not demos:
        raise UsageError("no demo runs on this machine: start `make demo` in another terminal, or name what is meant")
    return demos[0]


def is_local(client: Any) -> bool:
    """Whether what a client says stays on this machine."""
    host = urlsplit(client.meta.endpoint_url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def region_of(arn: str) -> str:
    """The region that an SNS topic's ARN names. Raises UsageError if it is no such ARN."""
    match arn.split(":"):
        case ["arn", _, "sns", region, account, name] if region and account and name:
            return region
    raise UsageError(f"{arn!r} is no topic's ARN: they are like arn:aws:sns:us-east-1:123456789012:sentiment-changes")
