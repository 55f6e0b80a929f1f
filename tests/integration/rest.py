"""What REST answers from, on moto's tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from streamer.aws.clients import TableClient, connect_table
from streamer.aws.worker import Worker
from streamer.change import Key, iso_time
from streamer.clock import wall_ms
from streamer.local.provision import provision
from streamer.local.resources import Resources
from streamer.tables.configurations import ConfigurationTable
from streamer.tables.counts import Counts
from streamer.tables.recent import RecentPages
from streamer.tables.retry import TableCalls
from streamer.tables.sentiment import SentimentTable
from streamer.tables.series import SeriesTable
from streamer.tables.snapshot import SnapshotTable
from streamer.web.app import RestPart
from streamer.web.identity import Identity
from tests.moto_in_process import moto_in_process

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass
class Tables:
    """An AWS with the demo's users and no items."""

    resources: Resources
    client: DynamoDBClient
    part: RestPart

    def put(self, number: int, *tickers: str, label: str = "positive", ms: int | None = None) -> Key:
        """Writes one scored item."""
        key = Key(f"wire:{number}", iso_time(wall_ms() - number if ms is None else ms))
        item: dict[str, Any] = {
            "source_id": {"S": key.source_id},
            "timestamp": {"S": key.timestamp},
            "sentiment": {"S": label},
            "matched_tickers": {"L": [{"S": ticker} for ticker in tickers or ("AAPL",)]},
            "score": {"N": "0.50"},
            "confidence": {"N": "0.9"},
            "source": {"S": "wire"},
            "article": {"S": "not for anybody"},
        }
        self.client.put_item(TableName=self.resources.sentiment_table, Item=item)
        return key


@contextmanager
def tables() -> Iterator[Tables]:
    """With everybody on loopback believed about who they are."""
    account = {"AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    with moto_in_process() as url, patch.dict("os.environ", account | {"AWS_ENDPOINT_URL": url}):
        resources = provision(url, suffix="-rest-http")  # moto keeps one state for the whole process
        worker, client = Worker("test", threads=8), connect_table()
        calls = TableCalls(worker, TableClient())
        part = RestPart(
            identity=Identity([ip_network("127.0.0.0/8")]),
            configurations=ConfigurationTable(calls, resources.users_table),
            snapshot=SnapshotTable(calls, resources.sentiment_table, recent=RecentPages(keep_ms=0)),
            count=Counts(SentimentTable(calls, resources.sentiment_table)).metrics,
            series=SeriesTable(SentimentTable(calls, resources.sentiment_table)),
        )
        yield Tables(resources, client, part)
        worker.close()
        client.close()
