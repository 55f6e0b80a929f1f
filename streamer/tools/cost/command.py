"""The command line of `streamer cost`."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Annotated

import typer

from streamer.tools.cost.estimate import Line, Load, bill, total
from streamer.tools.terminal.errors import DONE, UsageError, reports_errors
from streamer.tools.terminal.help import epilog
from streamer.tools.terminal.table import print_table


def register(app: typer.Typer) -> None:
    app.command(
        "cost",
        epilog=epilog(
            "streamer cost --streams 10000 --changes 100",
            "streamer cost --streams 5 --changes 1 --deployment lambda --json",
        ),
    )(reports_errors("cost")(cost))


def cost(
    streams: Annotated[int, typer.Option(min=1, help="concurrent streams")],
    changes: Annotated[float, typer.Option(min=0, max=100_000, help="changes a second, 24 hours a day")],
    containers: Annotated[int | None, typer.Option(min=1, help="default: enough, and one spare")] = None,
    tickers_per_item: Annotated[float, typer.Option(min=1, help="events of one change")] = 1.5,
    share: Annotated[float, typer.Option(min=0, max=1, help="share of the events that a stream receives")] = 1.0,
    hours_open: Annotated[float, typer.Option(min=0, max=24, help="hours a day that the streams are open")] = 24.0,
    item_bytes: Annotated[int, typer.Option(min=1, help="size of an item in the index")] = 1_024,
    change_bytes: Annotated[int, typer.Option(min=1, help="size of a change in a message")] = 600,
    event_bytes: Annotated[int, typer.Option(min=1, help="size of an event on the wire")] = 360,
    shards: Annotated[int, typer.Option(min=1, help="shards of the table's stream")] = 4,
    lookback: Annotated[float, typer.Option(min=150, help="SSE_LOOKBACK, seconds")] = 180.0,
    verify: Annotated[float, typer.Option(min=1, help="SSE_VERIFY_INTERVAL, seconds")] = 15.0,
    cpu: Annotated[float, typer.Option(min=0.25, max=4, help="vCPU of a container")] = 1.0,
    memory: Annotated[float | None, typer.Option(min=0.25, help="GB; default: 2 per vCPU; 0.5 in lambda")] = None,
    streams_per_container: Annotated[int, typer.Option(min=1, help="max_streams")] = 10_000,
    deployment: Annotated[str, typer.Option(help="fargate or lambda")] = "fargate",
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> int:
    """Computes the monthly bill of a deployment from list prices of us-east-1, without a call to AWS.

    docs/scaling.md has the number of streams that a container can serve.

    Exit codes: 0 computed; 2 invalid usage.
    """
    if deployment not in ("fargate", "lambda"):
        raise UsageError(f"--deployment={deployment!r}: unknown; give fargate or lambda")
    if cpu not in (0.25, 0.5, 1, 2, 4):
        raise UsageError(f"--cpu={cpu:g}: Fargate does not sell this; give 0.25, 0.5, 1, 2 or 4")
    load = Load(
        streams, changes, containers, tickers_per_item, share, hours_open, item_bytes, change_bytes, event_bytes,
        shards, lookback, verify, cpu, memory, streams_per_container, deployment,
    )  # fmt: skip
    lines = bill(load)
    if as_json:
        queues = 0 if deployment == "lambda" else load.count
        members = {
            "load": asdict(load),
            "messages_a_second": load.messages,
            "changes_a_message": load.changes / load.messages if load.messages else 0.0,
            "bytes_a_second_and_stream": load.stream_bytes,
            "sizing": {"containers": load.count, "queues": queues, "memory": load.gigabytes},
            "lines": [asdict(line) for line in lines],
            "dollars_a_month": total(lines),
        }
        sys.stdout.write(json.dumps(members) + "\n")
        return DONE
    hosts = "environments" if deployment == "lambda" else "containers"
    rates = f"{amount(load.messages)} messages and {amount(load.stream_bytes / 1_000)} kB to a stream a second"
    sys.stdout.write(f"{load.count:,} {hosts} of {load.gigabytes:g} GB, {rates}\n")
    rows = [(line.what, amount(line.quantity), line.unit, _price(line), f"{line.dollars:,.2f}") for line in lines]
    rows.append(("total", "", "", "", f"{total(lines):,.2f}"))
    print_table(("line", "quantity", "unit", "price", "$ a month"), rows, right=("quantity", "price", "$ a month"))
    return DONE


def amount(quantity: float) -> str:
    """Formats a quantity with three digits: 15.8 M."""
    for power, name in ((1e9, " bn"), (1e6, " M")):
        if quantity >= power:
            return f"{quantity / power:,.{2 if quantity < 10 * power else 1 if quantity < 100 * power else 0}f}{name}"
    return f"{quantity:,.0f}" if quantity >= 100 else f"{quantity:.3g}"


def _price(line: Line) -> str:
    return f"${line.price * 1e6:,.3f} a million" if line.price < 1e-4 else f"${line.price:,.5g}"
