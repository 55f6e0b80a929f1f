"""`streamer tail`: a stream at a terminal, one line an event."""

from __future__ import annotations

from typing import Annotated

import typer

from streamer.tools.duration import seconds
from streamer.tools.ending import UsageError, ending, legible


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("tail")(ending("tail")(tail))


def tail(
    url: Annotated[
        str | None,
        typer.Argument(
            metavar="URL",
            help="the stream; without a path, /api/v2/stream is added. "
            "Left out: the demo that runs on this machine, else http://127.0.0.1:8080",
        ),
    ] = None,
    tickers: Annotated[str | None, typer.Option(metavar="AAPL,MSFT", help="only these")] = None,
    events: Annotated[
        str | None, typer.Option(metavar="NAMES", help="only these of sentiment_update and metrics")
    ] = None,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="one object a line: event, id, data as sent, late_ms (null: history, or nobody says when it was "
            "written); notices go to stderr",
        ),
    ] = False,
    place: Annotated[str | None, typer.Option("--from", metavar="ID", help="resume after this place")] = None,
    replay: Annotated[str | None, typer.Option(metavar="TIME", help="begin so far back: 60, 5m")] = None,
    count: Annotated[int | None, typer.Option(min=1, metavar="N", help="end after so many events")] = None,
    lasting: Annotated[str | None, typer.Option("--for", metavar="TIME", help="end after so long: 30s, 5m, 1h")] = None,
    retry: Annotated[bool, typer.Option("--retry", help="wait for a server that is not there yet")] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="show and count heartbeats and the other control events too")
    ] = False,
    header: Annotated[
        list[str] | None, typer.Option("--header", "-H", metavar="NAME:VALUE", help="send this too; can be repeated")
    ] = None,
) -> int:
    """Shows a stream, one line an event: when it came, what it says, and how late that is after it was written.

    Reconnects by itself, resumes where it was, drops what is repeated, and says so, each in one line.

    Exit codes:
    0    ended as asked: --count, --for, or Ctrl-C where neither was given
    1    not reachable at the first try, or no stream there
    2    called wrongly
    3    --for was over before --count events came, or any
    130  interrupted before --count or --for
    """
    import sys

    from streamer.client import NotAStream, Stream, Unreachable
    from streamer.tools.ending import DONE, INTERRUPTED, ToolError
    from streamer.tools.tail_limits import Limits
    from streamer.tools.tail_lines import Lines
    from streamer.tools.tail_session import run
    from streamer.tools.tail_target import target

    if place is not None and replay is not None:
        raise UsageError("--from and --replay: choose one")
    for option, value in (("URL", url), ("--tickers", tickers), ("--events", events), ("--from", place)):
        legible(option, value)
    limits = Limits(None if lasting is None else seconds("--for", lasting), count)
    try:
        stream = Stream(
            target(url),
            tickers=None if tickers is None else [tickers],
            events=None if events is None else [events],
            last_event_id=place or "",
            replay=None if replay is None else seconds("--replay", replay),
            headers=dict(_header(each) for each in header or ()),
            patient=retry,
        )
    except NotAStream as error:
        raise UsageError(str(error)) from None
    lines = Lines.to(sys.stdout, sys.stderr, as_json=as_json, everything=everything)
    try:
        return run(stream, lines, limits)
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
