"""Where a tail's lines go, and what is said between the events."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from typing import Final, Self, TextIO

from streamer.client import Lost, Received
from streamer.sse.events import Closing, Connected, Heartbeat, Reset
from streamer.tools.printable import printable_json
from streamer.tools.tail_text import Text, late_ms

_CONTROL: Final = (Connected, Reset, Heartbeat, Closing)
_MODES: Final = {
    "push": "changes come as they happen",
    "poll": "changes come by polling, some seconds late",
    "both": "changes come as they happen, polling makes sure",
    "down": "changes do not come until the server mends",
}


class Lines:
    """Writes events to `out`, as text or (without one) as JSON, and notices to `notices`; flushed line by line."""

    def __init__(
        self,
        out: TextIO,
        notices: TextIO,
        text: Text,
        *,
        as_json: bool = False,
        everything: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.events = 0
        """How many were written."""
        self._out = out
        self._notices = notices
        self._text = text
        self._json = as_json
        self._everything = everything
        self._clock = clock
        self._mode = ""
        self._connections = 0

    @classmethod
    def to(cls, out: TextIO, err: TextIO, *, as_json: bool, everything: bool) -> Self:
        """Notices among the events, unless those are JSON. Colour on a terminal only, and not against NO_COLOR."""
        notices = err if as_json else out
        colour = notices.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        return cls(out, notices, Text(colour=colour), as_json=as_json, everything=everything)

    def show(self, each: Received | Lost) -> None:
        """Writes what there is to say of it: a line, a notice, both or nothing."""
        if isinstance(each, Lost):
            self._notice(f"lost: {each.reason}; next try in {each.wait:.1f} s")
            return
        event = each.event
        if isinstance(event, Connected):
            self._connections += 1
            self._mode = event.mode
            self._notice(_connected(event))
        elif isinstance(event, Reset):
            self._notice(f"reset ({event.reason}): there may be a gap before this; what the history has follows")
        elif isinstance(event, Heartbeat) and self._mode not in ("", event.mode):
            self._notice(f"was {self._mode}, now mode {_mode(event.mode)}")
        if isinstance(event, Heartbeat):
            self._mode = event.mode
        if self._everything or not isinstance(event, _CONTROL):
            self.events += 1
            line = printable_json(_json(each), self._out.encoding) if self._json else self._text.event(each)
            self._write(self._out, line)

    def end(self, dropped: int) -> None:
        """The last words: how much there was, and how many repeats were left out."""
        if self._connections:
            reconnects = self._connections - 1
            self._notice(f"ended: {self.events:,} events, {reconnects:,} reconnects, {dropped:,} repeats dropped")

    def _notice(self, words: str) -> None:
        self._write(self._notices, self._text.notice(round(self._clock() * 1000), words))

    def _write(self, to: TextIO, line: str) -> None:
        to.write(f"{line}\n")
        to.flush()


def _connected(event: Connected) -> str:
    follows = f"{event.replayed:,} events of the history follow" if event.replayed else "nothing was missed"
    match event.resume:
        case "resumed":
            words = f"resumed: {follows}"
        case "reset":
            words = "connected, not resumed"
        case _:
            words = f"connected: {follows if event.replayed else 'a fresh stream begins'}"
    tickers = f"; only {', '.join(event.tickers)}" if event.tickers is not None else ""
    return f"{words}{tickers}; mode {_mode(event.mode) if event.mode != 'push' else 'push'}"


def _mode(name: str) -> str:
    meaning = _MODES.get(name)
    return f"{name}: {meaning}" if meaning else name


def _json(received: Received) -> str:
    """One line. The data is as sent, with every digit; where it is no JSON, a text."""
    try:
        json.loads(received.data)
        data = received.data
    except (ValueError, RecursionError):
        data = json.dumps(received.data)
    name, place = json.dumps(received.name), json.dumps(received.id)
    late = late_ms(received)
    return f'{{"event":{name},"id":{place},"data":{data},"late_ms":{"null" if late is None else late}}}'
