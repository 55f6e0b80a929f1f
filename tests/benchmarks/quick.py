"""`make bench-quick`: a first look at fan-out in less than a minute; nothing is written."""

from __future__ import annotations

from tests.benchmarks.fan_out.run import quick


def main() -> None:
    """Prints the tables of one short round."""
    quick()
