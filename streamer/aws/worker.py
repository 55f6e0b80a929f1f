"""Threads that make blocking calls for the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

from streamer.errors import TableError

P = ParamSpec("P")
Result = TypeVar("Result")

_Call = tuple["Future[Any]", Callable[[], Any]]
_Calls = SimpleQueue["_Call | None"]


class Worker:
    """`await worker(call)` runs a call in a thread, and returns its result or raises its error.

    Calls start in the order of the requests, one at a time in each thread. The threads are daemons, so the end of the
    process does not wait for a call.
    """

    def __init__(self, name: str, *, threads: int = 1, limit: int | None = None) -> None:
        """`limit`: maximum number of calls that wait or run; above it a call raises TableError."""
        self._name = name
        self._most = threads
        self._limit = limit
        self._calls: _Calls = SimpleQueue()
        self._threads = 0
        self._pending = 0
        self._closed = False
        self._lock = threading.Lock()

    async def __call__(self, call: Callable[P, Result], *args: P.args, **kwargs: P.kwargs) -> Result:
        """If the caller is cancelled, a waiting call is not made, and a running call continues without a listener."""
        with self._lock:
            if self._closed:
                raise TableError("the service is stopping")
            if self._limit is not None and self._pending >= self._limit:
                raise TableError("too many requests wait for the table")
            if self._threads < min(self._most, self._pending + 1):
                threading.Thread(target=self._run, args=(self._calls,), name=self._name, daemon=True).start()
                self._threads += 1
            self._pending += 1
            future: Future[Result] = Future()
            self._calls.put((future, partial(call, *args, **kwargs)))
        return await asyncio.wrap_future(future)

    @property
    def pending(self) -> int:
        """Number of calls that wait or run."""
        return self._pending

    def abandon(self) -> None:
        """Runs the next calls in new threads, so that they do not wait for the running ones."""
        with self._lock:
            calls, self._calls = self._calls, SimpleQueue()
            threads, self._threads = self._threads, 0
        for _ in range(threads):
            calls.put(None)

    def close(self) -> None:
        """Cancels waiting calls. Running calls continue; later calls raise TableError."""
        with self._lock:
            self._closed = True
        waiting = self._calls
        while not waiting.empty():
            entry = waiting.get()
            if entry is not None:
                entry[0].cancel()
        self.abandon()

    def _run(self, calls: _Calls) -> None:
        while (entry := calls.get()) is not None:
            future, call = entry
            if future.set_running_or_notify_cancel():
                try:
                    result = call()
                except BaseException as error:
                    self._ended()
                    future.set_exception(error)
                else:
                    self._ended()
                    future.set_result(result)
                    del result
            else:
                self._ended()
            del entry, future, call  # else they would stay in memory until the next call

    def _ended(self) -> None:
        with self._lock:
            self._pending -= 1
