"""Shows a board until `q`, Ctrl-C or an error."""

from __future__ import annotations

import asyncio
import os
import signal
import termios
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from rich.console import Console
from rich.live import Live

from streamer.client import Stream
from streamer.tools.watch.board import Board

_REFRESH: Final = 0.25  # seconds
_QUIT: Final = b"qQ"


async def watch(stream: Stream, board: Board, console: Console, keyboard: int | None) -> None:
    """Follows the stream. `keyboard`: the descriptor of a terminal, or None. Raises NotAStream and Unreachable."""
    quitting = asyncio.Event()
    shown = _Shown(Live(console=console, screen=True, auto_refresh=False), keyboard, quitting.set)
    with _signals(quitting.set, shown.suspend), shown:
        parts = (_follow(stream, board), _draw(board, shown.live), quitting.wait())
        tasks = [asyncio.ensure_future(each) for each in parts]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


async def _follow(stream: Stream, board: Board) -> None:
    async with stream:
        async for each in stream:
            board.take(each)


async def _draw(board: Board, live: Live) -> None:
    while True:
        live.update(board.screen(round(time.time() * 1000), live.console.height), refresh=True)
        await asyncio.sleep(_REFRESH)


@contextmanager
def _signals(on_quit: Callable[[], object], on_suspend: Callable[[], object]) -> Iterator[None]:
    """Handles signals until the terminal is as before, so that none leaves it in another state."""
    loop = asyncio.get_running_loop()
    handlers = {signal.SIGINT: on_quit, signal.SIGTERM: on_quit, signal.SIGTSTP: on_suspend}
    for number, handler in handlers.items():
        loop.add_signal_handler(number, handler)
    try:
        yield
    finally:
        for number in handlers:
            loop.remove_signal_handler(number)


class _Shown:
    """The screen, and the keys, which are read one by one, without showing them: `on_quit` is called for `q`."""

    def __init__(self, live: Live, keyboard: int | None, on_quit: Callable[[], object]) -> None:
        self.live = live
        self._keyboard = keyboard
        self._on_quit = on_quit
        self._before: list[Any] = []

    def __enter__(self) -> None:
        if self._keyboard is not None:
            self._before = termios.tcgetattr(self._keyboard)
            tty.setcbreak(self._keyboard)
            asyncio.get_running_loop().add_reader(self._keyboard, self._read, self._keyboard)
        try:
            self.live.start()
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        try:
            self.live.stop()
        finally:
            if self._keyboard is not None:
                asyncio.get_running_loop().remove_reader(self._keyboard)
                termios.tcsetattr(self._keyboard, termios.TCSADRAIN, self._before)

    def suspend(self) -> None:
        """Ctrl-Z: gives the terminal back, and takes it again when the process continues."""
        self.__exit__()
        before = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        signal.raise_signal(signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, before)
        self.__enter__()

    def _read(self, keyboard: int) -> None:
        typed = b""
        with suppress(OSError):
            typed = os.read(keyboard, 64)
        if not typed:  # the terminal is gone
            asyncio.get_running_loop().remove_reader(keyboard)
        if not typed or any(key in _QUIT for key in typed):
            self._on_quit()
