"""Confirmation before a command changes something that is not on this machine."""

from __future__ import annotations

import sys

import typer

from streamer.tools.terminal.errors import UsageError


def confirm(question: str, *, options: str, declined: str) -> None:
    """Raises UsageError unless a person at a terminal agrees. `options`: what to give where there is none."""
    if not sys.stdin.isatty():
        raise UsageError(f"{question} Say {options}")
    if not typer.confirm(question, err=True):
        raise UsageError(declined)
