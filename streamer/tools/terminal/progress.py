"""A progress bar on standard error if that is a terminal."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn


class ProgressBar:
    """Shows the progress inside its context. `total`: bytes to read; None if unknown."""

    def __init__(self, total: int | None) -> None:
        console = Console(stderr=True)
        columns = [BarColumn(), TaskProgressColumn()] if total else [SpinnerColumn()]
        self._progress = Progress(
            *columns, TextColumn("{task.description}"), console=console, transient=True, disable=not console.is_terminal
        )
        self._task = self._progress.add_task("", total=total)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()

    def update(self, done: int, text: str) -> None:
        """`done`: bytes read so far."""
        self._progress.update(self._task, completed=done, description=text)
