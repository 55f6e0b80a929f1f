"""The command line of `streamer record`."""

from __future__ import annotations

from typing import Annotated

import typer

from streamer.tools.terminal.errors import UsageError, check_value, reports_errors
from streamer.tools.terminal.limits import read_limits

File = Annotated[str, typer.Argument(metavar="FILE", help="to write; gzip if it ends in .gz; `-` is standard output")]
Table = Annotated[str | None, typer.Option(metavar="NAME", help="a table's stream")]
Topic = Annotated[str | None, typer.Option(metavar="ARN", help="a topic, through a queue of its own")]
Url = Annotated[str | None, typer.Option(metavar="URL", help="a stream, as a client receives it")]
Whole = Annotated[
    bool, typer.Option("--whole", help="with a table: keep hidden attributes too, article text among them")
]
FromStart = Annotated[
    bool, typer.Option("--from-start", help="with a table: start with the oldest that its stream holds (24 h)")
]
Lasting = Annotated[str | None, typer.Option("--for", metavar="TIME", help="end after this time: 30s, 5m, 1h")]
Count = Annotated[int | None, typer.Option(min=1, metavar="N", help="end after this many lines")]
Force = Annotated[bool, typer.Option("--force", help="overwrite the file")]


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("record")(reports_errors("record")(record))


def record(
    file: File,
    table: Table = None,
    topic: Topic = None,
    url: Url = None,
    whole: Whole = False,
    from_start: FromStart = False,
    lasting: Lasting = None,
    count: Count = None,
    force: Force = False,
) -> int:
    """Writes changes or events to FILE, with times, until Ctrl-C or a limit; by default those of the running demo's table.

    Of a table, only keys and the attributes that may leave it are kept. Article text is not: it may be licensed, and recordings get passed around. `--whole` keeps everything, for a replay into a table.

    Exit codes: 0 ended by Ctrl-C or a limit, with a whole last line; 1 the source or the file failed; 2 called wrongly.
    """  # noqa: E501 - Typer keeps a paragraph's line ends
    from streamer.tools.record.table import record_table
    from streamer.tools.record.topic import record_topic
    from streamer.tools.record.url import record_url

    for option, value in (("--table", table), ("--topic", topic), ("--url", url)):
        check_value(option, value)
    if sum(source is not None for source in (table, topic, url)) > 1:
        raise UsageError("--table, --topic and --url: choose one")
    if (whole or from_start) and (topic or url):
        raise UsageError("--whole and --from-start are for a table: a topic and a stream hold neither")
    limits = read_limits(lasting, count)
    if topic:
        return record_topic(topic, file, limits, force=force)
    if url:
        return record_url(url, file, limits, force=force)
    return record_table(table, file, limits, force=force, whole=whole, from_start=from_start)
