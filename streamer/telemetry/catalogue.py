"""Every metric: name, unit, meaning. docs/operations.md shows the same table, and a test keeps the two in step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Metric:
    """One entry of the catalogue."""

    name: str
    unit: Literal["Count", "Bytes", "Milliseconds"]
    meaning: str


COUNTERS = (
    Metric("messages_received", "Count", "queue messages taken in"),
    Metric("messages_poison", "Count", "queue messages that could not be understood, dropped"),
    Metric("changes_received", "Count", "change records taken in"),
    Metric("changes_known", "Count", "change records that changed nothing a user sees, repeats among them"),
    Metric("changes_stale", "Count", "change records older than what was published"),
    Metric("changes_undecided", "Count", "change records that only a read of the table can decide"),
    Metric("changes_faulty", "Count", "change records inside a good message that could not be understood, dropped"),
    Metric("queries", "Count", "queries of the table that were taken in whole"),
    Metric("queries_failed", "Count", "queries of the table that failed"),
    Metric("items_queried", "Count", "items that queries and consistent reads of the table found"),
    Metric("items_fetched", "Count", "items of which the table brought what push had not, until then"),
    Metric("items_missed", "Count", "items that the table brought and push still had not by the next query"),
    Metric(
        "items_invalid",
        "Count",
        "changes to an item that breaks the table's rules and so is no event, or such items found by a query",
    ),
    Metric("tickers_ignored", "Count", "malformed tickers of otherwise good items"),
    Metric("events_published", "Count", "sentiment_update events made, one for each ticker"),
    Metric("events_withdrawn", "Count", "sentiment_withdrawn events made"),
    Metric("events_delivered", "Count", "sentiment and metrics events written to streams"),
    Metric("bytes_delivered", "Bytes", "bytes of frames written to streams"),
    Metric("canaries_received", "Count", "canaries that came by the push path"),
    Metric("leases_taken", "Count", "queues of our own that were made"),
    Metric("leases_lost", "Count", "queues that were gone, or got nothing any more"),
    Metric("lease_failures", "Count", "attempts to get a queue of our own that failed"),
    Metric("receive_failures", "Count", "receives from the queue that failed"),
    Metric("deletes_failed", "Count", "messages that were taken in but not deleted, and so come again"),
    Metric("mode_switches", "Count", "changes of the way events come"),
    Metric("configurations_read", "Count", "consistent reads of a configuration that a stream shows or wants to show"),
    Metric("configurations_failed", "Count", "such reads that failed"),
    Metric("configurations_changed", "Count", "changes of a configuration while streams showed it"),
    Metric("streams_opened", "Count", "streams admitted"),
    Metric("streams_resumed", "Count", "streams that resumed exactly after the place they named"),
    Metric("streams_reset", "Count", "streams whose place was not covered"),
    Metric(
        "streams_refiltered", "Count", "streams that went on with other tickers because their configuration changed"
    ),
    Metric("streams_refused", "Count", "streams turned away because the container was full or going"),
    Metric("streams_slow", "Count", "streams closed because the client did not keep up"),
)
"""Counted since start; shown by /api/v2/stream/status under `counters`."""

HOPS = (
    Metric("committed_to_relayed", "Milliseconds", "table write (whole seconds) to the relay's message"),
    Metric("relayed_to_received", "Milliseconds", "relay's message to its receipt by this container"),
    Metric("received_to_sent", "Milliseconds", "receipt to the write to the streams"),
)
"""Lag by hop; shown under `lag` as percentiles of the newest samples."""
