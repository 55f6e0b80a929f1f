"""The verdict for a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tests.chaos.accounting import Wait
from tests.chaos.result import Verdict


def show(verdict: Verdict, console: Console) -> None:
    """Prints the tables and, last, the verdict with everything that is wrong."""
    console.print(_clients(verdict))
    console.print(_faults(verdict))
    console.print(_containers(verdict))
    run = verdict.run
    console.print(
        f"{verdict.writes} writes made {verdict.versions} versions; {run.end - run.start:.0f} s, "
        f"{run.cpu:.0f} s of processor time; queues left after prune: "
        f"{'unknown' if run.queues_left is None else run.queues_left}",
        highlight=False,
    )
    for why in verdict.wrong:
        console.print(Text(f"  {why}", style="red"))
    for account in verdict.accounts:
        for what, flaws in (("missing", account.missing), ("ghost", account.ghosts)):
            for flaw in flaws[:3]:
                at = f"{flaw.at - run.start:.1f} s"
                line = (
                    f"  client {account.number} {what}: {flaw.key.source_id} {flaw.ticker} written at {at}: {flaw.why}"
                )
                console.print(Text(line, style="red"))
    if verdict.green:
        console.print(Text("GREEN", style="bold green"))
    else:
        console.print(Text(f"RED: {len(verdict.wrong)} things are wrong", style="bold red"))


def seconds(value: float | None) -> str:
    """A time, as the tables show it."""
    return "–" if value is None else f"{value:.1f}"


def at(wait: Wait, start: float) -> str:
    """How long a wait was, and when it began."""
    return f"{wait.seconds:.1f} @ {wait.begin - start:.0f}" if wait.end else "–"


def _clients(verdict: Verdict) -> Table:
    table = Table(title="Clients", title_justify="left")
    for name in ("client", "tickers"):
        table.add_column(name)
    for name in (
        "expected",
        "received",
        "repeated",
        "connections",
        "resets",
        "missing",
        "ghosts",
        "deletions missed",
        "silence, s @ at",
        "longest wait",
    ):
        table.add_column(name, justify="right")
    start = verdict.run.start
    for one in verdict.accounts:
        table.add_row(
            str(one.number),
            "all" if one.tickers is None else ", ".join(sorted(one.tickers)),
            str(one.expected),
            str(one.received),
            str(one.repeated),
            str(one.connections),
            str(one.resets),
            _red(len(one.missing)),
            _red(len(one.ghosts)),
            str(one.deletions_missed),
            at(one.silence, start),
            at(one.wait, start),
        )
    return table


def _faults(verdict: Verdict) -> Table:
    table = Table(title="Faults", title_justify="left")
    table.add_column("fault")
    for name in ("at", "from", "to", "calls", "silence", "longest wait", "bound", "to poll", "bound ", "back to push"):
        table.add_column(name, justify="right")
    for one in verdict.faults:
        fault, kind = one.fault, one.fault.kind
        table.add_row(
            Text(kind.name, style="red" if one.wrong else ""),
            "all" if fault.container is None else str(fault.container),
            f"{fault.starts:.0f}",
            f"{fault.ends:.0f}",
            str(one.calls) if kind.calls else "",
            _bounded(one.silence, kind.silence),
            _bounded(one.wait, kind.silence),
            f"{kind.silence:g}",
            seconds(one.to_poll),
            "" if kind.to_poll is None else f"{kind.to_poll:g}",
            seconds(one.back),
        )
    return table


def _containers(verdict: Verdict) -> Table:
    table = Table(title="Containers", title_justify="left")
    for name in ("container", "modes", "slots left", "exit code"):
        table.add_column(name)
    for container, modes in zip(verdict.run.containers, verdict.modes, strict=True):
        said = " ".join(f"{band.mode}@{band.begin - verdict.run.start:.0f}" for band in modes)
        left = "–" if container.slots_left is None else _red(container.slots_left)
        table.add_row(str(container.number), said, left, str(container.exit_code))
    return table


def _red(count: int) -> Text:
    return Text(str(count), style="bold red" if count else "")


def _bounded(value: float, bound: float) -> Text:
    # Several faults may have been felt at once: then the larger bound holds, and this one is no mistake yet.
    return Text(f"{value:.1f}", style="yellow" if value > bound else "")
