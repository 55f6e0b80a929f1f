"""A stream's client that knows when it was last answered."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from streamer.local.pump.shard import Streams
from streamer.tools.duration import clock as in_words
from streamer.tools.ending import ToolError


class Watched:
    """As `streamer.local.pump.shard.Streams`; `check` says whether it still answers."""

    def __init__(self, streams: Streams, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._streams = streams
        self._clock = clock
        self._answered = clock()
        self._error: Exception | None = None

    def describe_stream(self, **request: Any) -> Any:
        """One stream's shards, in pages."""
        return self._watched(self._streams.describe_stream, request)

    def get_shard_iterator(self, **request: Any) -> Any:
        """A place in a shard."""
        return self._watched(self._streams.get_shard_iterator, request)

    def get_records(self, **request: Any) -> Any:
        """The records after a place."""
        return self._watched(self._streams.get_records, request)

    def check(self, longest: float) -> None:
        """Raises ToolError if all of the last `longest` seconds' calls failed."""
        silent = self._clock() - self._answered
        if self._error is not None and silent > longest:
            raise ToolError(f"the stream has not answered for {in_words(silent)}: {self._error}")

    def _watched(self, call: Callable[..., Any], request: dict[str, Any]) -> Any:
        try:
            answer = call(**request)
        except Exception as error:
            self._error = error
            raise
        self._answered, self._error = self._clock(), None
        return answer
