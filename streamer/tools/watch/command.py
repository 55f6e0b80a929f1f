"""The command line of `streamer watch`."""

from __future__ import annotations

from typing import Annotated

import typer

from streamer.tools.terminal.errors import DONE, ToolError, UsageError, check_utf8, reports_errors
from streamer.tools.terminal.headers import Headers, read_header
from streamer.tools.terminal.help import HTTP, epilog
from streamer.tools.terminal.url import Url

Tickers = Annotated[str | None, typer.Option("--tickers", "-t", metavar="AAPL,MSFT", help="only these tickers")]


def register(app: typer.Typer) -> None:
    app.command(
        "watch",
        epilog=epilog(
            "streamer watch",
            "streamer watch https://stream.example.com -t AAPL,MSFT",
            environment=(*HTTP, "NO_COLOR", "COLUMNS", "LINES"),
        ),
    )(reports_errors("watch")(watch))


def watch(url: Url = None, tickers: Tickers = None, header: Headers = None) -> int:
    """Shows a table of tickers that changes in place: items of the last 24 hours, by label, mean score and last change.

    The counts are those of the 20 largest tickers, as the server sends them. q or Ctrl-C ends it.

    Exit codes:
    0  ended by q or Ctrl-C
    1  the first connection failed, or the URL is not a stream
    2  invalid usage, or the output is no terminal, or TERM is `dumb`
    """
    import asyncio
    import os
    import sys

    from rich.console import Console

    from streamer.client import NotAStream, Reconnect, Stream, Unreachable
    from streamer.client.response import safe_url
    from streamer.tools.tail.target import target
    from streamer.tools.watch import session
    from streamer.tools.watch.board import Board

    if not sys.stdout.isatty():
        raise UsageError("the output is no terminal; use `streamer tail --summary`, whose lines fit a pipe or a file")
    console = Console()
    if console.is_dumb_terminal:  # rich would show nothing
        raise UsageError(f"TERM={os.environ['TERM']}: the table changes in place; use `streamer tail --summary`")
    for option, value in (("URL", url), ("--tickers", tickers)):
        check_utf8(option, value)
    try:
        stream = Stream(
            target(url),
            tickers=None if tickers is None else [tickers],
            events=["sentiment_update", "metrics"],
            headers=dict(read_header(each) for each in header or ()),
            reconnect=Reconnect(patient=False),
        )
    except NotAStream as error:
        raise UsageError(str(error)) from None
    only = {part.strip().upper() for part in (tickers or "").split(",") if part.strip()}
    board = Board(safe_url(stream.url), only)
    keyboard = sys.stdin.fileno() if sys.stdin.isatty() else None
    try:
        asyncio.run(session.watch(stream, board, console, keyboard))
    except Unreachable as error:
        remedy = "start the demo with `make demo`, or give a URL" if url is None else "check the URL"
        raise ToolError(f"{error}; {remedy}") from None
    return DONE
