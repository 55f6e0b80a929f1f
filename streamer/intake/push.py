"""The thread that receives: takes a lease, polls its queue, hands over, deletes, and begins again with whatever fails.

Between two polls it keeps the lease (upkeep). A receive is in flight only while nothing is being handed over, so one
receive is all that ever waits here.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from streamer import aws
from streamer.clock import wall_ms
from streamer.errors import LeaseLost, StreamerError
from streamer.intake import trouble
from streamer.intake.lease import Lease
from streamer.intake.receive import MOST, Message, Receiver
from streamer.intake.retry import Retry, Stopped
from streamer.intake.signals import LeaseFailed, LeaseGone, LeaseTaken, Polled, PollFailed, Signal
from streamer.intake.upkeep import HEARTBEAT, Upkeep

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

    from streamer.aws import Clients

logger = logging.getLogger(__name__)

LEASE_PAUSE: Final = 30.0
"""Seconds between two attempts at a lease, at most."""
POLL_PAUSE: Final = 5.0
"""Seconds between two polls that fail, at most: so much later comes what waits in the queue."""
BRIEF: Final = 60_000
"""Milliseconds; after a lease lost sooner there is a pause, ever longer, so that queues cannot be made and lost by the
dozen. The first such pause is short, whatever it took to get the lease: one accident is soon mended."""
APART: Final = 0.05
"""Seconds: as delivery's flushes are apart. Less, and the two would not be in step, so that each would wait for the
other. A receive and a delete cost some 2 ms of processor, whether for one message or for ten; the first message after a
silence is handed over at once."""
RESCUES: Final = 20
"""Receives, at most, for what a queue still holds that is given up."""


class HandOverError(StreamerError):
    """The service did not take what was received: it stays in the queue and comes again."""


class Push:
    """Brings what the topic publishes, as long as it runs. Started and stopped once."""

    def __init__(
        self,
        connect: Callable[[], Clients],
        deliver: Callable[[tuple[Message, ...]], None],
        signal: Callable[[Signal], None],
        *,
        topic_arn: str,
        prefix: str,
        wait_seconds: int,
        heartbeat_interval: float = HEARTBEAT,
        now: Callable[[], int] = wall_ms,
        jitter: Callable[[float, float], float] = random.uniform,
        asked: Callable[[], None] | None = None,
        apart: float = APART,
    ) -> None:
        """All three callables are called in the thread.

        `connect` builds the clients. `deliver` gets one to ten messages and may block; when it returns, they are
        deleted, and if it raises, they are not: they come again 5 s later. `signal` must not block. `prefix` is the
        queue's, `wait_seconds` the long poll's wait, `heartbeat_interval` the seconds between two signs of life for the
        reaper, `now` in Unix milliseconds; `jitter` picks a pause from a range. `asked` is called before each
        receive. `apart`: seconds between a receive that brought some messages, but not as many as it could, and the
        next one.
        """
        self._connect = connect
        self._deliver = deliver
        self._signal = signal
        self._topic_arn = topic_arn
        self._prefix = prefix
        self._wait_seconds = wait_seconds
        self._heartbeat_interval = heartbeat_interval
        self._now = now
        self._jitter = jitter
        self._asked = asked
        self._apart = apart
        self._received_at = 0.0
        self._stopping = threading.Event()
        retry = partial(Retry, stopping=self._stopping, jitter=jitter, now=now)
        self._leasing = retry("lease", longest_pause=LEASE_PAUSE, failed=self._no_lease)
        self._holding = retry("hold the lease", longest_pause=LEASE_PAUSE, failed=self._not_held)
        self._polling = retry("poll", longest_pause=POLL_PAUSE, failed=self._no_poll, passes=(LeaseLost,))
        self._check_asked = threading.Event()
        self._lock = threading.Lock()
        self._clients: Clients | None = None
        self._lease: Lease | None = None
        self._thread = threading.Thread(target=self._run, name="intake-push", daemon=True)

    def start(self) -> None:
        """Returns at once; the lease is taken in the thread."""
        self._thread.start()

    def check_soon(self) -> None:
        """Asks for a look at the lease after the poll under way, for whoever has reason to doubt it; from any thread.

        Returns at once. A lease that does not work any more is reported and replaced as one whose queue is gone. Looks
        are 10 s apart at least: what is asked for sooner is done then.
        """
        self._check_asked.set()

    def stop(self, timeout: float) -> bool:
        """Lets the current poll end and gives the lease back; blocks for `timeout` seconds at most until then.

        If the thread still hangs, the lease is given back from here, which takes two calls to AWS more. What is
        received after this call is not handed over. Returns whether the thread has ended.
        """
        self._stopping.set()
        if self._thread.ident is None:
            return True
        self._thread.join(timeout)
        if self._thread.is_alive():
            logger.warning("the receiving thread has not ended", extra={"waited_seconds": timeout})
            self._end()
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            while True:
                self._holding(self._hold)
        except Stopped:
            pass  # the one way out
        finally:
            self._end()

    def _hold(self) -> None:
        """Takes a lease and polls its queue until it is lost. Raises LeaseLost only if that was soon."""
        lease, sqs = self._leasing(self._take)
        self._holding.worked()
        logger.info("lease taken", extra={"queue": lease.name})
        self._tell(LeaseTaken(lease.subscribed_at))
        reading = partial(Receiver, sqs, lease.queue_url, now=self._now, asked=self._asked)
        receiver, last = reading(wait_seconds=self._wait_seconds), reading(wait_seconds=0)
        self._check_asked.clear()  # the doubts were another lease's
        upkeep = Upkeep(lease, interval=self._heartbeat_interval, jitter=self._jitter, now=self._now)
        try:
            while True:
                self._polling(partial(self._turn, upkeep, receiver, last))
        except LeaseLost as lost:
            logger.warning("lease lost", extra={"queue": lease.name, **trouble.for_log(lost)})
            self._tell(LeaseGone(trouble.in_words(lost)))
            if self._now() - lease.subscribed_at < BRIEF:
                raise
        finally:
            self._give_back()

    def _take(self) -> tuple[Lease, SQSClient]:
        clients = self._clients or self._connect()
        self._clients = clients
        lease = Lease.acquire(
            clients.sqs,
            clients.sns,
            self._topic_arn,
            self._prefix,
            wait_seconds=self._wait_seconds,
            now=self._now,
        )
        with self._lock:
            self._lease = lease
        return lease, clients.sqs

    def _turn(self, upkeep: Upkeep, receiver: Receiver, last: Receiver) -> None:
        """Keeps the lease if it is time, then polls once: so a queue that cannot be read is kept all the same."""
        try:
            beat = upkeep.due()
            if beat or (self._check_asked.is_set() and upkeep.may_check()):
                self._check_asked.clear()  # first: who asks meanwhile may know more
                (upkeep.beat if beat else upkeep.check)()
        except LeaseLost as lost:
            if not (isinstance(lost.__cause__, Exception) and aws.is_gone(lost.__cause__)):
                self._rescue(last)
            raise
        if 0 < self._poll(receiver) < MOST:
            # What comes now waits for the next flush anyway: the next call is to bring it together.
            self._stopping.wait(max(0.0, self._received_at + self._apart - time.monotonic()))

    def _rescue(self, receiver: Receiver) -> None:
        """Receives what a queue that is to be given up still holds; the table has whatever this does not bring."""
        try:
            for _ in range(RESCUES):
                if not self._poll(receiver):
                    return
        except (Stopped, LeaseLost):
            return
        except Exception as error:
            logger.warning("the lost queue was not read to its end", extra=trouble.for_log(error))

    def _poll(self, receiver: Receiver) -> int:
        messages = receiver.receive()
        self._received_at = time.monotonic()
        undeleted = 0
        if messages:
            if self._stopping.is_set():
                raise Stopped
            try:
                self._deliver(messages)
            except Exception as error:
                raise HandOverError(f"hand-over: {type(error).__name__}") from error
            undeleted = receiver.delete(messages)
        self._tell(Polled(len(messages), undeleted))
        return len(messages)

    def _no_lease(self, words: str, _error: Exception) -> None:
        self._tell(LeaseFailed(words))

    def _not_held(self, words: str, error: Exception) -> None:
        if not isinstance(error, LeaseLost):  # told already
            self._tell(LeaseFailed(words))

    def _no_poll(self, words: str, _error: Exception) -> None:
        self._tell(PollFailed(words))

    def _tell(self, signal: Signal) -> None:
        if self._stopping.is_set():
            return  # whoever listened may be gone
        try:
            self._signal(signal)
        except Exception as error:
            logger.error("signal not heard", extra={"signal": type(signal).__name__, **trouble.for_log(error)})

    def _end(self) -> None:
        """Gives everything back, whether the thread or `stop` comes here first."""
        self._give_back()
        with self._lock:
            clients, self._clients = self._clients, None
        if clients is not None:
            clients.close()

    def _give_back(self) -> None:
        with self._lock:
            lease, self._lease = self._lease, None
        if lease is None:
            return
        try:
            lease.release()
        except Exception as error:
            logger.warning("lease not released", extra={"queue": lease.name, **trouble.for_log(error)})
        else:
            logger.info("lease released", extra={"queue": lease.name})
