"""Commands for a person at a terminal: `tail`, `record`, `replay`, `failures`, `queues`, `cost`. Not in the image.

One module per command; each adds itself to the Typer application here and imports what is heavy when it runs.
"""

from __future__ import annotations

import importlib
import io
import sys
from collections.abc import Sequence

import typer


def run(arguments: Sequence[str]) -> int:
    """Runs one of the commands; returns its exit code. `arguments` begin with the command's name."""
    for out in (sys.stdout, sys.stderr):
        if isinstance(out, io.TextIOWrapper):
            out.reconfigure(errors="backslashreplace")  # a terminal that knows ASCII alone shall not end a command
    app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
    # A callback keeps the command's name necessary even while there is one command alone.
    app.callback()(lambda: None)
    importlib.import_module(f"streamer.tools.{arguments[0]}").register(app)
    try:
        code = app(list(arguments), prog_name="streamer", standalone_mode=False)
    except typer.Abort:
        return 130
    except Exception as error:
        # Typer carries a click of its own, whose exceptions have no public name: they can show themselves.
        show, exit_code = getattr(error, "show", None), getattr(error, "exit_code", None)
        if not callable(show) or not isinstance(exit_code, int):
            raise
        show(sys.stderr)
        return exit_code
    return code if isinstance(code, int) else 0
