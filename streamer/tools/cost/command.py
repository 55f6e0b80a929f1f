"""`streamer cost`: what a load takes and costs a month, computed from measured numbers and list prices. Asks nobody."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any, Final

import typer

from streamer.tools.cost.prices import Line, bill, total
from streamer.tools.cost.sizing import Load, Sizing, size
from streamer.tools.terminal.errors import DONE, UsageError, reports_errors

DEFAULT: Final = Load(streams=1, changes=1)
"""The defaults of everything else."""


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("cost")(reports_errors("cost")(cost))


def cost(
    streams: Annotated[int, typer.Option(help="streams open at once")],
    changes: Annotated[float, typer.Option(help="changes a second, around the clock")],
    tickers_per_item: Annotated[
        float, typer.Option(help="events that a change makes, one a ticker")
    ] = DEFAULT.tickers_per_item,
    share: Annotated[
        float, typer.Option(help="part of all events that a stream shows; 1: no filter, with metrics events")
    ] = DEFAULT.share,
    filters: Annotated[
        int | None, typer.Option(help="different filters in all; each stream its own unless given")
    ] = None,
    hours_open: Annotated[float, typer.Option(help="hours a day in which the streams are open")] = DEFAULT.hours_open,
    item_bytes: Annotated[int, typer.Option(help="of an item in the index")] = DEFAULT.item_bytes,
    change_bytes: Annotated[int, typer.Option(help="of a change in a message")] = DEFAULT.change_bytes,
    event_bytes: Annotated[int, typer.Option(help="of an event on the wire")] = DEFAULT.event_bytes,
    shards: Annotated[int, typer.Option(help="shards of the table's stream")] = DEFAULT.shards,
    lookback: Annotated[float, typer.Option(help="SSE_LOOKBACK, seconds")] = DEFAULT.lookback,
    verify: Annotated[float, typer.Option(help="SSE_VERIFY_INTERVAL, seconds")] = DEFAULT.verify,
    poll: Annotated[float, typer.Option(help="SSE_POLL_INTERVAL, seconds (lambda)")] = DEFAULT.poll,
    catchup: Annotated[float, typer.Option(help="SSE_CATCHUP, seconds")] = DEFAULT.catchup,
    cpu: Annotated[float, typer.Option(help="vCPU of a container")] = DEFAULT.cpu,
    memory: Annotated[
        float | None, typer.Option(help="GB of a container; the least that is enough unless given (lambda: 0.5)")
    ] = None,
    busy: Annotated[float, typer.Option(help="part of its core that a container may use")] = DEFAULT.busy,
    gbit: Annotated[float, typer.Option(help="Gbit a second that a container may send")] = DEFAULT.gbit,
    streams_per_container: Annotated[int, typer.Option(help="at most (max_streams)")] = DEFAULT.streams_per_container,
    deployment: Annotated[str, typer.Option(help="fargate or lambda")] = DEFAULT.deployment,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> int:
    """What so many streams at so many changes a second take: containers, queues, and dollars a month, line by line.

    Nothing is asked of AWS: the prices are list prices of us-east-1, the processor is what docs/benchmarks.md measured. docs/scaling.md says what is measured, what is computed, and where the design bends.

    Exit codes: 0 computed; 2 called wrongly, or no container could do it.
    """  # noqa: E501 - Typer keeps a paragraph's line ends
    if deployment not in ("fargate", "lambda"):
        raise UsageError(f"--deployment {deployment!r}: choose fargate or lambda")
    load = Load(
        streams=streams,
        changes=changes,
        tickers_per_item=tickers_per_item,
        share=share,
        filters=filters,
        hours_open=hours_open,
        item_bytes=item_bytes,
        change_bytes=change_bytes,
        event_bytes=event_bytes,
        shards=shards,
        lookback=lookback,
        verify=verify,
        poll=poll,
        catchup=catchup,
        cpu=cpu,
        memory=memory,
        busy=busy,
        gbit=gbit,
        streams_per_container=streams_per_container,
        deployment="lambda" if deployment == "lambda" else "fargate",
    )
    sizing = size(load)
    lines = bill(load, sizing)
    if as_json:
        sys.stdout.write(json.dumps(members(load, sizing, lines)) + "\n")
    else:
        _show(load, sizing, lines)
    return DONE


def members(load: Load, sizing: Sizing, lines: Sequence[Line]) -> dict[str, Any]:
    """What `--json` says: everything that went in and came out."""
    return {
        "load": asdict(load),
        "messages_a_second": load.messages,
        "changes_a_message": load.changes_a_message,
        "bytes_a_second_and_stream": load.stream_bytes,
        "sizing": asdict(sizing),
        "lines": [asdict(line) for line in lines],
        "dollars_a_month": total(lines),
    }


def facts(load: Load, sizing: Sizing) -> list[tuple[str, str]]:
    """What the load takes, in words."""
    said = [
        ("messages", f"{amount(load.messages)} a second; changes in each: {amount(load.changes_a_message)}"),
        ("to a stream", f"{amount(load.events * load.share)} events, {amount(load.stream_bytes / 1_000)} kB a second"),
    ]
    if load.deployment == "lambda":
        return [*said, ("environments", f"{sizing.containers:,} at once, of {sizing.memory:g} GB; one stream each")]
    bounds = ", ".join(f"{bound} {streams:,}" for bound, streams in sorted(sizing.bounds.items(), key=lambda it: it[1]))
    each = f"{load.cpu:g} vCPU and {sizing.memory:g} GB"
    balancers = "" if sizing.load_balancers == 1 else f", behind {sizing.load_balancers} load balancers"
    return [
        *said,
        ("containers", f"{sizing.containers:,} of {each}, one of them spare{balancers}"),
        ("queues", f"{sizing.queues:,}, one each"),
        ("a container holds", f"{sizing.streams_each:,} streams, by its {sizing.binds} ({bounds})"),
        ("a core", f"{sizing.stream_us:,.0f} µs a second for a stream: {sizing.streams_a_core:,} streams"),
        ("busy", f"{sizing.used:.0%} of a core; {sizing.fixed:.0%} whoever listens"),
        ("history", f"{sizing.history_s:,.0f} s"),
    ]  # fmt: skip


def _show(load: Load, sizing: Sizing, lines: Sequence[Line]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(width=None if sys.stdout.isatty() else 200)
    takes = Table(box=None, pad_edge=False, show_header=False)
    takes.add_column(no_wrap=True)
    takes.add_column()
    for name, words in facts(load, sizing):
        takes.add_row(Text(name), Text(words))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_footer=True)
    table.add_column("what", "together")
    table.add_column("quantity", justify="right")
    table.add_column("unit")
    table.add_column("price", justify="right")
    table.add_column("$ a month", Text(f"{total(lines):,.2f}"), justify="right")
    for line in lines:
        row = (line.what, amount(line.quantity), line.unit, price(line), f"{line.dollars:,.2f}")
        table.add_row(*map(Text, row))
    console.print(takes)
    console.print(table)


def amount(quantity: float) -> str:
    """A quantity to three digits: 15.8 M."""
    for power, name in ((1e9, " bn"), (1e6, " M")):
        if quantity >= power:
            return f"{quantity / power:,.{2 if quantity < 10 * power else 1 if quantity < 100 * power else 0}f}{name}"
    return f"{quantity:,.0f}" if quantity >= 100 else f"{quantity:.3g}"


def price(line: Line) -> str:
    """Of one unit, or of a million where one costs next to nothing."""
    return f"${line.price * 1e6:,.3f} a million" if line.price < 1e-4 else f"${line.price:,.5g}"
