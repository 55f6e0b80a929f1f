"""What is recorded: a table's stream, a topic, a client's stream; each until a limit or Ctrl-C."""

from __future__ import annotations

import asyncio
import logging
import math
import os
import signal
from typing import TYPE_CHECKING, Any, Final

from streamer.change import iso_time
from streamer.errors import LeaseError, StreamerError
from streamer.tools.account import Account, is_local, region_of, the_demo
from streamer.tools.ending import ToolError, UsageError
from streamer.tools.interrupt import Interrupt, Interrupted
from streamer.tools.recording import Recorder, event_line, header, message_line, record_line
from streamer.tools.session import Limits, Said, Session
from streamer.tools.watched import Watched

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

    from streamer.client import Stream

_TICK: Final = 0.5
_POLL_LOCAL: Final = 0.05
_POLL: Final = 1.0
"""Seconds between two reads of a shard: AWS allows five a second to all its readers together."""
_WAIT: Final = 1
"""Seconds of a long poll: Ctrl-C waits for its end, because an abandoned one swallows the next message."""
_PAUSE: Final = 2.0
"""Seconds between two tries of a queue that does not answer."""
_GIVEN_UP: Final = 30.0
"""Seconds without an answer after which a source has ended: a demo that is over, say."""
_HEARTBEAT: Final = 300.0
"""Seconds; the reaper takes a queue whose heartbeat is half an hour old."""


def run_table(table: str | None, file: str, limits: Limits, *, force: bool, whole: bool, from_start: bool) -> int:
    """Records a table's stream; the running demo's sentiment table if none is named."""
    from streamer.local.pump import Pump, Source
    from streamer.local.relaying import visible

    account, name, arn, interval = _stream_of(table)
    with Interrupt() as interrupt, Recorder(file, force=force) as recorder:
        session = Session(f"table {name}", recorder, limits)
        recorder.head(header("table", name, now_ms=session.now_ms(), whole=whole))
        trouble: list[ToolError | BrokenPipeError] = []

        def take(event: dict[str, Any], context: object) -> None:
            at = session.now_ms()
            try:
                for record in event.get("Records", []):
                    session.add(record_line(at, record if whole else visible(record)))
            except (ToolError, BrokenPipeError) as error:
                trouble.append(error)  # the pump would try again for ever

        streams = Watched(account.streams())
        pump = Pump(
            streams,
            account.sqs(),  # for what a handler fails on; ours does not
            [Source(arn, interval, latest=not from_start)],
            take,
            "",
            canary_every=math.inf,
        )
        handler = Said(session)
        logging.getLogger("streamer.local.pump").addHandler(handler)
        try:
            while session.left and not trouble:
                pause = pump.step()
                streams.check(_GIVEN_UP)
                session.show()
                interrupt.sleep(min(pause, session.left, _TICK))
        except Interrupted:
            pass
        except ToolError:
            session.end()
            raise
        finally:
            logging.getLogger("streamer.local.pump").removeHandler(handler)
        if trouble:
            raise trouble[0]
    return session.end()


def _stream_of(table: str | None) -> tuple[Account, str, str, float]:
    """The account, the table's name, its stream's ARN, and how often to read it. Raises UsageError."""
    if table is None:
        demo = the_demo()
        return Account(demo=demo), demo.resources.sentiment_table, demo.resources.sentiment_stream_arn, _POLL_LOCAL
    account = Account()
    dynamodb = account.dynamodb()
    try:
        described = dynamodb.describe_table(TableName=table)["Table"]
    except dynamodb.exceptions.ResourceNotFoundException:
        raise UsageError(f"there is no table {table!r} in {dynamodb.meta.region_name}: correct --table") from None
    arn = described.get("LatestStreamArn")
    if arn is None:
        raise UsageError(f"table {table!r} has no stream: switch one on, with NEW_AND_OLD_IMAGES")
    account.streams().describe_stream(StreamArn=arn)  # so that a missing permission is said at once
    return account, table, arn, _POLL_LOCAL if is_local(dynamodb) else _POLL


def run_topic(arn: str, file: str, limits: Limits, *, force: bool) -> int:
    """Records a topic through a lease of its own, which is given back at the end."""
    from streamer.intake.lease import Lease
    from streamer.intake.receive import ReceiveError, Receiver

    account = Account(region=region_of(arn))
    sqs, sns = account.sqs(), account.sns()
    prefix = os.environ.get("QUEUE_PREFIX", "sentiment-stream")
    with Interrupt() as interrupt, Recorder(file, force=force) as recorder:
        session = Session(f"topic {arn.rpartition(':')[2]}", recorder, limits)
        recorder.head(header("topic", arn, now_ms=session.now_ms()))
        lease = Lease.acquire(sqs, sns, arn, prefix, wait_seconds=_WAIT, now=session.now_ms)
        try:
            receiver = Receiver(sqs, lease.queue_url, wait_seconds=_WAIT, now=session.now_ms)
            beat = _Heartbeat(sqs, lease.queue_url, session)
            well_ms = session.now_ms()
            while session.left and not interrupt.asked:
                try:
                    messages = receiver.receive()
                    for message in messages:
                        session.add(message_line(message.received_at_ms, message.body))
                    if messages:
                        receiver.delete(messages)
                    well_ms = session.now_ms()
                except ReceiveError as error:
                    session.say(f"{error}, trying again")
                    if session.now_ms() - well_ms > _GIVEN_UP * 1000:
                        raise
                    interrupt.sleep(_PAUSE)
                beat()
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
                session.say(f"the queue {lease.name} is left behind ({error}): the reaper takes it")
    return session.end()


class _Heartbeat:
    """Keeps the reaper away from a queue that is in use."""

    def __init__(self, sqs: SQSClient, queue_url: str, session: Session) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._session = session
        self._beaten_ms = session.now_ms()

    def __call__(self) -> None:
        """Beats if it is time."""
        from streamer.intake.lease import HEARTBEAT_TAG

        now_ms = self._session.now_ms()
        if now_ms - self._beaten_ms >= _HEARTBEAT * 1000:
            self._sqs.tag_queue(QueueUrl=self._queue_url, Tags={HEARTBEAT_TAG: iso_time(now_ms)})
            self._beaten_ms = now_ms


def run_url(url: str, file: str, limits: Limits, *, force: bool) -> int:
    """Records a stream as a client sees it, over reconnects. Raises NotAStream, and Unreachable at the first try.

    A recording gets passed around: of the URL, it holds neither a password nor a ticket.
    """
    from streamer.client import Stream
    from streamer.client.answer import shown

    stream = Stream(url, patient=False, keep_repeats=True)
    with Recorder(file, force=force) as recorder:
        session = Session(f"stream {shown(url)}", recorder, limits)
        recorder.head(header("url", shown(url), now_ms=session.now_ms()))
        asyncio.run(_follow(stream, session))
    return session.end()


async def _follow(stream: Stream, session: Session) -> None:
    from streamer.client import Received

    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None  # noqa: S101 - we are in one
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        async with asyncio.timeout(None if session.left == math.inf else session.left):
            async with stream:
                async for one in stream:
                    if isinstance(one, Received):
                        session.add(event_line(one.at, one.name, one.id or None, one.data))
                    else:
                        session.say(f"{one.reason}; the next try in {one.wait:.1f} s")
                    session.show()
                    if session.full:
                        return
    except (asyncio.CancelledError, TimeoutError):
        pass
