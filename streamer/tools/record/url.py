"""Records a stream as a client receives it."""

from __future__ import annotations

import asyncio
import math
import signal

from streamer.client import Received, Reconnect, Stream
from streamer.client.response import safe_url
from streamer.clock import wall_ms
from streamer.tools.record.recording import RecordingWriter, event_line, header
from streamer.tools.record.session import Session
from streamer.tools.terminal.limits import EndLimits


def record_url(url: str, file: str, limits: EndLimits, *, force: bool) -> int:
    """Records a stream, with reconnects. Raises NotAStream, and Unreachable if the first connection fails.

    The recorded URL has no password and no ticket, because recordings are shared.
    """
    stream = Stream(url, reconnect=Reconnect(patient=False), keep_repeats=True)
    with RecordingWriter(file, force=force) as recording:
        session = Session(f"stream {safe_url(url)}", recording, limits)
        recording.head(header("url", safe_url(url), now_ms=wall_ms()))
        asyncio.run(_follow(stream, session))
    return session.end()


async def _follow(stream: Stream, session: Session) -> None:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine of asyncio.run has a task
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        async with asyncio.timeout(None if session.left == math.inf else session.left):
            async with stream:
                async for each in stream:
                    if isinstance(each, Received):
                        session.add(event_line(each.at, each.name, each.id or None, each.data))
                    else:
                        session.print(f"{each.reason}; next attempt in {each.wait:.1f} s")
                    session.show()
                    if session.full:
                        return
    except (asyncio.CancelledError, TimeoutError):
        pass
