"""Follows a stream until a limit, a signal, or the end of the reader."""

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
"""Exit code: what was waited for did not come in time."""


def run(stream: Stream, printer: EventPrinter, limits: EndLimits) -> int:
    """Shows the stream until a limit is reached; returns the exit code.

    Raises KeyboardInterrupt at SIGINT and SIGTERM, BrokenPipeError when the reader of the lines has gone, NotAStream
    and Unreachable.
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
    gone = False

    def reader_has_gone() -> None:
        nonlocal gone
        gone = True
        following.cancel()

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, following.cancel)
    with _watched(sys.stdout.fileno(), reader_has_gone):
        try:
            return await following
        except asyncio.CancelledError:
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following
            if gone:
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
def _watched(descriptor: int, on_gone: Callable[[], None]) -> Iterator[None]:
    """Calls `on_gone` when the other end of a pipe is closed: a quiet stream would not notice for hours."""
    if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        yield
        return
    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, on_gone)  # the writing end of a pipe becomes readable only by an error
    try:
        yield
    finally:
        loop.remove_reader(descriptor)
