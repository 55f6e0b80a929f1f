"""The metrics of the service and of the reaper. A test compares them with the tables of docs/operations.md.

The relay is deployed separately and has its own catalogue (ingest_relay/metrics.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Metric:
    """An entry of the catalogue."""

    name: str
    unit: Literal["Count", "Bytes", "Milliseconds", "Seconds"]
    """A unit of CloudWatch."""
    meaning: str
    published: bool = False
    """Whether CloudWatch extracts it as a metric, which has a monthly price. The others are only members of the log
    line, for Logs Insights."""
    kind: Literal["counter", "gauge", "distribution"] = "counter"
    """The value in a line: the count since the previous line; the current value, once a minute; or the samples as
    values with counts."""
    emitter: Literal["streamer", "reaper"] = "streamer"


COUNTERS: Final = (
    Metric("messages_received", "Count", "queue messages that were processed"),
    Metric("messages_poison", "Count", "queue messages that could not be decoded, dropped", published=True),
    Metric(
        "messages_failed",
        "Count",
        "queue messages that the service failed to process, dropped; queries of the table publish their changes",
    ),
    Metric("changes_received", "Count", "change records that were processed"),
    Metric("changes_known", "Count", "change records that changed nothing a user sees, repeats included"),
    Metric("changes_stale", "Count", "change records older than the published state"),
    Metric("changes_undecided", "Count", "change records whose order only a read of the table can decide"),
    Metric("changes_faulty", "Count", "change records of a valid message that could not be decoded, dropped"),
    Metric(
        "table_requests",
        "Count",
        "Query and BatchGetItem calls on the sentiment table, failed calls and retries included",
        published=True,
    ),
    Metric("queries", "Count", "queries of the table that were processed completely"),
    Metric("queries_failed", "Count", "queries of the table that failed", published=True),
    Metric("items_queried", "Count", "items that queries and consistent reads of the table returned", published=True),
    Metric("items_fetched", "Count", "items whose change was read from the table before it came by push"),
    Metric(
        "items_missed",
        "Count",
        "items whose change was read from the table and had not come by push before the next query",
        published=True,
    ),
    Metric(
        "items_invalid",
        "Count",
        "changes of items that break the table's rules and so are not events, and such items returned by a query",
    ),
    Metric(
        "timestamps_irregular",
        "Count",
        "items from push that queries may not return, because their timestamp is not in UTC with milliseconds and Z; "
        "each counted once",
    ),
    Metric("tickers_ignored", "Count", "malformed tickers of otherwise valid items"),
    Metric("events_published", "Count", "sentiment_update events published, one for each ticker", published=True),
    Metric("events_withdrawn", "Count", "sentiment_withdrawn events published"),
    Metric("events_delivered", "Count", "sentiment and metrics events written to streams", published=True),
    Metric("bytes_delivered", "Bytes", "bytes of frames written to streams", published=True),
    Metric("canaries_received", "Count", "canaries received by push"),
    Metric("leases_taken", "Count", "queues created by this container"),
    Metric("leases_lost", "Count", "queues that were deleted, or no longer received messages", published=True),
    Metric("lease_failures", "Count", "failed attempts to create and subscribe a queue"),
    Metric("queue_requests", "Count", "ReceiveMessage calls on the queue, failed calls included", published=True),
    Metric("receive_failures", "Count", "failed ReceiveMessage calls"),
    Metric("deletes_failed", "Count", "messages that were processed but not deleted, and so are delivered again"),
    Metric("mode_switches", "Count", "changes of the mode"),
    Metric("configurations_read", "Count", "consistent reads of a configuration for a stream"),
    Metric("configurations_failed", "Count", "consistent reads of a configuration that failed"),
    Metric("configurations_changed", "Count", "changes of a configuration with open streams"),
    Metric("streams_opened", "Count", "streams admitted", published=True),
    Metric("streams_resumed", "Count", "streams that resumed exactly after their last event id"),
    Metric(
        "streams_reset",
        "Count",
        "streams whose last event id was not covered by the history, or from before this container's first query",
        published=True,
    ),
    Metric(
        "streams_refiltered", "Count", "streams that continued with other tickers because their configuration changed"
    ),
    Metric("streams_refused", "Count", "streams refused because the container was full or draining", published=True),
    Metric("streams_slow", "Count", "streams closed because the client did not keep up", published=True),
    Metric(
        "log_lines_dropped", "Count", "log lines dropped because stderr was not read in time or could not be written"
    ),
    Metric("flushes_delayed", "Count", "reports of these metrics delayed to the next one because stdout was not read"),
)
"""/api/v2/stream/status has the counts since start under `counters`."""

HOPS: Final = tuple(
    Metric(name, "Milliseconds", meaning, published=True, kind="distribution")
    for name, meaning in {
        "committed_to_relayed": "table write (whole seconds) to the relay's message",
        "relayed_to_received": "relay's message to its receipt by this container",
        "received_to_sent": "receipt to the write to the streams",
        "committed_to_sent": "table write to the write to the streams, for new changes from push, one sample a message;"
        " DynamoDB rounds the time of a write down to a second, so this is up to 1 s too high",
    }.items()
)
"""Latency of each hop and of the whole path. /api/v2/stream/status has percentiles of recent samples under `lag`."""

GAUGES: Final = (
    Metric("streams_open", "Count", "open streams", published=True, kind="gauge"),
    Metric(
        "mode_push",
        "Count",
        "1 if changes come from the queue, else 0; the sum is the number of such containers",
        published=True,
        kind="gauge",
    ),
    Metric("mode_poll", "Count", "1 if changes come from queries of the table, else 0", published=True, kind="gauge"),
    Metric(
        "mode_both",
        "Count",
        "1 if changes come from both until push has proven itself, else 0",
        published=True,
        kind="gauge",
    ),
    Metric(
        "mode_down",
        "Count",
        "1 if changes come from neither, as right after the start, else 0",
        published=True,
        kind="gauge",
    ),
    Metric(
        "canary_age",
        "Seconds",
        "since the newest received canary was sent; left out until one is received",
        published=True,
        kind="gauge",
    ),
    Metric(
        "watermark_age",
        "Seconds",
        "age of the watermark, before which everything is proven to be published; left out until there is one",
        published=True,
        kind="gauge",
    ),
    Metric(
        "configurations_age",
        "Seconds",
        "since the start of the last read of the configuration that was read longest ago, among those that open streams"
        " show; left out if there are none",
        kind="gauge",
    ),
)
"""The state of one container."""

REAPED: Final = tuple(
    Metric(name, "Count", meaning, published=published, emitter="reaper")
    for name, published, meaning in (
        ("queues_found", True, "queues whose names begin with the prefix"),
        ("queues_dead", True, "queues of ours among them without a heartbeat for 30 minutes"),
        ("queues_removed", True, "queues that were removed"),
        ("queues_failed", True, "queues and subscriptions that AWS did not let it read or remove"),
        ("subscriptions_removed", False, "subscriptions without a queue that were removed"),
    )
)
"""Counts of one run of the reaper's Lambda."""

CATALOGUE: Final = (*GAUGES, *COUNTERS, *HOPS, *REAPED)
PUBLISHED: Final = frozenset(metric.name for metric in CATALOGUE if metric.published)
"""Names that a dashboard or an alarm may use, in addition to the relay's."""
