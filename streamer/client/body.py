"""An answer's bytes as they come."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx


@asynccontextmanager
async def body(answer: httpx.Response) -> AsyncIterator[AsyncIterator[bytes]]:
    """What has come, piece by piece; whoever leaves the block closes the connection.

    httpx reads through several generators, one in the other. Left in the middle, each would be closed by the event
    loop at some later time, in a task of its own, too late when the loop is ending. So the connection is closed under
    them, and they are read to their ends.
    """
    parts = answer.aiter_bytes()
    try:
        yield parts
    finally:
        await answer.aclose()
        with suppress(httpx.HTTPError, httpx.StreamError):
            async for _ in parts:
                pass
