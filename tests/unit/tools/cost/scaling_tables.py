"""Computes the tables of docs/scaling.md. `python -m tests.unit.tools.cost.scaling_tables` writes them to the page.

After `make bench`, put its numbers into `MEASURED` (a test names the differences), then call this.

A container is one Python process, so it uses one core at most, and it may use the share `BUSY` of that core. Receives,
changes and table queries cost the same for any number of streams. A stream costs one write for each flush that has an
event for it, a little for each further event in that write, and one filter match for each event, unless other streams
have the same filter.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from streamer.tools.cost.estimate import HEARTBEAT, Load, bill, total

DOCS = Path(__file__).parents[4] / "docs"
PAGE = DOCS / "scaling.md"

FLUSHES = 20
"""A second, at most."""
BUSY = 0.7
"""Share of its core that a container may use; the rest is for deploys, storms and the loss of a container."""
GBIT = 1.0
"""A second that a container may send. AWS promises no figure."""
HISTORY_S, HISTORY_MB = 900, 67.108864


@dataclass(frozen=True, slots=True)
class Measured:
    """Processor in µs and memory. The first four are in docs/benchmarks.md, and a test compares them."""

    write_us: float = 9.7
    """10,000 × 1/s, `streamer serve`: an event. Each is a write of its own, and intake hardly counts."""
    intake_low_us: float = 703
    """Intake alone at 100 changes/s: a change."""
    intake_high_us: float = 154
    """Intake alone at 1,000 changes/s: a change, in as many messages."""
    stream_kb: float = 3.0
    """Memory of an idle stream."""

    intake_receives: float = 18
    """Receives a second in both runs of Intake alone: they are paced."""
    joined_us: float = 0.6
    """One more event in a write: ten joined events cost a raw asyncio protocol 13 µs where one costs 7.2."""
    admits_us: float = 0.12
    """One filter asked about one event, by itself: 500 filters of five tickers, 60 events."""
    row_us: float = 50
    """One item of a table query, by itself: parsing by botocore and by us; 42 to 72."""

    @property
    def change_us(self) -> float:
        """One change, by what 900 more a second cost."""
        return (1_000 * self.intake_high_us - 100 * self.intake_low_us) / 900

    @property
    def receive_us(self) -> float:
        """One receive with its delete: what is left of the run with few changes."""
        return (100 * self.intake_low_us - 100 * self.change_us) / self.intake_receives


MEASURED = Measured()


@dataclass(frozen=True, slots=True)
class Capacity:
    """What one container holds, and how many are needed."""

    containers: int
    """One of them spare."""
    streams_each: int
    binds: str
    bounds: dict[str, int]
    streams_a_core: int
    stream_us: float
    """Processor a second for one stream."""
    fixed: float
    """Cores of a container without streams."""


def capacity(load: Load, filters: int | None = None, measured: Measured = MEASURED, busy: float = BUSY) -> Capacity:
    """`filters`: different ones in all; None: one without a filter, else one for each stream."""
    events = load.changes * load.tickers_per_item
    flushes = min(load.receives, FLUSHES)
    some = 1 - (1 - load.share) ** (events / flushes) if flushes else 0.0
    metrics = min(load.changes, 1.0) if load.share == 1 else 0.0
    writes = flushes * some + metrics + 2 / HEARTBEAT  # a heartbeat, and a ping between two
    write = writes * measured.write_us + max(0.0, events * load.share - writes) * measured.joined_us
    admit = events * measured.admits_us
    filters = filters if filters is not None else 1 if load.share == 1 else load.streams
    stream_us = write + (admit if filters == load.streams else 0.0)
    fixed = (
        load.receives * measured.receive_us
        + load.changes * measured.change_us
        + load.changes * load.lookback * measured.row_us / load.verify
    ) / 1e6
    room = (min(load.cpu, 1.0) * busy - fixed) * 1e6
    own = math.floor(room / (write + admit))
    bounds = {
        "processor": own if own <= filters else math.floor((room - filters * admit) / write),
        "bandwidth": math.floor(GBIT * 1e9 / 8 / load.stream_bytes),
        "streams-per-container": load.streams_per_container,
    }
    binds = min(bounds, key=lambda bound: bounds[bound])
    containers = math.ceil(load.streams / bounds[binds]) + 1
    return Capacity(containers, bounds[binds], binds, bounds, math.floor(1e6 / stream_us), stream_us, fixed)


STREAMS = (10_000, 100_000, 1_000_000)
CHANGES = (10, 100, 1_000)
OWN = 0.01
"""Five tickers of five hundred."""
BASE = Load(streams=100_000, changes=100, share=OWN)
CONTAINERS = (10, 100, 1_000, 10_000)
BEAT_S = 270
"""Between two heartbeats of a queue, on average."""
REAPED = 50
"""Queues that the reaper removes an hour."""


def benchmarked() -> dict[str, float]:
    """What docs/benchmarks.md says of the service: by scenario µs an event, and what `Measured` has of it."""
    page = (DOCS / "benchmarks.md").read_text()
    found: dict[str, float] = {}
    for part in page.split("\n### ")[1:]:
        name, _, body = part.partition("\n")
        for line in body.splitlines():
            cells = [_number(cell) for cell in line.strip("| ").split(" | ")[1:]]
            if line.startswith("| `streamer serve` |"):
                found[name] = cells[0] if name == "Memory" else cells[1]
            elif match := re.match(r"\| ([\d,]+) changes/s \|", line):
                found[f"{name}, {match[1]}"] = cells[0]
    return found


def measured() -> dict[str, float]:
    """The part of `Measured` that stands in docs/benchmarks.md, by its name."""
    page = benchmarked()
    return {
        "write_us": page["10,000 × 1/s"],
        "intake_low_us": page["Intake alone, 100"],
        "intake_high_us": page["Intake alone, 1,000"],
        "stream_kb": page["Memory"],
    }


def load(streams: int, changes: float, share: float) -> Load:
    """As the tables have it: at 1,000 changes/s checked less often, with a shorter catch-up."""
    made = Load(streams=streams, changes=changes, share=share)
    return made if changes < 1_000 else replace(made, verify=60, lookback=240)


def priced(one: Load) -> Load:
    """With as many containers as are needed."""
    return replace(one, containers=capacity(one).containers)


def tables() -> tuple[str, ...]:
    """Each as Markdown, in the order of the page. The first line of each is its own."""
    return (inputs(), model(), cores(), months(OWN), months(1.0), knobs(), fleet())


def inputs(numbers: Measured = MEASURED) -> str:
    """What the model is made of."""
    return _table(
        ("cost", "value", "source"),
        (
            ("write one event to one stream", f"{numbers.write_us:g} µs", "10,000 × 1/s"),
            (
                "receive and delete up to ten messages",
                f"{numbers.receive_us / 1_000:.2f} ms",
                "Intake alone, 100/s",
            ),
            (
                "decode and publish one change",
                f"{numbers.change_us:.0f} µs",
                "Intake alone, 1,000/s less 100/s",
            ),
            ("memory of one idle stream", f"{numbers.stream_kb:g} kB", "Memory"),
            (
                "one more event in the same write",
                f"{numbers.joined_us:g} µs",
                "separate run, ten events",
            ),
            ("match one event against one filter", f"{numbers.admits_us:g} µs", "separate run"),
            ("read one item in a table query", f"{numbers.row_us:g} µs", "separate run, 42 to 72"),
        ),
    )


def model() -> str:
    """The same numbers put together again, beside runs that they do not come from."""
    found = benchmarked()
    rows = []
    for name, streams, changes, messages in (
        ("100 × 1,000/s", 100, 1_000, 100),
        ("2,000 × 10/s", 2_000, 10, 10),
        ("100 × 100/s, a message each 250 ms", 100, 100, 4),
        ("100 × 5/s (each event alone)", 100, 5, 5),
    ):
        receives = min(messages, MEASURED.intake_receives)
        writes = min(receives, FLUSHES)
        intake = receives * MEASURED.receive_us + changes * MEASURED.change_us
        delivery = streams * (writes * MEASURED.write_us + (changes - writes) * MEASURED.joined_us)
        rows.append((name, f"{(intake + delivery) / (streams * changes):.1f}", f"{found[name]:g}"))
    return _table(("run", "computed, µs per event", "measured"), rows)


def cores() -> str:
    """Streams a core and a container."""
    rows = []
    for share, filters, name in ((OWN, None, "1%"), (OWN, 50, "1%, 50 different filters"), (1.0, None, "everything")):
        for changes in CHANGES:
            one = load(1_000_000, changes, share)
            sizing = capacity(one, filters)
            events = one.changes * one.tickers_per_item
            history_s = min(HISTORY_S, HISTORY_MB * 1e6 / (events * one.event_bytes))
            again = sizing.streams_each * one.stream_bytes * (one.verify + 10) / 1e6
            rows.append((
                name,
                f"{changes:,}",
                f"{one.messages:g}",
                f"{sizing.stream_us:,.0f}",
                f"{sizing.stream_us / events / share:,.1f}",
                f"{sizing.streams_a_core:,}",
                f"{sizing.fixed:.0%}",
                f"{sizing.streams_each:,}",
                sizing.binds,
                f"{history_s:,.0f}",
                f"{again:,.0f}",
            ))  # fmt: skip
    return _table(
        (
            "a stream shows", "changes/s", "messages/s", "CPU per stream, µs/s", "CPU per event, µs",
            "streams per core", "CPU without streams", "streams per container", "limit", "history, s",
            "replay after a crash, MB",
        ),
        rows,
    )  # fmt: skip


def months(share: float) -> str:
    """The nine loads."""
    rows = []
    for streams in STREAMS:
        row = [f"{streams:,} streams"]
        for changes in CHANGES:
            one = priced(load(streams, changes, share))
            lines = bill(one)
            most = sorted(lines, key=lambda line: -line.dollars)[:3]
            row.append(
                f"**${total(lines):,.0f}**; {one.count:,} containers; "
                + ", ".join(f"{line.what} ${line.dollars:,.0f}" for line in most)
            )
        rows.append(row)
    title = "everything" if share == 1 else f"{share:.0%} of the events"
    return _table((f"each shows {title}", *(f"{changes:,} changes/s" for changes in CHANGES)), rows)


KNOBS = {
    "baseline": BASE,
    "`--verify 60`": replace(BASE, verify=60),
    "`--item-bytes 8192` (an index with ALL)": replace(BASE, item_bytes=8_192),
    "`--shards 1`": replace(BASE, shards=1),
    "`--shards 16`": replace(BASE, shards=16),
    "`--share 0.1`": replace(BASE, share=0.1),
    "`--hours-open 8`": replace(BASE, hours_open=8),
    "`--streams-per-container 1000`": replace(BASE, streams_per_container=1_000),
    "`--streams-per-container 100` (the default of `max_streams`)": replace(BASE, streams_per_container=100, cpu=0.5),
}
"""One thing changed at a time."""


def knobs() -> str:
    """What changes the bill."""
    rows = []
    for name, knob in KNOBS.items():
        one = priced(knob)
        lines = bill(one)
        by = {line.what: line.dollars for line in lines}
        shown = ("Fargate", "data to the internet", "table reads", "queues")
        rows.append((name, f"{one.count:,}", *(f"${by[each]:,.0f}" for each in shown), f"${total(lines):,.0f}"))
    return _table(("options", "containers", "Fargate", "data", "table reads", "queues", "total"), rows)


def fleet() -> str:
    """What grows with the containers alone."""
    one = load(1, 100, OWN)
    rows = [
        (
            f"{containers:,}",
            f"{containers / BEAT_S:,.2g}",
            f"{containers * one.messages:,.0f}",
            f"{containers * 3 / one.verify:,.0f}",
            f"{containers * one.changes * one.lookback * one.item_bytes / one.verify / 1e6:,.0f} MB",
            f"{-(-containers // REAPED):,} h",
        )
        for containers in CONTAINERS
    ]
    return _table(
        (
            "containers", "TagQueue calls/s", "SNS deliveries/s", "Query calls/s", "read by queries, per second",
            "time to remove all queues",
        ),
        rows,
    )  # fmt: skip


def put(page: str, table: str) -> str:
    """The page with the table that has the same first line replaced. ValueError where there is none."""
    head = table.split("\n", 1)[0]
    found = re.search(re.escape(head) + r"\n(\|.*\n)*", page)
    if found is None:
        raise ValueError(f"docs/scaling.md has no table that begins with {head}")
    return page[: found.start()] + table + "\n" + page[found.end() :]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)).replace("| --- ", "|---")


def _number(cell: str) -> float:
    """The first one; 0 where there is none."""
    found = re.match(r"[\d,]+(\.\d+)?", cell)
    return float(found[0].replace(",", "")) if found else 0.0


if __name__ == "__main__":
    text = PAGE.read_text()
    for each in tables():
        text = put(text, each)
    PAGE.write_text(text)
