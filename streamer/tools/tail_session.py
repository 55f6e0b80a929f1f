"""One tail under way."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from streamer.client import Stream
from streamer.tools.ending import DONE
from streamer.tools.tail_limits import Limits
from streamer.tools.tail_lines import Lines


def run(stream: Stream, lines: Lines, limits: Limits) -> int:
    """Shows the stream until a limit is reached; returns the exit code.

    Raises KeyboardInterrupt at SIGINT and SIGTERM, BrokenPipeError when nobody reads the lines any more, NotAStream and
    Unreachable.
    """
    try:
        return asyncio.run(_run(stream, lines, limits))
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    finally:
        with suppress(BrokenPipeError):
            lines.end(stream.repeats.dropped)


async def _run(stream: Stream, lines: Lines, limits: Limits) -> int:
    following = asyncio.ensure_future(_follow(stream, lines, limits))
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


async def _follow(stream: Stream, lines: Lines, limits: Limits) -> int:
    try:
        async with asyncio.timeout(limits.seconds), stream:
            async for each in stream:
                lines.show(each)
                if limits.reached(lines.events):
                    break
    except TimeoutError:
        return limits.code_when_over(lines.events)
    return DONE


@contextmanager
def _watched(descriptor: int, on_gone: Callable[[], None]) -> Iterator[None]:
    """Calls when the other end of a pipe is closed: a quiet stream would not notice for hours."""
    if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        yield
        return
    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, on_gone)  # of a pipe's writing end, the only thing to read is an error
    try:
        yield
    finally:
        loop.remove_reader(descriptor)
