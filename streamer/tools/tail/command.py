"""The command line of `streamer tail`."""

from __future__ import annotations

from typing import Annotated

import typer

from streamer.tools.terminal.errors import UsageError, check_utf8, reports_errors
from streamer.tools.terminal.limits import read_limits
from streamer.tools.terminal.quantities import seconds

Url = Annotated[
    str | None,
    typer.Argument(
        metavar="URL",
        help="the stream; without a path, /api/v2/stream is added. "
        "Left out: the demo that runs on this machine, else http://127.0.0.1:8080",
    ),
]
Tickers = Annotated[str | None, typer.Option(metavar="AAPL,MSFT", help="only these")]
Events = Annotated[str | None, typer.Option(metavar="NAMES", help="only these of sentiment_update and metrics")]
AsJson = Annotated[
    bool,
    typer.Option(
        "--json",
        help="one object a line: event, id, data as sent, late_ms (null: replayed, or the time of the write is "
        "unknown); notices go to stderr",
    ),
]
Place = Annotated[str | None, typer.Option("--from", metavar="ID", help="resume after this event id")]
Replay = Annotated[str | None, typer.Option(metavar="TIME", help="start this far back: 60, 5m")]
Count = Annotated[int | None, typer.Option(min=1, metavar="N", help="end after this many events")]
Lasting = Annotated[str | None, typer.Option("--for", metavar="TIME", help="end after this time: 30s, 5m, 1h")]
Retry = Annotated[bool, typer.Option("--retry", help="wait for a server that is not there yet")]
ControlEvents = Annotated[
    bool, typer.Option("--all", help="show and count heartbeats and the other control events too")
]
Headers = Annotated[
    list[str] | None, typer.Option("--header", "-H", metavar="NAME:VALUE", help="send this header; can be repeated")
]


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("tail")(reports_errors("tail")(tail))


def tail(
    url: Url = None,
    tickers: Tickers = None,
    events: Events = None,
    as_json: AsJson = False,
    place: Place = None,
    replay: Replay = None,
    count: Count = None,
    lasting: Lasting = None,
    retry: Retry = False,
    control_events: ControlEvents = False,
    header: Headers = None,
) -> int:
    """Shows a stream, one line an event: when it came, what it says, and how long after the write it came.

    Reconnects and resumes by itself, drops repeated events, and reports each in one line.

    Exit codes:
    0    ended as asked: --count, --for, or Ctrl-C where neither was given
    1    not reachable at the first try, or no stream there
    2    called wrongly
    3    --for was over before --count events came, or any
    130  interrupted before --count or --for
    """
    import sys

    from streamer.client import NotAStream, Reconnect, Stream, Unreachable
    from streamer.tools.tail.printer import EventPrinter
    from streamer.tools.tail.session import run
    from streamer.tools.tail.target import target
    from streamer.tools.terminal.errors import DONE, INTERRUPTED, ToolError

    if place is not None and replay is not None:
        raise UsageError("--from and --replay: choose one")
    for option, value in (("URL", url), ("--tickers", tickers), ("--events", events), ("--from", place)):
        check_utf8(option, value)
    limits = read_limits(lasting, count)
    try:
        stream = Stream(
            target(url),
            tickers=None if tickers is None else [tickers],
            events=None if events is None else [events],
            last_event_id=place or "",
            replay=None if replay is None else seconds("--replay", replay),
            headers=dict(_header(each) for each in header or ()),
            reconnect=Reconnect(patient=retry),
        )
    except NotAStream as error:
        raise UsageError(str(error)) from None
    printer = EventPrinter.to(sys.stdout, sys.stderr, as_json=as_json, control_events=control_events)
    try:
        return run(stream, printer, limits)
    except Unreachable as error:
        remedy = "start the demo with `make demo`, name a URL, or wait with --retry" if url is None else "--retry waits"
        raise ToolError(f"{error} ({remedy})") from None
    except KeyboardInterrupt:
        return DONE if limits.endless else INTERRUPTED


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip() or not text.isascii() or not text.isprintable():
        raise UsageError(f"--header {text!r}: write NAME:VALUE")
    return name.strip(), value.strip()
