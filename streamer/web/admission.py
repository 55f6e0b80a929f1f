"""How many streams at once."""

from __future__ import annotations

import asyncio


class Admission:
    """Counts slots. One is taken before a stream's headers are sent, and given back in an outer `finally`: whatever
    happens to a request in between, once."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.taken = 0
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def available(self) -> int:
        """Free slots."""
        return self.limit - self.taken

    def take(self) -> bool:
        """Takes a slot, if one is free."""
        if self.taken >= self.limit:
            return False
        self.taken += 1
        self._empty.clear()
        return True

    def give_back(self) -> None:
        """Gives a taken slot back."""
        self.taken -= 1
        if not self.taken:
            self._empty.set()

    async def wait_empty(self) -> None:
        """Returns when no slot is taken."""
        await self._empty.wait()
