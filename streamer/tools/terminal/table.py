"""Prints tables to standard output."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from streamer.tools.terminal.printable import printable


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, right: Sequence[str] = ()) -> None:
    """Prints rows. Columns named in `right` are right-aligned."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        table.add_column(name, overflow="fold", justify="right" if name in right else "left")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    # rich folds lines at 80 columns if the output is a pipe, so a fixed width is set.
    console = Console(width=None if sys.stdout.isatty() else 200)
    with console.capture() as printed:  # rich itself would end the process with 1 if the pipe is closed
        console.print(table)
    sys.stdout.write(printed.get())
