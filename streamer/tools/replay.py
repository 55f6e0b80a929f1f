"""`streamer replay`: recorded stream events through the relay's own code, once more."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from streamer.tools.duration import seconds
from streamer.tools.ending import UsageError, ending, given


def _share(does: str) -> Any:
    return typer.Option(min=0.0, max=1.0, metavar="SHARE", help=does, rich_help_panel="Faults")


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("replay")(ending("replay")(replay))


def replay(
    files: Annotated[list[str], typer.Argument(metavar="FILE…", help="recordings; `-` is standard input")],
    topic: Annotated[
        str | None, typer.Option(metavar="ARN", help="publish to this topic", rich_help_panel="Where to")
    ] = None,
    table: Annotated[
        str | None, typer.Option(metavar="NAME", help="write items to this table", rich_help_panel="Where to")
    ] = None,
    queue_url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="failure queue beside --topic", rich_help_panel="Where to"),
    ] = None,
    sentiment_table: Annotated[
        str,
        typer.Option(
            envvar="SENTIMENT_TABLE",
            help="what the services behind --topic call the sentiment table",
            rich_help_panel="Where to",
        ),
    ] = "sentiment",
    users_table: Annotated[
        str, typer.Option(envvar="USERS_TABLE", help="likewise the users table", rich_help_panel="Where to")
    ] = "users",
    yes: Annotated[
        bool, typer.Option("--yes", help="do not ask before touching a real account", rich_help_panel="Where to")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="print what would be published; touch nothing", rich_help_panel="Where to")
    ] = False,
    speed: Annotated[str, typer.Option(help="`1x`, `10x`, `0.5x`, or `max`, by the items' own times")] = "1x",
    fresh: Annotated[
        bool | None,
        typer.Option(
            "--fresh-keys/--as-is",
            help="new source ids, times and sequence numbers, because a state already known is no event; or what was "
            "recorded, unchanged  [default: fresh on this machine, as is elsewhere]",
            show_default=False,
        ),
    ] = None,
    duplicate: Annotated[float, _share("so many of the records come twice: 0.01 is one in a hundred")] = 0.0,
    drop: Annotated[float, _share("so many are left out")] = 0.0,
    poison: Annotated[float, _share("so many are spoiled: the relay cannot decode them")] = 0.0,
    reorder: Annotated[
        str,
        typer.Option(
            metavar="TIME",
            help="records may be overtaken by those up to so much later, in the recording's time",
            rich_help_panel="Faults",
        ),
    ] = "0s",
    delay: Annotated[
        str,
        typer.Option(metavar="TIME", help="everything so much later", rich_help_panel="Faults"),
    ] = "0s",
    seed: Annotated[
        int | None,
        typer.Option(help="the same seed, the same faults  [default: a random one]", rich_help_panel="Faults"),
    ] = None,
) -> int:
    """Feeds recorded stream events through the relay, into the running demo unless --topic or --table say otherwise.

    Reads what `streamer record` writes from a table or a topic, Lambda's events ({"Records":[…]}) and JSON lines of them, gzip too.

    Exit codes: 0 all published (what --poison spoils may fail); 1 records failed, or a file could not be read to its end (what was before the bad line is replayed); 2 called wrongly; 130 stopped by Ctrl-C.
    """  # noqa: E501 - Typer keeps a paragraph's line ends
    import random

    from streamer.tools.faults import Faults
    from streamer.tools.pace import speed as factor_of
    from streamer.tools.replaying import Order, run

    for option, value in (("--table", table), ("--topic", topic), ("--queue-url", queue_url)):
        given(option, value)
    if topic and table:
        raise UsageError("--topic and --table: choose one")
    if table and poison:
        raise UsageError("--poison is for the relay: a table takes nothing that is malformed; leave out --table")
    if queue_url and not topic:
        raise UsageError("--queue-url goes with --topic: the demo has its own, a table needs none")
    if files.count("-") > 1:
        raise UsageError("standard input (-) can be read once")
    seed = random.randrange(100_000) if seed is None else seed  # noqa: S311 - it is told, not secret
    return run(
        Order(
            files=files,
            topic=topic,
            table=table,
            queue_url=queue_url,
            tables={"sentiment": sentiment_table, "users": users_table},
            yes=yes,
            dry_run=dry_run,
            factor=factor_of(speed),
            fresh=fresh,
            faults=Faults(seed, duplicate, drop, poison, round(seconds("--reorder", reorder) * 1000)),
            delay=seconds("--delay", delay),
        )
    )
