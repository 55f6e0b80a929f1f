"""The thread that receives: takes a lease, polls its queue, hands over, deletes, and begins again with whatever fails.

A receive is in flight only while nothing is being handed over, so one receive is all that ever waits here.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from streamer.clock import wall_ms
from streamer.errors import LeaseLost, StreamerError
from streamer.intake import trouble
from streamer.intake.lease import Lease
from streamer.intake.receive import Message, Receiver
from streamer.intake.retry import Retry, Stopped
from streamer.intake.signals import LeaseFailed, LeaseGone, LeaseTaken, Polled, PollFailed, Signal

if TYPE_CHECKING:
    from streamer.aws import Clients

logger = logging.getLogger(__name__)

LEASE_PAUSE: Final = 30.0
"""Seconds between two attempts at a lease, at most."""
POLL_PAUSE: Final = 5.0
"""Seconds between two polls that fail, at most: so much later comes what waits in the queue."""
BRIEF: Final = 60_000
"""Milliseconds; a lease lost sooner counts as a failed attempt, so that queues cannot be made and lost by the dozen."""


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
        now: Callable[[], int] = wall_ms,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        """All three callables are called in the thread.

        `connect` builds the clients. `deliver` gets one to ten messages and may block; when it returns, they are
        deleted, and if it raises, they are not: they come again 5 s later. `signal` must not block. `prefix` is the
        queue's, `wait_seconds` the long poll's wait, `now` in Unix milliseconds; `jitter` picks a pause from a range.
        """
        self._connect = connect
        self._deliver = deliver
        self._signal = signal
        self._topic_arn = topic_arn
        self._prefix = prefix
        self._wait_seconds = wait_seconds
        self._now = now
        self._stopping = threading.Event()
        retry = partial(Retry, stopping=self._stopping, jitter=jitter, now=now)
        self._leasing = retry("lease", longest_pause=LEASE_PAUSE, failed=self._no_lease)
        self._polling = retry("poll", longest_pause=POLL_PAUSE, failed=self._no_poll, passes=(LeaseLost,))
        self._lock = threading.Lock()
        self._clients: Clients | None = None
        self._lease: Lease | None = None
        self._thread = threading.Thread(target=self._run, name="intake-push", daemon=True)

    def start(self) -> None:
        """Returns at once; the lease is taken in the thread."""
        self._thread.start()

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
                self._leasing(self._hold)
        except Stopped:
            pass  # the one way out
        finally:
            self._end()

    def _hold(self) -> None:
        """Takes a lease and polls its queue until it is lost. Raises LeaseLost only if that was soon."""
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
        self._leasing.worked()
        logger.info("lease taken", extra={"queue": lease.name})
        self._tell(LeaseTaken(lease.subscribed_at))
        receiver = Receiver(clients.sqs, lease.queue_url, wait_seconds=self._wait_seconds, now=self._now)
        try:
            while True:
                self._polling(partial(self._poll, receiver))
        except LeaseLost as lost:
            logger.warning("lease lost", extra={"queue": lease.name, **trouble.for_log(lost)})
            self._tell(LeaseGone(trouble.in_words(lost)))
            if self._now() - lease.subscribed_at < BRIEF:
                raise
        finally:
            self._give_back()

    def _poll(self, receiver: Receiver) -> None:
        messages = receiver.receive()
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

    def _no_lease(self, words: str, error: Exception) -> None:
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
