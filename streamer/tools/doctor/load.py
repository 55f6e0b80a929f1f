"""Opens streams until the service refuses one."""

from __future__ import annotations

import asyncio
from typing import Final

from streamer.tools.doctor.evidence import LoadSeen
from streamer.tools.doctor.seen import StreamLog
from streamer.tools.doctor.url import StreamUrl
from streamer.tools.doctor.wire import Headers, ask, follow

_LONGEST: Final = 300.0
_SHORT: Final = 5.0


async def open_streams(url: StreamUrl, headers: Headers, most: int) -> LoadSeen:
    """Opens up to `most` streams, one after the other, and closes all at the end."""
    seen, tasks = LoadSeen(most=most), []
    try:
        async with asyncio.timeout(_LONGEST):
            while seen.opened < most:
                log, answered = StreamLog(), asyncio.Event()
                tasks.append(asyncio.create_task(follow(url, log, headers, limit=_LONGEST, on_head=answered.set)))
                await answered.wait()
                if not log.is_stream:
                    seen.refusal = await ask("GET", url, headers)
                    break
                seen.opened += 1
            if seen.refusal is not None:
                seen.waiting = StreamLog()
                await follow(url.with_query(on_full="wait"), seen.waiting, headers, limit=_SHORT)
    except TimeoutError:
        pass
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return seen
