"""The sentiment frames of the last minutes, for replay to clients that reconnect.

The history is bounded by age and by bytes. Frames are in the order of their numbers, so a place of this run is found by
bisection. Their dates (Unix milliseconds) are not in order. Therefore a replay of all frames dated after a time begins
where the running maximum of the dates exceeds it: no frame is left out, and some are sent twice.

Each ticker, and all tickers together, have an index of the dates and of the frames that may be repeated. So a resume
costs what it sends, and what it will send is counted without a walk.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Set
from heapq import merge
from typing import Final

from streamer.change import Key
from streamer.hub.frame import Frame, FrameKind
from streamer.hub.ordered import Ordered

_OVERHEAD = 500  # bytes a frame costs beside its data: objects, list slots
_GONE: Final = Frame(0, FrameKind.CONTROL, None, b"")


class _Index:
    """The frames of one ticker, or of all tickers. `last_words` are those that a later write can restore (repeatable),
    and that no later frame of their item and ticker follows."""

    __slots__ = ("dates", "last_words", "last_words_dates")

    def __init__(self) -> None:
        self.dates = Ordered()
        self.last_words = Ordered()
        self.last_words_dates = Ordered()

    def add_last_word(self, frame: Frame) -> None:
        self.last_words.add(frame.number)
        self.last_words_dates.add(frame.dated_ms)

    def remove_last_word(self, frame: Frame) -> None:
        self.last_words.remove(frame.number)
        self.last_words_dates.remove(frame.dated_ms)

    def count(self, cursor: int, after_ms: int) -> int:
        """`cursor`: before all frames dated after `after_ms`."""
        return self.dates.above(after_ms) + self.last_words.above(cursor) - self.last_words_dates.above(after_ms)


class History:
    """A bounded, ordered store of frames."""

    def __init__(self, *, keep_ms: int = 900_000, limit_bytes: int = 64 * 1024 * 1024) -> None:
        self._frames: list[Frame] = []
        self._numbers: list[int] = []
        self._by_ticker: dict[str, list[int]] = {}  # numbers; evicted ones are trimmed now and then
        self._everything = _Index()
        self._of_ticker: dict[str, _Index] = {}
        self._newest: list[int] = []  # the running maximum of the dates
        self._added_ms: list[int] = []
        self._last: dict[tuple[Key | None, str | None], Frame] = {}
        self._head = 0  # index of the oldest frame that is kept
        self._keep_ms = keep_ms
        self._limit = limit_bytes
        self._bytes = 0
        self.evicted_through = 0
        """Number of the newest evicted frame. A place before it is not covered; as a cursor it selects all kept
        frames."""
        self.evicted_dated_ms = -1
        """The newest date of an evicted frame."""

    def __len__(self) -> int:
        return len(self._frames) - self._head

    @property
    def bytes(self) -> int:
        """Size of the frames with their overhead, estimated."""
        return self._bytes

    @property
    def limit_bytes(self) -> int:
        """Upper bound of `bytes`, if there is more than one frame."""
        return self._limit

    def add(self, frame: Frame, now_ms: int) -> None:
        """Appends a frame. Its number must be above all others."""
        dated_ms = frame.dated_ms
        before = self._last.get((frame.key, frame.ticker))
        if before is not None:
            before.superseded = True
            if before.repeatable:
                for index in self._indexes(before):
                    index.remove_last_word(before)
        for index in self._indexes(frame):
            index.dates.add(dated_ms)
            if frame.repeatable:
                index.add_last_word(frame)
        self._last[frame.key, frame.ticker] = frame
        self._frames.append(frame)
        self._numbers.append(frame.number)
        if frame.ticker is not None:
            self._by_ticker.setdefault(frame.ticker, []).append(frame.number)
        self._newest.append(max(dated_ms, self._newest[-1]) if self._newest else dated_ms)
        self._added_ms.append(now_ms)
        self._bytes += len(frame.data) + _OVERHEAD
        while self._bytes > self._limit and len(self) > 1:
            self._evict()

    def expire(self, now_ms: int) -> None:
        """Evicts frames that were added more than `keep_ms` ago."""
        while len(self) and now_ms - self._added_ms[self._head] > self._keep_ms:
            self._evict()

    def covers(self, cursor: int) -> bool:
        """Returns whether every frame after the cursor is kept."""
        return cursor >= self.evicted_through

    def after(self, cursor: int, tickers: Set[str] | None = None) -> Iterator[Frame]:
        """Yields the frames of these tickers (None: all) after the cursor, which must be covered. Do not add or evict
        frames while iterating."""
        if tickers is None:
            start = bisect_right(self._numbers, cursor, lo=self._head)
            return (self._frames[index] for index in range(start, len(self._frames)))
        wanted = merge(*(self._following(ticker, cursor) for ticker in tickers))
        return (self._frames[bisect_left(self._numbers, number, lo=self._head)] for number in wanted)

    def count(self, cursor: int, tickers: Set[str] | None = None) -> int:
        """Returns the number of frames that `after` yields."""
        if tickers is None:
            return len(self._numbers) - bisect_right(self._numbers, cursor, lo=self._head)
        lists = (self._by_ticker.get(ticker, []) for ticker in tickers)
        return sum(len(numbers) - bisect_right(numbers, cursor) for numbers in lists)

    def missed(self, cursor: int, after_ms: int, tickers: Set[str] | None = None) -> Iterator[Frame]:
        """Yields the frames of these tickers (None: all) after the cursor that are dated after a time, or repeatable
        and not superseded. Do not add or evict frames while iterating."""
        newer = self.dated_after(after_ms)
        if cursor < newer:
            yield from self._last_words(cursor, newer, tickers)
        for frame in self.after(max(cursor, newer), tickers):
            if frame.dated_ms > after_ms or (frame.repeatable and not frame.superseded):
                yield frame

    def missed_count(self, cursor: int, after_ms: int, tickers: Set[str] | None = None) -> int:
        """Returns the number of frames that `missed` yields."""
        if cursor > self.dated_after(after_ms):  # a client that came back amid what it missed: rare
            return sum(1 for _ in self.missed(cursor, after_ms, tickers))
        if tickers is None:
            return self._everything.count(cursor, after_ms)
        indexes = (self._of_ticker.get(ticker) for ticker in tickers)
        return sum(index.count(cursor, after_ms) for index in indexes if index is not None)

    def time_of(self, number: int) -> int | None:
        """Returns the time of the place of the frame with this number; None if the history does not have it."""
        index = bisect_left(self._numbers, number, lo=self._head)
        return self._frames[index].time_ms if index < len(self._numbers) and self._numbers[index] == number else None

    def dated_after(self, time_ms: int) -> int:
        """Returns a cursor before all frames that are dated after a time."""
        start = bisect_right(self._newest, time_ms, lo=self._head)
        return self.evicted_through if start == self._head else self._numbers[start - 1]

    def _following(self, ticker: str, cursor: int) -> Iterator[int]:
        numbers = self._by_ticker.get(ticker, [])
        return (numbers[index] for index in range(bisect_right(numbers, cursor), len(numbers)))

    def _last_words(self, cursor: int, until: int, tickers: Set[str] | None) -> Iterator[Frame]:
        if tickers is None:
            numbers: Iterable[int] = self._everything.last_words.between(cursor, until)
        else:
            indexes = (self._of_ticker.get(ticker) for ticker in tickers)
            numbers = merge(*(each.last_words.between(cursor, until) for each in indexes if each is not None))
        for number in numbers:
            frame = self._frames[bisect_left(self._numbers, number, lo=self._head)]
            if not frame.superseded:
                yield frame

    def _indexes(self, frame: Frame) -> tuple[_Index, ...]:
        if frame.ticker is None:
            return (self._everything,)
        index = self._of_ticker.get(frame.ticker)
        if index is None:
            index = self._of_ticker[frame.ticker] = _Index()
        return self._everything, index

    def _evict(self) -> None:
        frame = self._frames[self._head]
        self._bytes -= len(frame.data) + _OVERHEAD
        self.evicted_through = frame.number
        self.evicted_dated_ms = self._newest[self._head]
        self._frames[self._head] = _GONE
        for index in self._indexes(frame):
            index.dates.remove(frame.dated_ms)
            if frame.repeatable and not frame.superseded:
                index.remove_last_word(frame)
        if frame.ticker is not None and not len(self._of_ticker[frame.ticker].dates):
            del self._of_ticker[frame.ticker]
        if not frame.superseded:
            del self._last[frame.key, frame.ticker]
        self._head += 1
        if self._head >= 1024 and self._head * 2 >= len(self._frames):
            for column in (self._frames, self._numbers, self._newest, self._added_ms):
                del column[: self._head]
            self._head = 0
            for ticker, numbers in list(self._by_ticker.items()):
                del numbers[: bisect_right(numbers, self.evicted_through)]
                if not numbers:
                    del self._by_ticker[ticker]
