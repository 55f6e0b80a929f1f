"""The command line of `streamer tail`."""

from __future__ import annotations

from typing import Annotated

import typer

from streamer.tools.terminal.errors import UsageError, check_utf8, check_value, reports_errors
from streamer.tools.terminal.headers import Headers, read_header
from streamer.tools.terminal.help import HTTP, epilog
from streamer.tools.terminal.limits import read_limits
from streamer.tools.terminal.quantities import seconds
from streamer.tools.terminal.url import Url

Tickers = Annotated[
    str | None, typer.Option("--tickers", "-t", metavar="AAPL,MSFT", help="only events of these tickers")
]
Label = Annotated[
    str | None,
    typer.Option(
        metavar="LABELS", help="only these labels: positive,neutral,negative (filtered here, not by the server)"
    ),
]
MinScore = Annotated[
    float | None,
    typer.Option(min=-1, max=1, metavar="SCORE", help="only scores of at least this, -1 to 1 (filtered here)"),
]
Source = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="only this source, upper or lower case; can be repeated (filtered here)"),
]
Configuration = Annotated[
    str | None,
    typer.Option(metavar="ID", help="follow this configuration of a user; name the user by -H 'X-User-ID: ada'"),
]
Events = Annotated[str | None, typer.Option(metavar="NAMES", help="only these events: sentiment_update, metrics")]
AsJson = Annotated[
    bool,
    typer.Option(
        "--json",
        help="one JSON object a line: event, id, data as sent, late_ms (null if replayed, or if the time of the write "
        "is unknown); notices go to stderr",
    ),
]
Place = Annotated[str | None, typer.Option("--from", metavar="ID", help="resume after this event id")]
Replay = Annotated[str | None, typer.Option(metavar="TIME", help="start with the events of this time: 60, 5m")]
Count = Annotated[int | None, typer.Option("--count", "-n", min=1, metavar="N", help="end after this many events")]
Lasting = Annotated[str | None, typer.Option("--for", metavar="TIME", help="end after this time: 30s, 5m, 1h")]
Follow = Annotated[
    bool,
    typer.Option("--follow", "-f", help="follow until Ctrl-C, --count or --for; this is always so, as `tail -f` is"),
]
Utc = Annotated[bool, typer.Option("--utc", help="show times in UTC, not in the local time zone")]
Retry = Annotated[bool, typer.Option("--retry", help="retry if the first connection fails")]
Summary = Annotated[
    bool,
    typer.Option(
        "--summary",
        help="show the counts of the last 24 hours in place of single events, with the items by label and the mean"
        " score of the largest tickers",
    ),
]
ControlEvents = Annotated[bool, typer.Option("--all", help="also show and count heartbeats and other control events")]


def register(app: typer.Typer) -> None:
    app.command(
        "tail",
        epilog=epilog(
            "streamer tail", "streamer tail -t AAPL,MSFT --label negative -n 10",
            "streamer tail https://stream.example.com --replay 5m --utc",
            "streamer tail --configuration chips -H 'X-User-ID: ada'", "streamer tail --json | jq .data.score",
            environment=(*HTTP, "NO_COLOR", "COLUMNS", "TZ"),
        ),
    )(reports_errors("tail")(tail))  # fmt: skip


def tail(
    url: Url = None,
    tickers: Tickers = None,
    label: Label = None,
    min_score: MinScore = None,
    source: Source = None,
    configuration: Configuration = None,
    events: Events = None,
    as_json: AsJson = False,
    place: Place = None,
    replay: Replay = None,
    count: Count = None,
    lasting: Lasting = None,
    follow: Follow = False,
    utc: Utc = False,
    retry: Retry = False,
    control_events: ControlEvents = False,
    header: Headers = None,
    summary: Summary = False,
) -> int:
    """Shows a stream, one line an event, with the time of receipt and the latency since the write.

    Reconnects and resumes automatically, reports each reconnect, and drops repeated events. On a terminal, lines fit its width; in a pipe, nothing is cut.

    Exit codes:
    0    ended by --count, by --for, or by Ctrl-C without these options
    1    the first connection failed, or the URL is not a stream
    2    invalid usage
    3    --for ended before --count events arrived, or before any event
    130  stopped by Ctrl-C before --count or --for
    """  # noqa: E501 - Typer keeps a paragraph's line ends
    import sys
    from datetime import UTC

    from streamer.client import NotAStream, Reconnect, Stream, Unreachable
    from streamer.tools.tail.item_filter import read_wanted
    from streamer.tools.tail.printer import EventPrinter
    from streamer.tools.tail.session import run
    from streamer.tools.tail.target import target
    from streamer.tools.terminal.errors import DONE, INTERRUPTED, ToolError

    if summary and events is not None:
        raise UsageError("--summary and --events: exclusive; give one")
    if place is not None and replay is not None:
        raise UsageError("--from and --replay: exclusive; give one")
    if configuration is not None and tickers is not None:
        raise UsageError("--configuration and --tickers: exclusive; the configuration has the tickers")
    for option, value in (
        *(("URL", url), ("--tickers", tickers), ("--events", events), ("--from", place)),
        ("--configuration", configuration),
    ):
        check_utf8(option, value)
    for each in source or ():
        check_value("--source", each)
    wanted = read_wanted(label, min_score, source)
    if summary and not wanted.everything:
        raise UsageError("--summary: the counts cannot be filtered; omit --label, --min-score and --source")
    named = ["metrics"] if summary else None if events is None else [events]
    if named is None and not wanted.everything:
        named = ["sentiment_update"]  # the counts would be those of all items
    limits = read_limits(lasting, count)
    try:
        stream = Stream(
            target(url, configuration),
            tickers=None if tickers is None else [tickers],
            events=named,
            last_event_id=place or "",
            replay=None if replay is None else seconds("--replay", replay),
            headers=dict(read_header(each) for each in header or ()),
            reconnect=Reconnect(patient=retry),
        )
    except NotAStream as error:
        raise UsageError(str(error)) from None
    printer = EventPrinter.to(
        sys.stdout,
        sys.stderr,
        as_json=as_json,
        control_events=control_events,
        summary=summary,
        zone=UTC if utc else None,
        wanted=wanted,
    )
    try:
        return run(stream, printer, limits)
    except Unreachable as error:
        remedy = "start the demo with `make demo`, or give a URL" if url is None else "wait for the server with --retry"
        raise ToolError(f"{error}; {remedy}") from None
    except KeyboardInterrupt:
        return DONE if limits.endless else INTERRUPTED
