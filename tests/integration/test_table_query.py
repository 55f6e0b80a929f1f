"""What a query of the table costs follows what is new, not what the table holds: counted at 100 and at 20,000 items.

moto counts as DynamoDB does what a Query evaluated (ScannedCount, of which read units are billed), but not the units.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest

from streamer.aws.clients import connect_table
from streamer.aws.worker import Worker
from streamer.change import LABELS, Key, iso_time
from streamer.clock import wall_ms
from streamer.intake.failover import Failover
from streamer.intake.poll import Poll, PollSettings
from streamer.intake.signals import Queried, Signal
from streamer.tables.retry import TableCalls
from streamer.tables.sentiment import SentimentTable
from tests.moto_in_process import moto_in_process
from tests.unit.intake.consumer import FakeConsumer
from tests.watchdog import WATCHDOG

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SETTINGS = PollSettings(interval=600, lookback=180, catchup=0, window=0)
DAY, NEW, CHANGED = 86_400_000, 30, 4
SMALL, LARGE = 100, 20_000


@dataclass
class Cost:
    """What was asked of DynamoDB, and what that made it read."""

    requests: list[str] = field(default_factory=list)
    scanned: int = 0

    def watch(self, client: DynamoDBClient) -> None:
        def asking(params: Any, model: Any, **_: object) -> None:
            if ":since" in params.get("ExpressionAttributeValues", {":since": ""}):  # else it is of the walk back
                self.requests.append(model.name)

        def answered(parsed: Any, **_: object) -> None:
            self.scanned += parsed.get("ScannedCount", 0)

        client.meta.events.register("provide-client-params.dynamodb.*", asking)
        client.meta.events.register("after-call.dynamodb.*", answered)


def item(key: Key, label: str) -> dict[str, Any]:
    return {
        "source_id": {"S": key.source_id},
        "timestamp": {"S": key.timestamp},
        "sentiment": {"S": label},
        "matched_tickers": {"L": [{"S": "AAPL"}]},
        "score": {"N": "0.5"},
    }


def make(client: DynamoDBClient, table: str) -> None:
    """Without a stream, which would take half of the time."""
    client.create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"} for name in ("source_id", "timestamp", "sentiment")
        ],
        KeySchema=[
            {"AttributeName": "source_id", "KeyType": "HASH"},
            {"AttributeName": "timestamp", "KeyType": "RANGE"},
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by_sentiment",
                "KeySchema": [
                    {"AttributeName": "sentiment", "KeyType": "HASH"},
                    {"AttributeName": "timestamp", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )


def write(client: DynamoDBClient, table: str, items: Iterator[dict[str, Any]]) -> None:
    while batch := list(islice(items, 25)):
        answer = client.batch_write_item(RequestItems={table: [{"PutRequest": {"Item": one}} for one in batch]})
        assert not answer["UnprocessedItems"]


def cost_of_two_queries(old: int) -> tuple[Cost, int]:
    """The first query of a container, and the next one that finds some items changed; and how many items it showed."""
    table, writer = f"sentiment-{old}", connect_table(lean=False)
    make(writer, table)
    labels, now_ms = sorted(LABELS), wall_ms()
    old_ms = range(now_ms - DAY, now_ms - 300_000, (DAY - 300_000) // old)
    write(writer, table, (item(Key(f"old:{at}", iso_time(at)), labels[at % 3]) for at in islice(old_ms, old)))
    new = [Key(f"new:{number}", iso_time(now_ms - number * 1_000)) for number in range(NEW)]
    write(writer, table, (item(key, labels[number % 3]) for number, key in enumerate(new)))
    count = writer.describe_table(TableName=table)["Table"]["ItemCount"]
    assert count == old + NEW

    cost, consumer, client = Cost(), FakeConsumer(), connect_table(lean=False)
    consumer.now_ms = now_ms
    cost.watch(client)
    changed = (item(key, labels[number % 3 - 1]) for number, key in enumerate(new[:CHANGED]))
    shown = asyncio.run(two_queries(client, table, consumer, lambda: write(writer, table, changed)))
    client.close()
    writer.close()
    return cost, shown


class Heard:
    """Conforms to ChildListener."""

    def __init__(self) -> None:
        self.queried: asyncio.Queue[Signal] = asyncio.Queue()

    def hear(self, signal: Signal) -> None:
        self.queried.put_nowait(signal)


async def two_queries(client: DynamoDBClient, table: str, consumer: FakeConsumer, between: Callable[[], None]) -> int:
    worker, heard = Worker("test"), Heard()
    calls = TableCalls(worker, lambda: client)  # type: ignore[arg-type]
    poll = Poll(SentimentTable(calls, table), consumer, heard, Failover(wall_ms(), alone=True), SETTINGS)
    polling = asyncio.create_task(poll.run())
    async with asyncio.timeout(WATCHDOG):
        assert isinstance(await heard.queried.get(), Queried)
        between()
        poll.soon()
        assert isinstance(await heard.queried.get(), Queried)
    polling.cancel()
    await asyncio.wait({polling})
    worker.close()
    return len(consumer.shown())


@pytest.mark.slow("writes 20,000 items")
def test_the_cost_follows_what_is_new_and_not_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    with moto_in_process() as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        small, shown = cost_of_two_queries(SMALL)
        large, shown_of_many = cost_of_two_queries(LARGE)
    assert shown == shown_of_many == NEW
    assert (sorted(large.requests), large.scanned) == (sorted(small.requests), small.scanned)
    assert large.scanned == 2 * NEW, "each query reads what its look-back holds, once"
    assert "Scan" not in large.requests
    assert large.requests.count("BatchGetItem") == 1, "what changed is read consistently, in one request"
