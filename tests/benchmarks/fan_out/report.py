"""docs/benchmarks.md from what was measured. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tests.benchmarks.fan_out.bench import Intake, Measured
from tests.benchmarks.fan_out.chart import Bar, svg
from tests.benchmarks.fan_out.payload import data, frame
from tests.benchmarks.fan_out.scenario import NAMES, NCHAN, OURS, SCENARIOS, YARDSTICK, Scenario
from tests.benchmarks.fan_out.table import Spread, markdown

Round = Mapping[tuple[str, str], Measured]
"""By scenario's key and server."""
MOST_LOAD: Final = 0.85
"""Of a core. Above it the client is a part of what is measured, and the row says so."""
FLUSH_MS: Final = 50.0
CHARTED: Final = ("100x100", "100x1000", "2000x10", "10000x1")
_METHOD: Final = """\
- {rounds} rounds; in each, the servers take their turns scenario by scenario, every one started anew; the Python peers
  in the first round only. The server has a core of its own; client, publisher and embedded AWS have another.
- The client opens its streams over loopback with Chromium's headers and counts every event. Latency, from a time inside
  each event, and gaps in its numbers are looked at on a part of the streams, spread evenly.
- CPU is all that the server's processes and threads used, from the first event published until the last one came,
  divided by the events delivered.
- An event is {size} bytes, the same for everybody. The others take each by an HTTP POST over a connection that is kept
  open; so does the yardstick, an asyncio protocol on uvloop that only writes. nchan keeps its history (15 minutes); the
  Python ones have none.
- `streamer serve` runs as always, with admission, history, counters and heartbeats. Its changes come through its queue,
  packed as the relay does: one message each 10 ms with all that changed meanwhile, at 100 changes a second one change
  a message. The queue's receive and delete calls are answered from memory, all others by the embedded AWS: latency and
  CPU contain boto3, and no network. Clients ask for `?events=sentiment_update`, so that all servers deliver the same;
  what `metrics` events cost is measured on its own.
"""
BY_HAND: Final = "By hand"
"""The heading of what is kept when the page is written."""
HEAD: Final = ("server", "× raw", "µs an event", "p50 ms", "p99 ms", "remarks")


@dataclass(frozen=True, slots=True)
class Rounds:
    """What all rounds brought."""

    rounds: Sequence[Round]

    def of(self, scenario: str, server: str) -> list[Measured]:
        """The runs of a scenario against a server; none if it did not take part."""
        return [found[scenario, server] for found in self.rounds if (scenario, server) in found]

    def spread(self, scenario: str, server: str, figure: Callable[[Measured], float]) -> Spread | None:
        """A figure over the runs; None if there is none."""
        values = [figure(one) for one in self.of(scenario, server)]
        return Spread.of(values) if values and not any(map(math.isnan, values)) else None

    def ratio(
        self, scenario: str, server: str, other: str, figure: Callable[[Measured], float] = lambda run: run.cpu_us
    ) -> Spread | None:
        """A figure as a multiple of another server's in the same round; None where one of them is missing."""
        pairs = [
            figure(found[scenario, server]) / figure(found[scenario, other])
            for found in self.rounds
            if (scenario, server) in found and (scenario, other) in found
        ]
        return Spread.of(pairs) if pairs and not any(map(math.isnan, pairs)) else None


def row(rounds: Rounds, scenario: str, server: str) -> tuple[str, ...]:
    """One server's row under HEAD."""

    def shown(spread: Spread | None, digits: int) -> str:
        return "-" if spread is None else spread.text(digits)

    return (
        NAMES[server],
        shown(rounds.ratio(scenario, server, YARDSTICK), 2),
        shown(rounds.spread(scenario, server, lambda run: run.cpu_us), 1),
        shown(rounds.spread(scenario, server, lambda run: run.p50_ms), 1),
        shown(rounds.spread(scenario, server, lambda run: run.p99_ms), 1),
        _remarks(rounds.of(scenario, server)),
    )


def _remarks(runs: Sequence[Measured]) -> str:
    found = []
    published, wanted = sum(run.published for run in runs), sum(run.wanted for run in runs)
    if published < 0.98 * wanted:
        found.append(f"took {published / wanted:.0%} of the rate")
    if missed := sum(run.missed for run in runs):
        found.append(f"{missed:,} events missed")
    if gaps := sum(run.gaps for run in runs):
        found.append(f"{gaps:,} gaps")
    if ended := sum(run.ended for run in runs):
        found.append(f"{ended:,} streams ended")
    if stuck := sum(run.stuck_ended for run in runs):
        found.append(f"stuck reader closed in {stuck} of {len(runs)} runs")
    if (busy := max(run.busy for run in runs)) > 0.95:
        found.append(f"its core was full ({busy:.0%})")
    if (load := max(run.load for run in runs)) > MOST_LOAD:
        found.append(f"the client's core was at {load:.0%}: it may have held the server up")
    if len(runs) == 1:
        found.append("one run")
    return ", ".join(found) or "all delivered"


@dataclass(frozen=True, slots=True)
class Aim:
    """What was aimed at, and what came."""

    figure: str
    most: float
    unit: str
    found: float | None
    """None: not measured."""
    digits: int = 2

    def row(self) -> tuple[str, str, str, str]:
        """figure, aim, found, verdict."""
        aim = f"≤ {self.most:,.{self.digits}f}{self.unit}"
        if self.found is None:
            return self.figure, aim, "-", "not measured"
        verdict = "met" if self.found <= self.most else "**missed**"
        if self.found > self.most and self.most > 0:
            verdict += f" by {self.found / self.most - 1:.0%}"
        return self.figure, aim, f"{self.found:,.{self.digits}f}{self.unit}", verdict


def aims(rounds: Rounds) -> list[Aim]:
    """The aims of fan-out; medians of the rounds' own ratios."""

    def against(scenario: str, other: str, most: float) -> Aim:
        ratio = rounds.ratio(scenario, OURS, other)
        name = next(one.name for one in SCENARIOS if one.key == scenario)
        return Aim(f"CPU an event, {name}, against {NAMES[other]}", most, " ×", None if ratio is None else ratio.median)

    def p99(scenario: str, server: str) -> float | None:
        spread = rounds.spread(scenario, server, lambda run: run.p99_ms)
        return None if spread is None else spread.median

    def late(figure: str, scenario: str, slack: Callable[[float], float]) -> Aim:
        theirs = p99(scenario, NCHAN)
        if theirs is None:
            return Aim(figure, 0.0, " ms", None, 1)
        return Aim(figure, slack(theirs), " ms", p99(scenario, OURS), 1)

    many = rounds.of("10000x1", OURS)
    idle = rounds.spread("10000x1", OURS, lambda run: math.nan if run.idle_kb is None else run.idle_kb)
    return [
        against("100x100", NCHAN, 1.0),
        against("packed", NCHAN, 0.5),
        against("100x100", "sse_starlette", 0.3),
        against("100x1000", NCHAN, 0.2),
        against("2000x10", NCHAN, 1.0),
        late("p99 at 100 × 100/s: nchan's and the flush interval", "100x100", lambda theirs: theirs + FLUSH_MS),
        late("p99 of a lone event: nchan's", "lone", lambda theirs: theirs),
        late("p99 of two events 20 ms apart: 2 × nchan's", "pairs", lambda theirs: 2 * theirs),
        Aim("10,000 × 1/s: events missed", 0, "", sum(run.missed for run in many) if many else None, 0),
        late("10,000 × 1/s: p99, 1.2 × nchan's", "10000x1", lambda theirs: 1.2 * theirs),
        Aim("resident memory of an idle stream", 10.0, " kB", None if idle is None else idle.median, 1),
    ]


def document(
    rounds: Rounds,
    intakes: Sequence[Intake],
    machine: Sequence[tuple[str, str]],
    *,
    date: str,
    command: str,
    kept: str = "",
) -> str:
    """The whole page. `kept`: what stands at its end, which no run of fan-out writes."""
    size = len(frame(0, data(0, 0, 0)))
    parts = [
        "# Benchmarks\n",
        f"One container's fan-out beside other servers, all measured in the same run by `{command}` on {date}."
        f" It writes this page up to [{BY_HAND}](#by-hand). `make bench-quick` gives a first look in a minute.\n",
        markdown(("measured on", ""), machine),
        _METHOD.format(size=size, rounds=len(rounds.rounds)),
        "![CPU per delivered event, as a multiple of a raw asyncio protocol's](benchmarks.svg)\n",
        "## Aims\n",
        "Ratios are medians of each round's own ratio.\n",
        markdown(("figure", "aim", "found", ""), [aim.row() for aim in aims(rounds)]),
        "## Tables\n",
        "Medians of all rounds (least–most). × raw: CPU an event as a multiple of the raw protocol's in the"
        " same round.\n",
    ]
    for scenario in SCENARIOS:
        rows = [row(rounds, scenario.key, server) for server in NAMES if rounds.of(scenario.key, server)]
        if rows:
            parts += [f"### {scenario.name}\n", _what(scenario), markdown(HEAD, rows)]
    if not any(rounds.of(scenario.key, NCHAN) for scenario in SCENARIOS):
        parts.append("nchan is left out: nginx with libnginx-mod-nchan was missing on this machine.\n")
    parts += [_idle(rounds), _intake(intakes), _hops(rounds), kept]
    return "\n".join(part for part in parts if part)


def by_hand(page: str) -> str:
    """The part of a page that is kept when it is written anew; empty if there is none."""
    _, heading, kept = page.partition(f"## {BY_HAND}\n")
    return heading + kept


def _what(scenario: Scenario) -> str:
    if scenario.filters:
        return (
            f"{scenario.filters} different filters (`?tickers=`), each of which lets every event through:"
            f" {scenario.filters} joins a flush.\n"
        )
    if scenario.stuck:
        return "One more stream takes nothing at all; the figures are those of the others.\n"
    if scenario.metrics:
        return "The default stream: once a second everybody also gets `metrics`, which is not counted as an event.\n"
    if scenario.key == "packed":
        return (
            "The same changes in four messages a second, as a Lambda that polls a table's stream packs them; the others"
            " get each event by itself.\n"
        )
    if scenario.pair:
        return (
            f"Every {2 / scenario.rate:g} s two events, {1000 * scenario.pair:.0f} ms apart: a server that flushes at"
            " most every 50 ms lets the second one wait.\n"
        )
    return ""


def _idle(rounds: Rounds) -> str:
    rows = []
    for server in NAMES:
        spread = rounds.spread("10000x1", server, lambda run: math.nan if run.idle_kb is None else run.idle_kb)
        if spread is not None:
            rows.append((NAMES[server], spread.text(1)))
    if not rows:
        return ""
    return "### Memory\n\nResident memory of an idle stream, at 10,000 of them, above the empty server.\n\n" + markdown(
        ("server", "kB a stream"), rows
    )


def _intake(intakes: Sequence[Intake]) -> str:
    if not intakes:
        return ""
    rows = []
    for rate in sorted({one.rate for one in intakes}):
        runs = [one for one in intakes if one.rate == rate]
        lags = [one.lags["relayed_to_received"] for one in runs]
        p50, p99 = (Spread.of(lag[part] for lag in lags).text(1) for part in ("p50_ms", "p99_ms"))
        rows.append(
            (
                f"{rate:,} changes/s",
                Spread.of(one.cpu_us for one in runs).text(0),
                Spread.of(one.cpu_message_us for one in runs).text(0),
                Spread.of(100 * one.busy for one in runs).text(0),
                f"{max(one.left for one in runs)}",
                f"{p50} / {p99}",
            )
        )
    return (
        "### Intake alone\n\n"
        "Receive, decode, hub and delete of a container without streams; a message each 10 ms. It keeps up as long"
        " as no messages are left when the last one was published (one or two are on their way).\n\n"
        + markdown(
            (
                "",
                "µs of CPU a change",
                "µs a message",
                "% of a core",
                "most messages left",
                "relayed → received, p50 / p99 ms",
            ),
            rows,
        )
    )


def _hops(rounds: Rounds) -> str:
    rows = []
    for scenario in SCENARIOS:
        hops = [run.hops for run in rounds.of(scenario.key, OURS) if run.hops is not None]
        if hops:
            cells = [
                Spread.of(one[hop][part] for one in hops).text(0)
                for hop in ("relayed_to_received", "received_to_sent")
                for part in ("p50_ms", "p99_ms")
            ]
            rows.append((scenario.name, *cells))
    if not rows:
        return ""
    return (
        "### Where the service's latency is\n\n"
        "From `/api/v2/stream/status`, in milliseconds. Received → sent holds the wait for a flush, which comes 50 ms"
        " after the one before at the earliest.\n\n"
        + markdown(
            ("", "relayed → received p50", "p99", "received → sent p50", "p99"),
            rows,
        )
    )


def picture(rounds: Rounds) -> str:
    """The chart: CPU an event of each server as a multiple of the yardstick's."""
    groups = []
    for scenario in SCENARIOS:
        bars = []
        for server in NAMES:
            ratio = rounds.ratio(scenario.key, server, YARDSTICK)
            if scenario.key in CHARTED and ratio is not None:
                words = f"{ratio.median:.2f}" if ratio.median < 10 else f"{ratio.median:.0f}"
                name = NAMES[server].replace("`", "").replace(" protocol on uvloop", "")
                bars.append(Bar(name, ratio.median, ratio.least, ratio.most, words, own=server == OURS))
        if bars:
            groups.append((scenario.name, bars))
    title = "CPU per delivered event, as a multiple of a raw asyncio protocol's (shorter is better)"
    return svg(title, groups, most=10.0, line=1.0)
