"""The rounds: every server in its turn, again and again; then the page."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.benchmarks.fan_out.bench import Bench, Intake, Measured
from tests.benchmarks.fan_out.machine import TooFewFiles, allow_files, described, nchan_version
from tests.benchmarks.fan_out.report import HEAD, Rounds, aims, by_hand, document, picture, row
from tests.benchmarks.fan_out.scenario import NAMES, NCHAN, QUICK, SCENARIOS, Scenario
from tests.benchmarks.fan_out.table import plain

_DOCS = Path(__file__).parents[3] / "docs"
_ROUNDS = 5
_INTAKE = (100, 1_000)


def full(*, rounds: int = _ROUNDS, scenarios: Sequence[Scenario] = SCENARIOS, docs: Path = _DOCS) -> None:
    """Measures everything, prints it, and writes docs/benchmarks.md with its chart."""
    found, intakes = _measure(rounds, scenarios, _INTAKE)
    _print(found, scenarios)
    for aim in aims(found):
        print("  " + "  ".join(aim.row()).replace("`", "").replace("**", ""))
    date = datetime.now(UTC).date().isoformat()
    docs.mkdir(exist_ok=True)
    path = docs / "benchmarks.md"
    kept = by_hand(path.read_text()) if path.exists() else ""
    path.write_text(document(found, intakes, described(), date=date, command="make bench", kept=kept))
    (docs / "benchmarks.svg").write_text(picture(found))
    print(f"\nwritten: {docs.name}/benchmarks.md, {docs.name}/benchmarks.svg")


def quick() -> None:
    """Three servers, one short round, nothing written."""
    scenarios = [
        replace(scenario, servers=scenario.servers[:3], seconds=1.5, idle=scenario.streams >= 1000)
        for scenario in SCENARIOS
        if scenario.key in QUICK
    ]
    found, _ = _measure(1, scenarios, ())
    _print(found, scenarios)
    print("one short round: `make bench` gives medians, all servers and docs/benchmarks.md")


def _measure(rounds: int, scenarios: Sequence[Scenario], intake: Sequence[int]) -> tuple[Rounds, list[Intake]]:
    try:
        allow_files(max(scenario.streams for scenario in scenarios))
    except TooFewFiles as error:
        sys.exit(f"fan-out: {error}")
    if nchan_version() is None:
        print("nchan is left out: install nginx and libnginx-mod-nchan (Debian's packages)")
    began = time.monotonic()
    found: list[dict[tuple[str, str], Measured]] = [{} for _ in range(rounds)]
    intakes = []

    def end(*_: Any) -> None:
        raise KeyboardInterrupt  # so that every block ends its processes

    before = signal.signal(signal.SIGTERM, end)
    try:
        with Bench() as bench:
            for number, results in enumerate(found):
                for scenario in scenarios:
                    for server in NAMES:
                        if server == NCHAN and nchan_version() is None:
                            continue
                        if server in scenario.servers or (number == 0 and server in scenario.once):
                            _say(f"round {number + 1} of {rounds}: {scenario.name}, {NAMES[server]}")
                            results[scenario.key, server] = bench.measure(server, scenario)
                for rate in intake:
                    _say(f"round {number + 1} of {rounds}: intake of {rate} changes/s")
                    intakes.append(bench.intake(rate, 3.0))
    finally:
        signal.signal(signal.SIGTERM, before)
        _say("")
    word = "round" if rounds == 1 else "rounds, interleaved,"
    print(f"fan-out, {rounds} {word} in {time.monotonic() - began:.0f} s; medians (least–most)")
    return Rounds(found), intakes


def _print(rounds: Rounds, scenarios: Sequence[Scenario]) -> None:
    for scenario in scenarios:
        rows = [row(rounds, scenario.key, server) for server in NAMES if rounds.of(scenario.key, server)]
        print(f"\n{scenario.name}\n{plain(HEAD, rows)}", end="")
        for server in NAMES:
            for run in rounds.of(scenario.key, server)[:1]:
                if run.idle_kb is not None:
                    print(f"  an idle stream of {NAMES[server]}: {run.idle_kb:.1f} kB".replace("`", ""))


def _say(words: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{words}", end="", file=sys.stderr, flush=True)
