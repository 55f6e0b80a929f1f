"""The command line of `streamer record`."""

from __future__ import annotations

from typing import Annotated

import typer

from streamer.tools.terminal.errors import UsageError, check_table, check_value, reports_errors
from streamer.tools.terminal.help import AWS, HTTP, epilog
from streamer.tools.terminal.limits import read_limits

File = Annotated[
    str, typer.Argument(metavar="FILE", help="output file; gzip if it ends in .gz; `-` is standard output")
]
Table = Annotated[str | None, typer.Option(metavar="NAME", help="record the stream of this table")]
Topic = Annotated[str | None, typer.Option(metavar="ARN", help="record this topic, through a temporary queue")]
Url = Annotated[str | None, typer.Option(metavar="URL", help="record this stream as a client receives it")]
Whole = Annotated[
    bool, typer.Option("--whole", help="with a table: record hidden attributes too, such as article text")
]
FromStart = Annotated[
    bool, typer.Option("--from-start", help="with a table: start with the oldest record of its stream (24 h)")
]
Lasting = Annotated[str | None, typer.Option("--for", metavar="TIME", help="end after this time: 30s, 5m, 1h")]
Count = Annotated[int | None, typer.Option(min=1, metavar="N", help="end after this many lines")]
Force = Annotated[bool, typer.Option("--force", help="overwrite the file")]


def register(app: typer.Typer) -> None:
    app.command(
        "record",
        epilog=epilog(
            "streamer record --from-start --count 20 incident.jsonl.gz",
            "AWS_PROFILE=production streamer record --table sentiment --from-start --for 1m incident.jsonl.gz",
            "streamer record --url https://stream.example.com --for 10m events.jsonl.gz",
            environment=(*AWS, "QUEUE_PREFIX", "QUEUE_TAGS", *HTTP),
        ),
    )(reports_errors("record")(record))


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
    """Writes changes or events with their times to FILE, until Ctrl-C or a limit. The default source is the table of the running demo.

    From a table, only keys and the attributes that the relay publishes are recorded. Article text is not, because it may be licensed and recordings are shared. `--whole` records everything, for a replay into a table.

    Exit codes: 0 ended by Ctrl-C or a limit; 1 the source or the file failed; 2 invalid usage.
    """  # noqa: E501 - Typer keeps a paragraph's line ends
    from streamer.tools.record.table import record_table
    from streamer.tools.record.topic import record_topic
    from streamer.tools.record.url import record_url

    for option, value in (("FILE", file), ("--table", table), ("--topic", topic), ("--url", url)):
        check_value(option, value)
    if sum(source is not None for source in (table, topic, url)) > 1:
        raise UsageError("--table, --topic and --url: exclusive; give one")
    if (whole or from_start) and (topic or url):
        raise UsageError("--whole and --from-start need a table as the source; omit them")
    check_table("--table", table)
    limits = read_limits(lasting, count)
    if topic:
        return record_topic(topic, file, limits, force=force)
    if url:
        return record_url(url, file, limits, force=force)
    return record_table(table, file, limits, force=force, whole=whole, from_start=from_start)
