"""Commands for a person at a terminal: `tail`, `watch`, `status`, `doctor`, `record`, `replay`, `failures`, `queues`,
`cost`, `completion`. Not in the image.

Each command has a folder. Its `command` module registers the command and imports other modules only when it runs.
`terminal` has the shared code, `aws` the clients, and `relay` the relay for `replay` and `failures`.
"""

from __future__ import annotations

import importlib
import io
import os
import sys
from collections.abc import Sequence

import typer


def run(arguments: Sequence[str]) -> int:
    """Runs a command; returns its exit code. `arguments` begin with the command's name."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed by the caller, as by `>&-`
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - until the end
    for out in (sys.stdout, sys.stderr):
        if isinstance(out, io.TextIOWrapper):
            out.reconfigure(errors="backslashreplace")  # an ASCII terminal must not cause a UnicodeEncodeError
    app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
    # Without a callback, Typer would not expect the command's name, because there is only one command.
    app.callback()(lambda: None)
    importlib.import_module(f"streamer.tools.{arguments[0]}.command").register(app)
    try:
        code = app(list(arguments), prog_name="streamer", standalone_mode=False)
    except typer.Abort:
        return 130
    except OSError as error:  # of the help, whose output is full; commands report their own
        sys.stderr.write(f"streamer: {error.strerror or error}\n")
        return 1
    except Exception as error:
        # Typer bundles click, whose exceptions have no public name here. They have `show` and `exit_code`.
        show, exit_code = getattr(error, "show", None), getattr(error, "exit_code", None)
        if not callable(show) or not isinstance(exit_code, int):
            raise
        show(sys.stderr)
        return exit_code
    return code if isinstance(code, int) else 0
