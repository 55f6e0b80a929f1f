"""`make chaos`: one run, its report, and exit code 0 only if all is well."""

from __future__ import annotations

import argparse
import asyncio
import logging
import secrets
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Console

from tests.chaos import evidence, gate, page, report
from tests.chaos.broken import BROKEN
from tests.chaos.kinds import KINDS
from tests.chaos.plan import PlanError, kinds_named, plan
from tests.chaos.result import Settings, Verdict, judge

_WIDTH: Final = 150  # of a log


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 green, 1 red, 2 for what the person who called has to mend."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    console, complain = Console(), Console(stderr=True)
    if not console.is_terminal:
        console = Console(width=_WIDTH)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends what was started, as Ctrl-C does
    red: list[str] = []
    try:
        for settings in _runs(options):
            name = f"seed {settings.seed}, {settings.faults}"
            if not _run(settings, options.report, console):
                red.append(name)
                if not options.keep_going:
                    break
    except PlanError as error:
        complain.print(f"chaos: {error}", highlight=False, markup=False)
        return 2
    except KeyboardInterrupt:
        complain.print("chaos: stopped")
        return 130
    for name in red:
        console.print(f"red: {name}", highlight=False, style="red")
    return 1 if red else 0


def _runs(options: argparse.Namespace) -> list[Settings]:
    """What is to be run, one after the other."""
    kinds = [kind.name for kind in kinds_named(options.faults)]
    sets = kinds if options.alone else [options.faults]
    return [
        Settings(seed, options.seconds, options.containers, options.clients, faults, options.broken)
        for seed in range(options.seed, options.seed + options.runs)
        for faults in sets
    ]


def _run(settings: Settings, folder: Path, console: Console) -> bool:
    """One run with its report; whether it was green."""
    faults = plan(settings.seed, settings.seconds, settings.containers, kinds_named(settings.faults))
    console.print(
        f"chaos: seed {settings.seed}, {settings.faults}: {len(faults)} faults in {settings.seconds:g} s",
        highlight=False,
    )
    verdict = judge(asyncio.run(gate.run(settings, faults)))
    report.show(verdict, console)
    console.print(f"report: {_write(verdict, folder)}", highlight=False, soft_wrap=True)
    return verdict.green


def _write(verdict: Verdict, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    settings = verdict.run.settings
    name = "-".join(filter(None, (f"seed-{settings.seed}", settings.faults.replace(",", "+")[:60])))
    if settings.broken != "nothing":
        name += f"-{settings.broken}"
    path = folder / f"chaos-{name}.html"
    path.write_text(page.render(verdict), encoding="utf-8")
    path.with_suffix(".json").write_text(evidence.dump(verdict.run), encoding="utf-8")
    return path


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos", description="Breaks everything that can break, and counts what clients miss."
    )
    parser.add_argument("--seed", type=int, default=None, help="the same seed gives the same plan; random if left out")
    parser.add_argument("--seconds", type=float, default=180, help="how long it lasts (180)")
    parser.add_argument("--containers", type=int, default=3)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--faults", default="all", help=f"all, or names divided by commas: {', '.join(KINDS)}")
    parser.add_argument(
        "--break", dest="broken", default="nothing", choices=BROKEN, help="break one mechanism: the gate must turn red"
    )
    parser.add_argument(
        "--report", type=Path, default=Path("build/chaos"), help="folder of the HTML page (build/chaos)"
    )
    parser.add_argument("--alone", action="store_true", help="each of the faults alone, one run after the other")
    parser.add_argument("--runs", type=int, default=1, help="so many seeds, one run after the other (1)")
    parser.add_argument("--keep-going", action="store_true", help="go on after a run that is red")
    parser.set_defaults(seed=secrets.randbelow(10_000))
    return parser


if __name__ == "__main__":
    sys.exit(main())
