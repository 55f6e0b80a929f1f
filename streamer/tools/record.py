"""`streamer record`: what passes, to a file of JSON lines."""

from __future__ import annotations

from typing import Annotated

import typer

from streamer.tools.duration import seconds
from streamer.tools.ending import UsageError, ending, given, legible


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("record")(ending("record")(record))


def record(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="to write; gzip if it ends in .gz; `-` is standard output")
    ],
    table: Annotated[str | None, typer.Option(metavar="NAME", help="a table's stream")] = None,
    topic: Annotated[str | None, typer.Option(metavar="ARN", help="a topic, through a queue of its own")] = None,
    url: Annotated[str | None, typer.Option(metavar="URL", help="a stream, as a client sees it")] = None,
    whole: Annotated[
        bool, typer.Option("--whole", help="with a table: keep hidden attributes too, article text among them")
    ] = False,
    from_start: Annotated[
        bool, typer.Option("--from-start", help="with a table: begin with the oldest that its stream holds (24 h)")
    ] = False,
    lasting: Annotated[str | None, typer.Option("--for", metavar="TIME", help="end after so long: 30s, 5m, 1h")] = None,
    count: Annotated[int | None, typer.Option(min=1, metavar="N", help="end after so many lines")] = None,
    force: Annotated[bool, typer.Option("--force", help="overwrite the file")] = False,
) -> int:
    """Writes what passes to FILE, with times, until Ctrl-C or a limit; from the running demo's table unless told otherwise.

    Of a table, keys and the attributes that may leave it are kept. Its article text is not: it may be licensed, and a recording gets passed around. `--whole` keeps everything, for a replay into a table.

    Exit codes: 0 ended by Ctrl-C or a limit, with a whole last line; 1 the source or the file gave out; 2 called wrongly.
    """  # noqa: E501 - Typer keeps a paragraph's line ends
    from streamer.tools.recorders import run_table, run_topic, run_url
    from streamer.tools.session import Limits

    for option, value in (("--table", table), ("--topic", topic), ("--url", url)):
        given(option, value)
        legible(option, value)
    if sum(source is not None for source in (table, topic, url)) > 1:
        raise UsageError("--table, --topic and --url: choose one")
    if (whole or from_start) and (topic or url):
        raise UsageError("--whole and --from-start are for a table: a topic and a stream hold neither")
    limits = Limits(None if lasting is None else seconds("--for", lasting), count)
    if topic:
        return run_topic(topic, file, limits, force=force)
    if url:
        return run_url(url, file, limits, force=force)
    return run_table(table, file, limits, force=force, whole=whole, from_start=from_start)
