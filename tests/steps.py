"""Turns of the event loop, in place of sleeping."""

from __future__ import annotations

import asyncio


async def steps(count: int = 1) -> None:
    """Returns after so many turns of the loop: whatever was ready before has run."""
    loop = asyncio.get_running_loop()
    for _ in range(count):
        turn = loop.create_future()
        loop.call_soon(turn.set_result, None)
        await turn
