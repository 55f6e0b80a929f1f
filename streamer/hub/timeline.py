"""Items in the order of their timestamps. The cost of an insertion does not depend on the number of items."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from typing import Final, NamedTuple

from streamer.change import Key, State

_CHUNK: Final = 512


class Held(NamedTuple):
    """An item of the window. Items are ordered by `timestamp`, then by `source_id`, then by `key`: two keys of one
    source_id can have the same millisecond, written in two ways. No two items have the same key."""

    timestamp: str
    """In the format of `iso_time`, also where the key has another one: text is then in the order of time."""
    source_id: str
    key: Key
    state: State
    minute: int
    """Unix time of the timestamp in minutes."""


Bound = tuple[str] | tuple[str, str] | tuple[str, str, Key]
"""A timestamp, or more of what orders the items. Like every tuple, it is less than all items that begin with it."""


class Timeline:
    """A sorted list of items in chunks, so that an insertion moves at most one chunk. Do not change it while
    iterating."""

    __slots__ = ("_chunks", "_lasts")

    def __init__(self) -> None:
        self._chunks: list[list[Held]] = []
        self._lasts: list[Held] = []  # the last item of each chunk

    def __bool__(self) -> bool:
        return bool(self._chunks)

    @property
    def oldest(self) -> Held | None:
        """The first item in order; None if there is none."""
        return self._chunks[0][0] if self._chunks else None

    def add(self, held: Held) -> None:
        """Inserts an item that is not in the list."""
        if not self._chunks:
            self._chunks.append([held])
            self._lasts.append(held)
            return
        at = min(bisect_left(self._lasts, held), len(self._lasts) - 1)
        chunk = self._chunks[at]
        if held > chunk[-1]:
            chunk.append(held)
            self._lasts[at] = held
        else:
            insort(chunk, held)
        if len(chunk) > 2 * _CHUNK:
            self._chunks.insert(at + 1, chunk[_CHUNK:])
            del chunk[_CHUNK:]
            self._lasts.insert(at, chunk[-1])

    def replace(self, held: Held) -> None:
        """Puts an item in the place of the one with the same key."""
        bound = held.timestamp, held.source_id, held.key
        at = bisect_left(self._lasts, bound)
        chunk = self._chunks[at]
        chunk[bisect_left(chunk, bound)] = held
        self._lasts[at] = chunk[-1]

    def remove(self, held: Held) -> None:
        """Removes an item that is in the list."""
        bound = held.timestamp, held.source_id, held.key
        at = bisect_left(self._lasts, bound)
        chunk = self._chunks[at]
        del chunk[bisect_left(chunk, bound)]
        if chunk:
            self._lasts[at] = chunk[-1]
        else:
            del self._chunks[at], self._lasts[at]

    def first_from(self, bound: Bound) -> Held | None:
        """Returns the first item that is greater than the bound."""
        at = bisect_left(self._lasts, bound)
        if at == len(self._chunks):
            return None
        chunk = self._chunks[at]
        return chunk[bisect_left(chunk, bound)]

    def between(self, low: Bound, high: Bound) -> Iterator[Held]:
        """Yields the items that are greater than the first bound and less than the second, in ascending order."""
        for at in range(bisect_left(self._lasts, low), len(self._chunks)):
            chunk = self._chunks[at]
            end = bisect_left(chunk, high)
            yield from chunk[bisect_left(chunk, low) : end]
            if end < len(chunk):
                return

    def newest_first(self, before: Bound | None = None) -> Iterator[Held]:
        """Yields the items in descending order; with `before` only the items that are less than this bound."""
        at = len(self._chunks)
        if before is not None:
            at = bisect_left(self._lasts, before)
            if at < len(self._chunks):
                chunk = self._chunks[at]
                yield from (chunk[index] for index in range(bisect_left(chunk, before) - 1, -1, -1))
        for index in range(at - 1, -1, -1):
            yield from reversed(self._chunks[index])
