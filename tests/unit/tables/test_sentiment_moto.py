"""The same reads against an engine that others wrote: expressions, pages of 1 MB, projections."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from streamer.aws.clients import connect_table
from streamer.change import GONE, PENDING, Key, iso_time
from streamer.local.provision import provision
from streamer.tables.sentiment import SentimentTable
from tests.factories import NOW_MS, state
from tests.unit.tables.fakes import after, back, calls

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ARTICLE = {"S": "x" * 90_000}


class Recording:
    """A client, the names of what it called, and what came back."""

    def __init__(self, client: DynamoDBClient) -> None:
        self.client = client
        self.called: list[str] = []
        self.answers: list[Any] = []
        client.meta.events.register("before-call.dynamodb.*", lambda model, **_: self.called.append(model.name))
        client.meta.events.register("after-call.dynamodb.*", lambda parsed, **_: self.answers.append(parsed))


@pytest.fixture
def recording(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recording]:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    provision(endpoint)
    client = connect_table(lean=False)
    for number in range(30):
        item: dict[str, Any] = {
            "source_id": {"S": f"wire:{number}"},
            "timestamp": {"S": iso_time(NOW_MS - number)},
            "sentiment": {"S": ("positive", "neutral", "negative")[number % 3]},
            "matched_tickers": {"L": [{"S": "AAPL"}]},
            "score": {"N": "0.5"},
            "source": {"S": "wire"},
            "article": ARTICLE,
        }
        client.put_item(TableName="sentiment", Item=item)
    client.put_item(TableName="sentiment", Item={"source_id": {"S": "new"}, "timestamp": {"S": iso_time(NOW_MS)}})
    yield Recording(client)
    client.close()


def key(number: int) -> Key:
    return Key(f"wire:{number}", iso_time(NOW_MS - number))


async def test_every_read_brings_what_the_table_holds_and_no_article(recording: Recording) -> None:
    table = SentimentTable(calls(recording.client), "sentiment")
    found = await after(table, iso_time(NOW_MS - 20))
    assert Counter(row[0] for row in found) == Counter(key(number) for number in range(20))
    assert dict(found)[key(3)].state == state("positive")

    read = dict(await table.read([key(1), key(1), Key("new", iso_time(NOW_MS)), key(99)]))
    assert read[key(1)].state == state("neutral")
    assert (read[Key("new", iso_time(NOW_MS))], read[key(99)]) == (PENDING, GONE)

    backward = [row[0] for rows, _ in await back(table, iso_time(NOW_MS - 5), iso_time(NOW_MS - 25)) for row in rows]
    assert Counter(backward) == Counter(key(number) for number in range(5, 26))

    assert set(recording.called) == {"Query", "BatchGetItem"}, "never a Scan"
    assert "xxx" not in str(recording.answers)


async def test_pages_of_an_engine_are_followed(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamer.tables.sentiment._PAGE", 4)
    table = SentimentTable(calls(recording.client), "sentiment")
    backward = [row[0] for rows, _ in await back(table, iso_time(NOW_MS), "2000") for row in rows]
    assert Counter(backward) == Counter(key(number) for number in range(30))
    assert recording.called.count("Query") >= 9

    for number in range(30, 70):
        item: dict[str, Any] = {
            "source_id": {"S": f"wire:{number}"},
            "timestamp": {"S": iso_time(NOW_MS - number)},
            "sentiment": {"S": "positive"},
            "matched_tickers": {"L": [{"S": "AAPL"}]},
            "score": {"N": "0.5"},
            "article": ARTICLE,
        }
        recording.client.put_item(TableName="sentiment", Item=item)
    recording.called.clear()
    assert len(await after(table, "2000")) == 70
    assert recording.called.count("Query") > 3, "over 1 MB under one label"
