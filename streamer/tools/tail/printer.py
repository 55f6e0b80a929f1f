"""Prints events, and notices between them."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from datetime import tzinfo
from typing import Final, Self, TextIO

from streamer.client import Lost, Received
from streamer.sse.events import Closing, Connected, Heartbeat, Reset
from streamer.tools.tail.formatter import EventFormatter, late_ms
from streamer.tools.tail.item_filter import ItemFilter, Wanted
from streamer.tools.terminal.colour import has_colour
from streamer.tools.terminal.printable import printable_json

_CONTROL: Final = (Connected, Reset, Heartbeat, Closing)
_MODES: Final = {
    "push": "changes arrive at once",
    "poll": "changes arrive by polling, some seconds late",
    "both": "changes arrive by push and by polling",
    "down": "no changes arrive until the server recovers",
}


class EventPrinter:
    """Writes events to `out` as text or JSON, and notices to `notices`. Flushes after each line."""

    def __init__(
        self,
        out: TextIO,
        notices: TextIO,
        formatter: EventFormatter,
        *,
        as_json: bool = False,
        control_events: bool = False,
        wanted: Wanted | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.events = 0
        """Number of events that were written."""
        self._out = out
        self._notices = notices
        self._formatter = formatter
        self._json = as_json
        self._control_events = control_events
        self._filter = ItemFilter(wanted or Wanted())
        self._clock = clock
        self._mode = ""
        self._connections = 0

    @classmethod
    def to(
        cls,
        out: TextIO,
        err: TextIO,
        *,
        as_json: bool,
        control_events: bool,
        summary: bool,
        zone: tzinfo | None = None,
        wanted: Wanted | None = None,
    ) -> Self:
        """Prints notices to `out`, or to `err` if the events are JSON. Uses colours on a terminal, unless NO_COLOR, and
        lines that fit its width."""
        notices = err if as_json else out
        formatter = EventFormatter(
            colour=has_colour(notices),
            zone=zone,
            summary=summary,
            width=_terminal_width if out.isatty() else _no_width,
        )
        return cls(out, notices, formatter, as_json=as_json, control_events=control_events, wanted=wanted)

    def show(self, each: Received | Lost) -> None:
        """Writes the line of an event, a notice, both or nothing."""
        if isinstance(each, Lost):
            self._notice(f"lost: {each.reason}; next attempt in {each.wait:.1f} s")
            return
        event = each.event
        if isinstance(event, Connected):
            self._connections += 1
            self._mode = event.mode
            self._notice(_connected(event))
        elif isinstance(event, Reset):
            self._notice(f"reset ({event.reason}): events before this may be missing; the history follows")
        elif isinstance(event, Heartbeat) and self._mode not in ("", event.mode):
            self._notice(f"mode changed from {self._mode} to {_mode(event.mode)}")
        if isinstance(event, Heartbeat):
            self._mode = event.mode
        if (self._control_events or not isinstance(event, _CONTROL)) and self._filter.passes(event):
            self.events += 1
            line = printable_json(_json(each), self._out.encoding) if self._json else self._formatter.event(each)
            self._write(self._out, line)

    def end(self, dropped: int) -> None:
        """Writes the totals. `dropped`: number of dropped repeats."""
        if self._connections:
            reconnects = self._connections - 1
            self._notice(f"ended: {self.events:,} events, {reconnects:,} reconnects, {dropped:,} repeats dropped")

    def _notice(self, text: str) -> None:
        self._write(self._notices, self._formatter.notice(round(self._clock() * 1000), text))

    def _write(self, to: TextIO, line: str) -> None:
        to.write(f"{line}\n")
        to.flush()


def _terminal_width() -> int:
    return shutil.get_terminal_size().columns  # at each line, because a window can change its size


def _no_width() -> None:
    return None


def _connected(event: Connected) -> str:
    follows = f"{event.replayed:,} events of the history follow" if event.replayed else "no event was missed"
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
    """Returns one line. The data is unchanged (to keep every digit) if it is JSON, else a string."""
    try:
        json.loads(received.data)
        data = received.data
    except (ValueError, RecursionError):
        data = json.dumps(received.data)
    name, place = json.dumps(received.name), json.dumps(received.id)
    late = late_ms(received)
    return f'{{"event":{name},"id":{place},"data":{data},"late_ms":{"null" if late is None else late}}}'
