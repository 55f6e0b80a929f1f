"""Iterates over what a task produces. The task owns the connection, and ends with the iteration."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Generic, Self, TypeVar

T = TypeVar("T")


class Handover(Generic[T]):
    """Passes items from the task to the reader. The task continues only when the reader asks for more."""

    def __init__(self) -> None:
        self._items: deque[T] = deque()
        self._wanted = asyncio.Event()
        self._changed = asyncio.Event()
        self._error: BaseException | None = None
        self._ended = False

    async def put(self, items: Iterable[T]) -> None:
        """Called by the task. Returns when the reader has taken all items and asks for the next."""
        self._wanted.clear()
        self._items.extend(items)
        self._changed.set()
        await self._wanted.wait()

    async def get(self) -> T:
        """Called by the reader. Raises the task's error once, and StopAsyncIteration after the end. A call that is
        cancelled loses no item."""
        while not self._items:
            if self._ended:
                error, self._error = self._error, None
                raise error or StopAsyncIteration
            self._changed.clear()
            self._wanted.set()
            await self._changed.wait()
        return self._items.popleft()

    def end(self, error: BaseException | None = None) -> None:
        """Ends the iteration after the items that were put."""
        self._ended = True
        self._error = error
        self._changed.set()

    def close(self) -> None:
        """Ends the iteration at once."""
        self._items.clear()
        self.end()


class Iteration(Generic[T]):
    """An asynchronous iterator over the items that `produce` puts, without those that `accept` refuses.

    It is no asynchronous generator: the event loop closes those of an abandoned iteration one by one, in tasks of its
    own, and reports errors if it stops meanwhile. An iteration that is abandoned (`break`) cancels its task, which
    closes what it has opened; a loop that stops does the same.
    """

    def __init__(self, produce: Callable[[Handover[T]], Awaitable[None]], accept: Callable[[T], bool]) -> None:
        self._produce = produce
        self._accept = accept
        self._handover: Handover[T] = Handover()
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        if self._task is None and not self._closed:
            self._task = asyncio.create_task(_run(self._produce, self._handover))  # must not refer to `self`
        while True:
            item = await self._handover.get()
            if self._accept(item):
                return item

    async def aclose(self) -> None:
        """Ends the task. Returns when it has closed its connection."""
        self._closed = True
        self._handover.close()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._handover.close()

    def __del__(self) -> None:
        # Maybe in another thread: wherever the garbage collector runs.
        if self._task is not None and not self._task.done():
            with suppress(RuntimeError):  # the loop is closed
                self._task.get_loop().call_soon_threadsafe(self._task.cancel)


async def _run(produce: Callable[[Handover[T]], Awaitable[None]], handover: Handover[T]) -> None:
    try:
        await produce(handover)
    except Exception as error:
        handover.end(error)
    except BaseException as error:
        handover.end(error)
        raise
    else:
        handover.end()
