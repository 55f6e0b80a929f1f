"""Records a topic, through a queue of its own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from streamer.change import iso_time
from streamer.clock import wall_ms
from streamer.errors import LeaseError, StreamerError
from streamer.intake.lease import HEARTBEAT_TAG, Lease
from streamer.intake.receive import ReceiveError, Receiver
from streamer.tools.aws import EnvironmentClients, region_of
from streamer.tools.record.recording import RecordingWriter, header, message_line
from streamer.tools.record.session import Session
from streamer.tools.terminal.interrupt import Interrupt, Interrupted
from streamer.tools.terminal.limits import EndLimits

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_WAIT: Final = 1
"""Seconds of a long poll: Ctrl-C waits for its end, because an abandoned one swallows the next message."""
_RETRY_WAIT: Final = 2.0
_GIVE_UP: Final = 30.0
"""Seconds without a response after which the queue has ended."""
_HEARTBEAT: Final = 300.0
"""Seconds; the reaper removes a queue whose heartbeat is half an hour old."""


def record_topic(arn: str, file: str, limits: EndLimits, *, force: bool) -> int:
    """Records the messages of a topic through a lease, which is released at the end."""
    clients = EnvironmentClients(region_of(arn))
    sqs, sns = clients.sqs(), clients.sns()
    prefix = os.environ.get("QUEUE_PREFIX", "sentiment-stream")
    with Interrupt() as interrupt, RecordingWriter(file, force=force) as recording:
        session = Session(f"topic {arn.rpartition(':')[2]}", recording, limits)
        recording.head(header("topic", arn, now_ms=wall_ms()))
        lease = Lease.acquire(sqs, sns, arn, prefix, wait_seconds=_WAIT, now=wall_ms)
        try:
            receiver = Receiver(sqs, lease.queue_url, wait_seconds=_WAIT, now=wall_ms)
            heartbeat = _Heartbeat(sqs, lease.queue_url)
            answered_ms = wall_ms()
            while session.left and not interrupt.asked:
                try:
                    messages = receiver.receive()
                    for message in messages:
                        session.add(message_line(message.received_at_ms, message.body))
                    if messages:
                        receiver.delete(messages)
                    answered_ms = wall_ms()
                except ReceiveError as error:
                    session.print(f"{error}, trying again")
                    if wall_ms() - answered_ms > _GIVE_UP * 1000:
                        raise
                    interrupt.sleep(_RETRY_WAIT)
                heartbeat.send_if_due()
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
                session.print(f"the queue {lease.name} was not deleted ({error}): the reaper will remove it")
    return session.end()


class _Heartbeat:
    """Keeps the reaper from removing a queue that is in use."""

    def __init__(self, sqs: SQSClient, queue_url: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._sent_ms = wall_ms()

    def send_if_due(self) -> None:
        now_ms = wall_ms()
        if now_ms - self._sent_ms >= _HEARTBEAT * 1000:
            self._sqs.tag_queue(QueueUrl=self._queue_url, Tags={HEARTBEAT_TAG: iso_time(now_ms)})
            self._sent_ms = now_ms
