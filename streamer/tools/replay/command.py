"""The command line of `streamer replay`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from streamer.tools.terminal.errors import UsageError, check_value, reports_errors
from streamer.tools.terminal.quantities import seconds

_TARGET = "Where to"
_FAULTS = "Faults"


def _share(help_: str) -> Any:
    return typer.Option(min=0.0, max=1.0, metavar="SHARE", help=help_, rich_help_panel=_FAULTS)


Files = Annotated[list[str], typer.Argument(metavar="FILE…", help="recordings; `-` is standard input")]
Topic = Annotated[str | None, typer.Option(metavar="ARN", help="publish to this topic", rich_help_panel=_TARGET)]
Table = Annotated[str | None, typer.Option(metavar="NAME", help="write items to this table", rich_help_panel=_TARGET)]
QueueUrl = Annotated[str | None, typer.Option(metavar="URL", help="failure queue for --topic", rich_help_panel=_TARGET)]
SentimentTable = Annotated[
    str,
    typer.Option(
        envvar="SENTIMENT_TABLE",
        help="the sentiment table's name in the services behind --topic",
        rich_help_panel=_TARGET,
    ),
]
UsersTable = Annotated[
    str, typer.Option(envvar="USERS_TABLE", help="the users table's name there", rich_help_panel=_TARGET)
]
Yes = Annotated[bool, typer.Option("--yes", help="do not ask before changing a real account", rich_help_panel=_TARGET)]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="print what would be published; change nothing", rich_help_panel=_TARGET)
]
Speed = Annotated[str, typer.Option(help="`1x`, `10x`, `0.5x`, or `max`, by the items' own times")]
NewKeys = Annotated[
    bool | None,
    typer.Option(
        "--fresh-keys/--as-is",
        help="new source ids, times and sequence numbers, because a state that is already known is no event; or what "
        "was recorded, unchanged  [default: fresh on this machine, as is elsewhere]",
        show_default=False,
    ),
]
Duplicate = Annotated[float, _share("share of the records that come twice: 0.01 is one in a hundred")]
Drop = Annotated[float, _share("share that is left out")]
Poison = Annotated[float, _share("share that the relay cannot decode")]
Reorder = Annotated[
    str,
    typer.Option(
        metavar="TIME",
        help="records can be overtaken by records up to this much later, in the recording's time",
        rich_help_panel=_FAULTS,
    ),
]
Delay = Annotated[str, typer.Option(metavar="TIME", help="delay everything by this time", rich_help_panel=_FAULTS)]
Seed = Annotated[
    int | None,
    typer.Option(help="the same seed gives the same faults  [default: a random one]", rich_help_panel=_FAULTS),
]


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("replay")(reports_errors("replay")(replay))


def replay(
    files: Files,
    topic: Topic = None,
    table: Table = None,
    queue_url: QueueUrl = None,
    sentiment_table: SentimentTable = "sentiment",
    users_table: UsersTable = "users",
    yes: Yes = False,
    dry_run: DryRun = False,
    speed: Speed = "1x",
    fresh: NewKeys = None,
    duplicate: Duplicate = 0.0,
    drop: Drop = 0.0,
    poison: Poison = 0.0,
    reorder: Reorder = "0s",
    delay: Delay = "0s",
    seed: Seed = None,
) -> int:
    """Sends recorded stream events through the relay: into the running demo, unless --topic or --table is given.

    Reads what `streamer record` writes from a table or a topic, Lambda's events ({"Records":[…]}) and JSON lines of them, gzip too.

    Exit codes: 0 all published (records that --poison spoils may fail); 1 records failed, or a file could not be read to its end (the lines before the bad one are replayed); 2 called wrongly; 130 stopped by Ctrl-C.
    """  # noqa: E501 - Typer keeps a paragraph's line ends
    import random

    from streamer.tools.replay.faults import Faults
    from streamer.tools.replay.playback import read_factor
    from streamer.tools.replay.replay import ReplayOptions, run

    for option, value in (("--table", table), ("--topic", topic), ("--queue-url", queue_url)):
        check_value(option, value)
    if topic and table:
        raise UsageError("--topic and --table: choose one")
    if table and poison:
        raise UsageError("--poison is for the relay: a table refuses malformed items; leave out --table")
    if queue_url and not topic:
        raise UsageError("--queue-url goes with --topic: the demo has its own, a table needs none")
    if files.count("-") > 1:
        raise UsageError("standard input (-) can be read once")
    seed = random.randrange(100_000) if seed is None else seed  # noqa: S311 - it is printed, not secret
    faults = Faults(seed, duplicate, drop, poison, round(seconds("--reorder", reorder) * 1000))
    return run(
        ReplayOptions(
            files=files,
            topic=topic,
            table=table,
            queue_url=queue_url,
            tables={"sentiment": sentiment_table, "users": users_table},
            yes=yes,
            dry_run=dry_run,
            factor=read_factor(speed),
            new_keys=fresh,
            faults=faults,
            delay=seconds("--delay", delay),
        )
    )
