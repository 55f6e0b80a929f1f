"""The command line of `streamer completion`."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from streamer.tools.terminal.errors import DONE, UsageError, reports_errors
from streamer.tools.terminal.help import epilog

SHELLS: Final = ("bash", "zsh", "fish")
Shell = Annotated[str, typer.Argument(metavar="SHELL", help=f"{', '.join(SHELLS[:-1])} or {SHELLS[-1]}")]


def register(app: typer.Typer) -> None:
    app.command(
        "completion",
        epilog=epilog(
            "streamer completion bash >> ~/.bashrc",
            "streamer completion zsh >> ~/.zshrc",
            "streamer completion fish > ~/.config/fish/completions/streamer.fish",
        ),
    )(reports_errors("completion")(completion))


def completion(shell: Shell) -> int:
    """Prints the script with which a shell completes the commands and options of streamer.

    Exit codes: 0 printed; 2 invalid usage.
    """
    import sys

    from streamer.tools.completion.words import script

    if shell not in SHELLS:
        raise UsageError(f"SHELL={shell!r}: unknown; give {', '.join(SHELLS[:-1])} or {SHELLS[-1]}")
    sys.stdout.write(script(shell))
    return DONE
