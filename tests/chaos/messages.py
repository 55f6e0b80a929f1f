"""A queue that is within its rights: messages come twice, and not in the order in which they were sent. Pure."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

Received = dict[str, Any]

_MOST = 10  # messages in one answer


class Shuffle:
    """Changes the answers of one queue: some messages come with the next one, some with both."""

    def __init__(self, rng: random.Random) -> None:
        self._random = rng
        self._later: list[Received] = []
        self.held = 0
        self.repeated = 0

    def answer(self, messages: Sequence[Received]) -> list[Received]:
        """What is received in place of `messages`."""
        now, self._later = self._later, []
        for message in messages:
            chance = self._random.random()
            on_time, again = chance >= 0.3, chance < 0.6
            if on_time:
                now.append(message)
            if again:
                self._later.append(message)
                self.repeated += on_time
                self.held += not on_time
        self._random.shuffle(now)
        self._later += now[_MOST:]
        return now[:_MOST]
