"""The command line of `streamer replay`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from streamer.tools.terminal.errors import UsageError, check_table, check_value, reports_errors
from streamer.tools.terminal.help import AWS, epilog
from streamer.tools.terminal.quantities import seconds

_TARGET = "Target"
_FAULTS = "Faults"


def _share(help_: str) -> Any:
    return typer.Option(min=0.0, max=1.0, metavar="SHARE", help=help_, rich_help_panel=_FAULTS)


Files = Annotated[list[str], typer.Argument(metavar="FILE…", help="recordings; `-` is standard input")]
Topic = Annotated[str | None, typer.Option(metavar="ARN", help="publish to this topic", rich_help_panel=_TARGET)]
Table = Annotated[str | None, typer.Option(metavar="NAME", help="write items to this table", rich_help_panel=_TARGET)]
QueueUrl = Annotated[str | None, typer.Option(metavar="URL", help="failure queue of --topic", rich_help_panel=_TARGET)]
SentimentTable = Annotated[
    str,
    typer.Option(
        envvar="SENTIMENT_TABLE",
        help="sentiment table of the services that receive --topic",
        rich_help_panel=_TARGET,
    ),
]
UsersTable = Annotated[
    str, typer.Option(envvar="USERS_TABLE", help="users table of these services", rich_help_panel=_TARGET)
]
Yes = Annotated[bool, typer.Option("--yes", help="do not ask before changing a real account", rich_help_panel=_TARGET)]
DryRun = Annotated[bool, typer.Option("--dry-run", help="print the messages; do not publish", rich_help_panel=_TARGET)]
Speed = Annotated[str, typer.Option(help="`1x` (as recorded), `10x`, `0.5x`, or `max`")]
NewKeys = Annotated[
    bool | None,
    typer.Option(
        "--fresh-keys/--as-is",
        help="new source ids, times and sequence numbers, because a known state causes no event; or the recorded ones "
        "[default: fresh if the target is on this machine, else as is]",
        show_default=False,
    ),
]
Duplicate = Annotated[float, _share("share of the records that are sent twice: 0.01 is one in a hundred")]
Drop = Annotated[float, _share("share of the records that are dropped")]
Poison = Annotated[float, _share("share of the records that are made undecodable")]
Reorder = Annotated[
    str,
    typer.Option(
        metavar="TIME",
        help="delay each record by a random time up to this, in the recording's time, so that others overtake it",
        rich_help_panel=_FAULTS,
    ),
]
Delay = Annotated[str, typer.Option(metavar="TIME", help="delay all records by this time", rich_help_panel=_FAULTS)]
Seed = Annotated[
    int | None,
    typer.Option(help="the same seed gives the same faults  [default: a random one]", rich_help_panel=_FAULTS),
]


def register(app: typer.Typer) -> None:
    app.command(
        "replay",
        epilog=epilog(
            "streamer replay incident.jsonl.gz --speed 10x",
            "streamer replay incident.jsonl.gz --dry-run --speed max",
            "streamer replay incident.jsonl.gz --speed max --duplicate 0.2 --reorder 5s --seed 7",
            environment=("SENTIMENT_TABLE", "USERS_TABLE", *AWS),
        ),
    )(reports_errors("replay")(replay))


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
    """Sends recorded stream records through the relay. The default target is the running demo.

    Reads recordings of a table or a topic by `streamer record`, Lambda events ({"Records":[…]}) and JSON lines of Lambda events, also with gzip.

    Exit codes: 0 all published (records of --poison may fail); 1 records failed, or a file has an invalid line (the lines before it are replayed); 2 invalid usage; 130 stopped by Ctrl-C.
    """  # noqa: E501 - Typer keeps a paragraph's line ends
    import random

    from streamer.tools.replay.faults import Faults
    from streamer.tools.replay.playback import read_factor
    from streamer.tools.replay.replay import ReplayOptions, run

    for option, value in (("--table", table), ("--topic", topic), ("--queue-url", queue_url)):
        check_value(option, value)
    if topic and table:
        raise UsageError("--topic and --table: exclusive; give one")
    if table and poison:
        raise UsageError("--poison: not possible with --table, which refuses malformed items; omit one")
    check_table("--table", table)
    check_table("--sentiment-table (SENTIMENT_TABLE)", sentiment_table)
    check_table("--users-table (USERS_TABLE)", users_table)
    if queue_url and not topic:
        raise UsageError("--queue-url: requires --topic; omit it")
    if files.count("-") > 1:
        raise UsageError("FILE='-': standard input can be read only once; give it once")
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
