"""The demo's command line. Imports nothing heavy: `streamer --help` reads it."""

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
        help="port of the page; the next free one if it is in use, any for 0 (default: %(default)s)",
    )
    parser.add_argument(
        "--rate",
        type=_between(float, 0.01, _MOST_WRITES),
        default=5.0,
        metavar="WRITES",
        help="writes to the table a second, on average (default: %(default)s)",
    )
    parser.add_argument("--seed", type=int, default=1, help="another seed, other news (default: %(default)s)")
    parser.add_argument(
        "--for",
        dest="seconds",
        type=_between(float, 0.0, math.inf),
        metavar="SECONDS",
        help="end after this time (default: at Ctrl-C)",
    )
    parser.add_argument("--verbose", action="store_true", help="show all logs of the parts, not only warnings")


def _between(kind: Callable[[str], float], least: float, most: float) -> Callable[[str], float]:
    """A converter for argparse; `kind` is int or float."""

    def convert(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = math.nan
        if not least <= value <= most:  # NaN is out of range too
            limits = f"at least {least:g}" if math.isinf(most) else f"between {least:g} and {most:g}"
            raise argparse.ArgumentTypeError(f"{text!r}: give a number {limits}")
        return value

    return convert
