"""The border to AWS: our clients, and what botocore's errors mean.

boto3 is imported when it is first needed, in the thread that needs it: it takes longer to load than everything else.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient

CONNECT_TIMEOUT = 2
"""Seconds."""
READ_MARGIN = 5
"""Seconds that an answer may take beyond the long poll's own wait."""

TABLE_TIMEOUT = 5
"""Seconds that an answer of the table may take."""
_TABLE_CONNECTIONS = 16  # kept open: above the threads that share one client

_THROTTLED = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "ThrottlingException",
        "Throttling",
        "RequestLimitExceeded",
        "InternalServerError",
        "ServiceUnavailable",
    }
)
_GONE = frozenset({"QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"})
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9.]{0,79}")
_LONGEST = 500  # characters of a message


class Clients(NamedTuple):
    """What a lease needs of AWS."""

    sqs: SQSClient
    sns: SNSClient

    def close(self) -> None:
        """Closes both clients' idle connections; a call in flight goes on."""
        self.sqs.close()
        self.sns.close()


def connect(wait_seconds: int) -> Clients:
    """Builds both clients from one session; credentials, region and endpoints come from the environment.

    `wait_seconds` is the long poll's wait. Nothing is retried here: a call fails once, within 5 s (of SQS,
    `wait_seconds` more), and whoever made it decides. Raises whatever boto3 makes of its configuration; takes a few
    hundred milliseconds.
    """
    from boto3.session import Session
    from botocore.config import Config

    once: Any = {"connect_timeout": CONNECT_TIMEOUT, "retries": {"mode": "standard", "total_max_attempts": 1}}
    session = Session(region_name=_region())
    return Clients(
        session.client("sqs", config=Config(read_timeout=wait_seconds + READ_MARGIN, **once)),
        session.client("sns", config=Config(read_timeout=READ_MARGIN, **once)),
    )


def connect_table() -> DynamoDBClient:
    """Builds a client for DynamoDB, as `connect` does. Nothing is retried here; a call fails within 7 s."""
    from boto3.session import Session
    from botocore.config import Config

    config = Config(
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=TABLE_TIMEOUT,
        max_pool_connections=_TABLE_CONNECTIONS,
        retries={"mode": "standard", "total_max_attempts": 1},
    )
    return Session(region_name=_region()).client("dynamodb", config=config)


def _region() -> str | None:
    """boto3 by itself reads `AWS_DEFAULT_REGION` alone; the other SDKs, the CLI and Fargate say `AWS_REGION`. None:
    boto3 looks where it always looks.
    https://docs.aws.amazon.com/sdkref/latest/guide/feature-region.html"""
    return os.environ.get("AWS_REGION") or None


def errors() -> tuple[type[Exception], ...]:
    """What a call to AWS raises, for an `except` clause: no answer, an answer that says no, one that makes no sense."""
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    return BotoCoreError, ClientError, ResponseParserError


def is_gone(error: Exception) -> bool:
    """Whether the queue that was asked does not exist."""
    return _code(error) in _GONE


def is_throttling(error: BaseException) -> bool:
    """Whether AWS asks for patience: throttled, or an error of its own."""
    from botocore.exceptions import ClientError

    if not isinstance(error, ClientError):
        return False
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return _code(error) in _THROTTLED or status >= 500


def is_cut(error: BaseException) -> bool:
    """Whether the connection was closed without an answer: as a kept one is that a frozen process finds dead."""
    from botocore.exceptions import ConnectionClosedError

    return isinstance(error, ConnectionClosedError)


def is_unknown_subscription(error: Exception) -> bool:
    """Whether the subscription, or the topic, that was asked for does not exist."""
    return _code(error) in {"NotFound", "NotFoundException"}


def in_words(action: str, error: Exception) -> str:
    """Names a failure for everybody's eyes: `sqs:CreateQueue: AccessDenied`. Never the message, which names ARNs."""
    return f"{action}: {_code(error) or type(error).__name__}"


def said(error: BaseException | None) -> str | None:
    """What AWS answered, or botocore says of its silence: for the log, it may name queues. None of other exceptions."""
    from botocore.exceptions import BotoCoreError, ClientError

    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Message"))[:_LONGEST]
    return str(error)[:_LONGEST] if isinstance(error, BotoCoreError) else None


def _code(error: Exception) -> str | None:
    from botocore.exceptions import ClientError

    code = error.response.get("Error", {}).get("Code") if isinstance(error, ClientError) else None
    return code if isinstance(code, str) and _CODE.fullmatch(code) else None
