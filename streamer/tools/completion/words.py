"""What a shell may complete: every command with its options, by Typer's own completion."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterable
from contextlib import redirect_stdout, suppress
from io import StringIO
from typing import Annotated, Final

import typer

VARIABLE: Final = "_STREAMER_COMPLETE"
"""Variable of the environment by which Typer's scripts ask for words."""

_Value = str | None


def complete(tools: Iterable[str]) -> None:
    """Prints the words that the environment asks for. `tools`: the commands that Typer runs. Raises SystemExit."""
    every_command(tools)([], prog_name="streamer")


def script(shell: str) -> str:
    """Returns Typer's script for `bash`, `zsh` or `fish`."""
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = f"source_{shell}"
    try:
        with redirect_stdout(StringIO()) as said, suppress(SystemExit):
            complete(())
    finally:
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before
    return said.getvalue()


def every_command(tools: Iterable[str]) -> typer.Typer:
    """Returns an app of all commands. It must not be run: `serve` and `demo` are only names and options in it."""
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command("serve", help="serve the stream")(_serve)
    if importlib.util.find_spec("streamer.local") is not None:  # not in the image
        app.command("demo", help="run the pipeline on this machine")(_demo)
    for name in tools:
        importlib.import_module(f"streamer.tools.{name}.command").register(app)
    return app


def _serve(host: _Value = None, port: _Value = None) -> None:
    """The options of `cli`, which argparse reads when the command runs."""


def _demo(
    port: _Value = None,
    rate: _Value = None,
    seed: _Value = None,
    seconds: Annotated[_Value, typer.Option("--for")] = None,
    verbose: Annotated[bool, typer.Option("--verbose")] = False,
) -> None:
    """The options of `local.options`."""
