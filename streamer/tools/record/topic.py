"""Records an SNS topic through a temporary queue."""

from __future__ import annotations

import os
from typing import Final

from streamer.clock import wall_ms
from streamer.errors import LeaseError, StreamerError
from streamer.intake.lease import Lease
from streamer.intake.receive import ReceiveError, Receiver
from streamer.queue_tags import read_queue_tags
from streamer.tools.aws import EnvironmentClients, region_of
from streamer.tools.record.recording import RecordingWriter, header, message_line
from streamer.tools.record.session import Session
from streamer.tools.terminal.errors import UsageError
from streamer.tools.terminal.interrupt import Interrupt, Interrupted
from streamer.tools.terminal.limits import EndLimits

_WAIT: Final = 1
"""Seconds of a long poll. Ctrl-C takes effect after it, because SQS can send a message to an aborted receive."""
_RETRY_WAIT: Final = 2.0
_TIMEOUT_MS: Final = 30_000
"""Milliseconds without a response from SQS after which the recording fails."""
_HEARTBEAT_MS: Final = 300_000
"""Milliseconds between two heartbeats. The reaper removes a queue whose heartbeat is older than 30 minutes."""


def _tags(text: str) -> dict[str, str]:
    try:
        return dict(read_queue_tags(text)) if text else {}
    except ValueError as error:
        raise UsageError(f"QUEUE_TAGS={text!r}: {error}") from None


def record_topic(arn: str, file: str, limits: EndLimits, *, force: bool) -> int:
    """Records the messages of a topic through a lease, which is released at the end."""
    clients = EnvironmentClients(region_of("--topic", arn))
    sqs, sns = clients.sqs(), clients.sns()
    prefix, tags = os.environ.get("QUEUE_PREFIX", "sentiment-stream"), _tags(os.environ.get("QUEUE_TAGS", ""))
    with Interrupt() as interrupt, RecordingWriter(file, force=force) as recording:
        session = Session(f"topic {arn.rpartition(':')[2]}", recording, limits)
        recording.head(header("topic", arn, now_ms=wall_ms()))
        lease = Lease.acquire(sqs, sns, arn, prefix, wait_seconds=_WAIT, now=wall_ms, tags=tags)
        try:
            receiver = Receiver(sqs, lease.queue_url, wait_seconds=_WAIT, now=wall_ms)
            answered_ms = renewed_ms = wall_ms()
            while session.left and not interrupt.asked:
                try:
                    messages = receiver.receive()
                    for message in messages:
                        session.add(message_line(message.received_at_ms, message.body))
                    if messages:
                        receiver.delete(messages)
                    answered_ms = wall_ms()
                except ReceiveError as error:
                    session.print(f"{error}; trying again")
                    if wall_ms() - answered_ms > _TIMEOUT_MS:
                        raise
                    interrupt.sleep(_RETRY_WAIT)
                if wall_ms() - renewed_ms >= _HEARTBEAT_MS:
                    renewed_ms = wall_ms()
                    lease.renew(renewed_ms)
                session.show()
        except Interrupted:
            pass
        except StreamerError:
            session.end()
            raise
        finally:
            try:
                lease.release()
            except LeaseError as error:
                session.print(f"queue {lease.name} was not deleted ({error}); the reaper will delete it")
    return session.end()
