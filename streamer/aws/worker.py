"""Threads that make blocking calls for the event loop. Nothing else in `streamer` crosses between the two."""

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
    """`await worker(call)` runs a call in a thread of its own and returns what it returns or raises.

    Calls begin in the order in which they were asked for, one at a time for each thread. The threads are daemons: they
    begin with the first call, and the end of the process does not wait for a call under way.
    """

    def __init__(self, name: str, *, threads: int = 1, limit: int | None = None) -> None:
        """`limit`: calls that may wait or run; the next one raises TableError, as if AWS had been asked too much."""
        self._name = name
        self._most = threads
        self._limit = limit
        self._calls: _Calls = SimpleQueue()
        self._threads = 0
        self._pending = 0
        self._closed = False
        self._lock = threading.Lock()

    async def __call__(self, call: Callable[P, Result], *args: P.args, **kwargs: P.kwargs) -> Result:
        """A caller that is cancelled never hears the result: a call that waits is not made, one under way goes on."""
        with self._lock:
            if self._closed:
                raise TableError("the service is about to stop")
            if self._limit is not None and self._pending >= self._limit:
                raise TableError("too many requests wait for the table")
            if self._threads < min(self._most, self._pending + 1):
                threading.Thread(target=self._run, args=(self._calls,), name=self._name, daemon=True).start()
                self._threads += 1
            self._pending += 1
            future: Future[Result] = Future()
            self._calls.put((future, partial(call, *args, **kwargs)))
        return await asyncio.wrap_future(future)

    def abandon(self) -> None:
        """Leaves the calls under way to their end: the next call does not wait for them, but gets a new thread."""
        with self._lock:
            calls, self._calls = self._calls, SimpleQueue()
            threads, self._threads = self._threads, 0
        for _ in range(threads):
            calls.put(None)

    def close(self) -> None:
        """Calls under way end by themselves; calls that wait are cancelled. Later calls raise TableError."""
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
            del entry, future, call  # or they would live until the next call

    def _ended(self) -> None:
        with self._lock:
            self._pending -= 1
