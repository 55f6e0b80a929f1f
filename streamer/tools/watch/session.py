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
from typing import Final

from rich.console import Console
from rich.live import Live

from streamer.client import Stream
from streamer.tools.watch.board import Board

_REFRESH: Final = 0.25  # seconds
_QUIT: Final = b"qQ"


async def watch(stream: Stream, board: Board, console: Console, keyboard: int | None) -> None:
    """Follows the stream. `keyboard`: the descriptor of a terminal, or None. Raises NotAStream and Unreachable."""
    loop = asyncio.get_running_loop()
    quitting = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, quitting.set)
    with _keys(keyboard, quitting.set), Live(console=console, screen=True, auto_refresh=False) as live:
        tasks = [asyncio.ensure_future(each) for each in (_follow(stream, board), _draw(board, live), quitting.wait())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)
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
def _keys(keyboard: int | None, on_quit: Callable[[], object]) -> Iterator[None]:
    """Reads keys one by one, without showing them, and calls `on_quit` for `q`."""
    if keyboard is None:
        yield
        return

    def read() -> None:
        typed = b""
        with suppress(OSError):
            typed = os.read(keyboard, 64)
        if not typed:  # the terminal is gone
            loop.remove_reader(keyboard)
        if not typed or any(key in _QUIT for key in typed):
            on_quit()

    loop = asyncio.get_running_loop()
    before = termios.tcgetattr(keyboard)
    tty.setcbreak(keyboard)
    loop.add_reader(keyboard, read)
    try:
        yield
    finally:
        loop.remove_reader(keyboard)
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)
