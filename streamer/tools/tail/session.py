"""Follows a stream until a limit, a signal, or a closed output pipe."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from streamer.client import Stream
from streamer.tools.tail.printer import EventPrinter
from streamer.tools.terminal.errors import DONE
from streamer.tools.terminal.limits import EndLimits

TIMED_OUT: Final = 3
"""Exit code if the expected events did not arrive in time."""


def run(stream: Stream, printer: EventPrinter, limits: EndLimits) -> int:
    """Shows the stream until a limit is reached, and returns the exit code.

    Raises KeyboardInterrupt after SIGINT and SIGTERM, BrokenPipeError if the output pipe is closed, NotAStream and
    Unreachable.
    """
    try:
        return asyncio.run(_run(stream, printer, limits))
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    finally:
        with suppress(BrokenPipeError):
            printer.end(stream.repeats.dropped)


async def _run(stream: Stream, printer: EventPrinter, limits: EndLimits) -> int:
    following = asyncio.ensure_future(_follow(stream, printer, limits))
    pipe_closed = False

    def on_pipe_closed() -> None:
        nonlocal pipe_closed
        pipe_closed = True
        following.cancel()

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, following.cancel)
    with _watched_pipe(sys.stdout.fileno(), on_pipe_closed):
        try:
            return await following
        except asyncio.CancelledError:
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following
            if pipe_closed:
                raise BrokenPipeError from None
            raise


async def _follow(stream: Stream, printer: EventPrinter, limits: EndLimits) -> int:
    try:
        async with asyncio.timeout(limits.seconds), stream:
            async for each in stream:
                printer.show(each)
                if limits.reached(printer.events):
                    break
    except TimeoutError:
        return DONE if printer.events >= (limits.count or 1) else TIMED_OUT
    return DONE


@contextmanager
def _watched_pipe(descriptor: int, on_closed: Callable[[], None]) -> Iterator[None]:
    """Calls `on_closed` when the reader closes the pipe. A write would notice it only at the next event."""
    if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        yield
        return
    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, on_closed)  # the write end of a pipe becomes readable only on an error
    try:
        yield
    finally:
        loop.remove_reader(descriptor)
