"""Every metric of the service and of the reaper. docs/operations.md shows the same tables, and a test keeps them in
step; the relay, which deploys apart, has a catalogue of its own (ingest_relay/metrics.py)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Metric:
    """One entry of the catalogue."""

    name: str
    unit: Literal["Count", "Bytes", "Milliseconds", "Seconds"]
    """One of CloudWatch's, as it spells them."""
    meaning: str
    published: bool = False
    """Whether it is a metric in CloudWatch, for a price each month; the others are members of the same log line, free,
    for Logs Insights."""
    kind: Literal["counter", "gauge", "distribution"] = "counter"
    """What a line holds: how much was counted since the line before; how it stands, once a minute; or each value with
    how often it came."""
    emitter: Literal["streamer", "reaper"] = "streamer"


COUNTERS: Final = (
    Metric("messages_received", "Count", "queue messages taken in"),
    Metric("messages_poison", "Count", "queue messages that could not be understood, dropped", published=True),
    Metric(
        "messages_failed",
        "Count",
        "queue messages that the service failed to take in, dropped; queries of the table publish what they held",
    ),
    Metric("changes_received", "Count", "change records taken in"),
    Metric("changes_known", "Count", "change records that changed nothing a user sees, repeats among them"),
    Metric("changes_stale", "Count", "change records older than what was published"),
    Metric("changes_undecided", "Count", "change records that only a read of the table can decide"),
    Metric("changes_faulty", "Count", "change records inside a good message that could not be understood, dropped"),
    Metric(
        "table_requests",
        "Count",
        "Query and BatchGetItem calls on the sentiment table, those among them that were refused or tried again",
        published=True,
    ),
    Metric("queries", "Count", "queries of the table that were taken in whole"),
    Metric("queries_failed", "Count", "queries of the table that failed", published=True),
    Metric("items_queried", "Count", "items that queries and consistent reads of the table found", published=True),
    Metric("items_fetched", "Count", "items of which the table brought what push had not, until then"),
    Metric(
        "items_missed", "Count", "items that the table brought and push still had not by the next query", published=True
    ),
    Metric(
        "items_invalid",
        "Count",
        "changes to an item that breaks the table's rules and so is no event, or such items found by a query",
    ),
    Metric(
        "timestamps_irregular",
        "Count",
        "items that came by push and that queries may not find, since their timestamp is not written in UTC with "
        "milliseconds and Z; each once",
    ),
    Metric("tickers_ignored", "Count", "malformed tickers of otherwise good items"),
    Metric("events_published", "Count", "sentiment_update events made, one for each ticker", published=True),
    Metric("events_withdrawn", "Count", "sentiment_withdrawn events made"),
    Metric("events_delivered", "Count", "sentiment and metrics events written to streams", published=True),
    Metric("bytes_delivered", "Bytes", "bytes of frames written to streams", published=True),
    Metric("canaries_received", "Count", "canaries that came by the push path"),
    Metric("leases_taken", "Count", "queues of our own that were made"),
    Metric("leases_lost", "Count", "queues that were gone, or got nothing any more", published=True),
    Metric("lease_failures", "Count", "attempts to get a queue of our own that failed"),
    Metric(
        "queue_requests", "Count", "ReceiveMessage calls on the queue, those that failed among them", published=True
    ),
    Metric("receive_failures", "Count", "receives from the queue that failed"),
    Metric("deletes_failed", "Count", "messages that were taken in but not deleted, and so come again"),
    Metric("mode_switches", "Count", "changes of the way events come"),
    Metric("configurations_read", "Count", "consistent reads of a configuration that a stream shows or wants to show"),
    Metric("configurations_failed", "Count", "such reads that failed"),
    Metric("configurations_changed", "Count", "changes of a configuration while streams showed it"),
    Metric("streams_opened", "Count", "streams admitted", published=True),
    Metric("streams_resumed", "Count", "streams that resumed exactly after the place they named"),
    Metric("streams_reset", "Count", "streams whose place was not covered", published=True),
    Metric(
        "streams_refiltered", "Count", "streams that went on with other tickers because their configuration changed"
    ),
    Metric("streams_refused", "Count", "streams turned away because the container was full or going", published=True),
    Metric("streams_slow", "Count", "streams closed because the client did not keep up", published=True),
    Metric(
        "log_lines_dropped", "Count", "lines of log that nobody took from stderr in time, or that could not be written"
    ),
    Metric("flushes_delayed", "Count", "flushes of these metrics left to the next one, because nobody read stdout"),
)
"""Counted since start; shown by /api/v2/stream/status under `counters`."""

HOPS: Final = tuple(
    Metric(name, "Milliseconds", meaning, published=True, kind="distribution")
    for name, meaning in {
        "committed_to_relayed": "table write (whole seconds) to the relay's message",
        "relayed_to_received": "relay's message to its receipt by this container",
        "received_to_sent": "receipt to the write to the streams",
        "committed_to_sent": "table write to the write to the streams, of what came by push and was new, one sample a"
        " message; DynamoDB rounds the time of a write down to a second, so this reads up to 1 s high",
    }.items()
)
"""Lag by hop, and end to end; shown under `lag` as percentiles of the newest samples."""

GAUGES: Final = (
    Metric("streams_open", "Count", "streams that are open", published=True, kind="gauge"),
    Metric(
        "mode_push",
        "Count",
        "1 if changes come by the queue, else 0; the sum is the number of such containers",
        published=True,
        kind="gauge",
    ),
    Metric("mode_poll", "Count", "1 if changes come by queries of the table, else 0", published=True, kind="gauge"),
    Metric("mode_both", "Count", "1 if they come both ways until push is proven, else 0", published=True, kind="gauge"),
    Metric(
        "mode_down",
        "Count",
        "1 if they come by neither, as right after the start, else 0",
        published=True,
        kind="gauge",
    ),
    Metric(
        "canary_age",
        "Seconds",
        "since the newest canary that came was sent; left out while none has come",
        published=True,
        kind="gauge",
    ),
    Metric(
        "watermark_age",
        "Seconds",
        "since when all is proven to be published; left out while nothing is",
        published=True,
        kind="gauge",
    ),
)
"""How one container stands."""

REAPED: Final = tuple(
    Metric(name, "Count", meaning, published=published, emitter="reaper")
    for name, published, meaning in (
        ("queues_found", True, "queues whose names begin with the prefix"),
        ("queues_dead", True, "of these, ours without a heartbeat for 30 minutes"),
        ("queues_removed", True, "queues that were removed"),
        ("queues_failed", True, "queues and subscriptions that AWS did not let it look at or remove"),
        ("subscriptions_removed", False, "subscriptions removed whose queue was gone"),
    )
)
"""Of one run of the reaper's Lambda."""

CATALOGUE: Final = (*GAUGES, *COUNTERS, *HOPS, *REAPED)
PUBLISHED: Final = frozenset(metric.name for metric in CATALOGUE if metric.published)
"""What a dashboard or an alarm may name, beside the relay's."""
