"""Records a table's stream."""

from __future__ import annotations

import logging
import time
from typing import Any, Final

from streamer.clock import wall_ms
from streamer.event_source import EventSourceMapping, StreamSource
from streamer.local.clients import BotoClients, LocalClients
from streamer.tools.aws import EnvironmentClients, is_local, running_demo
from streamer.tools.record.recording import RecordingWriter, header, record_line
from streamer.tools.record.session import Session, SessionLogHandler
from streamer.tools.relay import visible_part
from streamer.tools.terminal.errors import ToolError, UsageError
from streamer.tools.terminal.interrupt import Interrupt, Interrupted
from streamer.tools.terminal.limits import EndLimits
from streamer.tools.terminal.quantities import duration_text

_LOCAL_INTERVAL: Final = 0.05
_INTERVAL: Final = 1.0
"""Seconds between two reads of a shard. AWS allows five reads a second for all readers of a shard together."""
_LONGEST_WAIT: Final = 0.5
_TIMEOUT: Final = 30.0
"""Seconds without a response after which the recording fails, for example because the demo has ended."""


def record_table(table: str | None, file: str, limits: EndLimits, *, force: bool, whole: bool, from_start: bool) -> int:
    """Records the stream of a table; None: the sentiment table of the running demo."""
    clients, name, source = _find_stream(table, latest=not from_start)
    with Interrupt() as interrupt, RecordingWriter(file, force=force) as recording:
        session = Session(f"table {name}", recording, limits)
        recording.head(header("table", name, now_ms=wall_ms(), whole=whole))
        failures: list[ToolError | BrokenPipeError] = []

        def write(event: dict[str, Any], context: object) -> None:
            at = wall_ms()
            try:
                for record in event["Records"]:
                    session.add(record_line(at, record if whole else visible_part(record)))
            except (ToolError, BrokenPipeError) as error:
                failures.append(error)  # an exception of the handler would make the mapping retry

        mapping = EventSourceMapping(clients.streams(), [source], write)
        handler = SessionLogHandler(session)
        logging.getLogger("streamer.event_source").addHandler(handler)
        try:
            while session.left and not failures:
                pause = mapping.step()
                check_source(mapping, time.monotonic())
                session.show()
                interrupt.sleep(min(pause, session.left, _LONGEST_WAIT))
        except Interrupted:
            pass
        except ToolError:
            session.end()
            raise
        finally:
            logging.getLogger("streamer.event_source").removeHandler(handler)
        if failures:
            raise failures[0]
    return session.end()


def check_source(mapping: EventSourceMapping, now: float) -> None:
    """Raises ToolError if all calls of the last 30 s failed. `now`: time of the mapping's clock."""
    silence = now - mapping.answered_at
    if mapping.error is not None and silence > _TIMEOUT:
        raise ToolError(f"no response from the stream for {duration_text(silence)}: {mapping.error}")


def _find_stream(table: str | None, *, latest: bool) -> tuple[BotoClients, str, StreamSource]:
    """Returns the clients, the table's name and its stream. Raises UsageError."""
    if table is None:
        resources = running_demo().resources
        source = StreamSource(resources.sentiment_stream_arn, _LOCAL_INTERVAL, latest)
        return LocalClients(resources.endpoint_url), resources.sentiment_table, source
    clients = EnvironmentClients()
    dynamodb = clients.dynamodb()
    try:
        described = dynamodb.describe_table(TableName=table)["Table"]
    except dynamodb.exceptions.ResourceNotFoundException:
        raise UsageError(f"--table={table!r}: no such table in {dynamodb.meta.region_name}; correct it") from None
    arn = described.get("LatestStreamArn")
    if arn is None:
        raise UsageError(f"--table={table!r}: the table has no stream; enable one with NEW_AND_OLD_IMAGES")
    clients.streams().describe_stream(StreamArn=arn)  # fails at once if a permission is missing
    return clients, table, StreamSource(arn, _LOCAL_INTERVAL if is_local(dynamodb) else _INTERVAL, latest)
