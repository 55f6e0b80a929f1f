"""Our clients of AWS. Nothing is retried in them: a call fails once, and whoever made it decides."""

from __future__ import annotations

import os
import threading
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


class QueueClients(NamedTuple):
    """What a lease needs of AWS."""

    sqs: SQSClient
    sns: SNSClient

    def close(self) -> None:
        """Closes both clients' idle connections; a call in flight goes on."""
        self.sqs.close()
        self.sns.close()


def connect_queue(wait_seconds: int) -> QueueClients:
    """Builds both clients from one session; credentials, region and endpoints come from the environment.

    `wait_seconds` is the long poll's wait. Nothing is retried here: a call fails once, within 5 s (of SQS,
    `wait_seconds` more), and whoever made it decides. Raises whatever boto3 makes of its configuration; takes a few
    hundred milliseconds.
    """
    from boto3.session import Session
    from botocore.config import Config

    once: Any = {"connect_timeout": CONNECT_TIMEOUT, "retries": {"mode": "standard", "total_max_attempts": 1}}
    session = Session(region_name=_region())
    return QueueClients(
        session.client("sqs", config=Config(read_timeout=wait_seconds + READ_MARGIN, **once)),
        session.client("sns", config=Config(read_timeout=READ_MARGIN, **once)),
    )


def connect_table() -> DynamoDBClient:
    """Builds a client for DynamoDB, as `connect_queue` does. Nothing is retried here; a call fails within 7 s."""
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


class TableClient:
    """DynamoDB's client, made by the first thread that needs it. For workers: making it takes a few hundred ms."""

    def __init__(self) -> None:
        self._client: DynamoDBClient | None = None
        self._lock = threading.Lock()

    def __call__(self) -> DynamoDBClient:
        """The client, the same for every thread."""
        with self._lock:
            if self._client is None:
                self._client = connect_table()
            return self._client
