"""Asks for confirmation before a command changes a real account."""

from __future__ import annotations

import sys

import typer

from streamer.tools.terminal.errors import UsageError


def confirm(question: str, *, options: str, declined: str) -> None:
    """Raises UsageError unless a person confirms at a terminal. `options`: the options to use without a terminal."""
    if not sys.stdin.isatty():
        raise UsageError(f"{question} Not a terminal; confirm with {options}")
    if not typer.confirm(question, err=True):
        raise UsageError(declined)
