"""The options of the demo. Imports only fast modules, because `streamer --help` uses it."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable

_MOST_WRITES = 500.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the demo's options: `port`, `rate`, `seed`, `seconds` (None: until Ctrl-C) and `verbose`."""
    parser.add_argument(
        "--port",
        type=_between(int, 0, 65_535),
        default=8080,
        help="port of the page; the next free port if it is in use; 0 for any (default: %(default)s)",
    )
    parser.add_argument(
        "--rate",
        type=_between(float, 0.01, _MOST_WRITES),
        default=5.0,
        metavar="WRITES",
        help="average writes to the table a second (default: %(default)s)",
    )
    parser.add_argument("--seed", type=int, default=1, help="seed of the generated news (default: %(default)s)")
    parser.add_argument(
        "--for",
        dest="seconds",
        type=_between(float, 0.0, math.inf),
        metavar="SECONDS",
        help="end after this time (default: only by Ctrl-C)",
    )
    parser.add_argument("--verbose", action="store_true", help="show all logs of the parts, not only warnings")


def _between(kind: Callable[[str], float], least: float, most: float) -> Callable[[str], float]:
    """Returns a type function for argparse. `kind`: int or float."""

    def convert(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = math.nan
        if not least <= value <= most:  # also true for NaN
            limits = f"at least {least:g}" if math.isinf(most) else f"between {least:g} and {most:g}"
            raise argparse.ArgumentTypeError(f"{text!r}: give a number {limits}")
        return value

    return convert
