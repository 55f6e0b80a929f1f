"""From a write to the table to the frame at a client, through the whole local path, with a table of hops."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from ingest_relay.handler import handler
from streamer.change import iso_time, parse_time
from streamer.event_source.mapping import POLL_INTERVAL
from streamer.local.aws import EmbeddedAws
from streamer.local.clients import LocalClients
from streamer.local.provision import provision
from streamer.local.resources import Resources
from tests.integration.pipeline import pumping
from tests.integration.rig import stream
from tests.integration.service import serving

_RATE = 20
_SECONDS = 30
_WARM_UP = 2 * _RATE


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


class _FirstHops:
    """The handler, and how long each record waited for it and it for the topic."""

    def __init__(self) -> None:
        self.write_to_relay: list[float] = []
        self.relay_to_topic: list[float] = []

    def __call__(self, event: dict[str, Any], context: Any) -> object:
        began = _now_ms()
        answer = handler(event, context)
        ended = _now_ms()
        for record in event.get("Records", ()):
            written = parse_time(record["dynamodb"].get("NewImage", {}).get("updated_at", {}).get("S", ""))
            if written is not None:
                self.write_to_relay.append(began - written)
                self.relay_to_topic.append(ended - began)
        return answer


def _write(resources: Resources, count: int) -> None:
    dynamodb = LocalClients(resources.endpoint_url).dynamodb()
    began = time.monotonic()
    for number in range(count):
        wait = began + number / _RATE - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        now = iso_time(_now_ms())
        dynamodb.put_item(
            TableName=resources.sentiment_table,
            Item={
                "source_id": {"S": f"bench:{number}"},
                "timestamp": {"S": now},
                "matched_tickers": {"L": [{"S": "AAPL"}]},
                "sentiment": {"S": "positive"},
                "score": {"N": "0.5"},
                "source": {"S": "bench"},
                "updated_at": {"S": now},
                "article_text": {"S": "a sentence of an article " * 80},
            },
        )


async def _measure(resources: Resources) -> tuple[list[float], Mapping[str, Any]]:
    count = _RATE * _SECONDS + _WARM_UP
    totals: list[float] = []
    async with (
        serving(resources.environment(), until="push") as service,
        stream(service.base, "?events=sentiment_update") as events,
    ):
        await events.until("heartbeat")
        writing = asyncio.create_task(asyncio.to_thread(_write, resources, count))
        while len(totals) < count:
            event = await events.until("sentiment_update")
            written = parse_time(event["data"]["updated_at"])
            assert written is not None
            totals.append(_now_ms() - written)
        await writing
        status = await service.status()
    return totals[_WARM_UP:], status["lag"]


def _row(name: str, p50: float, p99: float) -> None:
    print(f"  {name:<34}{p50:8.0f}{p99:8.0f}")


def _percentiles(samples: list[float]) -> tuple[float, float]:
    ordered = sorted(samples)
    last = len(ordered) - 1
    return ordered[round(last * 0.5)], ordered[round(last * 0.99)]


def main() -> None:
    """Prints p50 and p99 by hop, in milliseconds."""
    hops = _FirstHops()
    with EmbeddedAws() as aws:
        resources = provision(aws.endpoint_url)
        with pumping(resources, hops, interval=POLL_INTERVAL):
            totals, lag = asyncio.run(_measure(resources))
    print(f"table write to frame at a client: {_RATE} writes/s for {_SECONDS} s, shards are read every")
    print(f"{POLL_INTERVAL * 1000:.0f} ms (aim: p50 60 ms, p99 150 ms)             ms   p50     p99")
    _row("write → relay", *_percentiles(hops.write_to_relay[_WARM_UP:]))
    _row("relay → topic (handler)", *_percentiles(hops.relay_to_topic[_WARM_UP:]))
    _row(
        "relayed → received (topic, queue)", lag["relayed_to_received"]["p50_ms"], lag["relayed_to_received"]["p99_ms"]
    )
    _row("received → sent (decode, hub, flush)", lag["received_to_sent"]["p50_ms"], lag["received_to_sent"]["p99_ms"])
    _row("write → client, whole", *_percentiles(totals))
