"""Reading a stream up to a point, without waiting between its connections."""

from __future__ import annotations

from streamer.client import Lost, Received, Stream


class Waits:
    """In place of sleeping: remembers how long, and returns at once."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


async def until(stream: Stream, name: str, times: int = 1) -> list[Received | Lost]:
    """What the stream yields up to the given event (`lost` for a Lost), which comes last."""
    got: list[Received | Lost] = []
    async with stream:
        async for each in stream:
            got.append(each)
            times -= (each.name if isinstance(each, Received) else "lost") == name
            if not times:
                break
    return got
