"""Openings take turns: in order of arrival, in slices, and what is live runs between two slices."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from streamer.streams.turns import Turns


class Loop:
    """Turns of a millisecond with a clock that only the steps move, and a record of what ran."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.ran: list[str] = []
        self.turns = Turns(0.001, lambda: self.now)

    def step(self, name: str, milliseconds: float = 0.4) -> Callable[[], None]:
        def run() -> None:
            self.ran.append(name)
            self.now += milliseconds / 1000

        return run

    def take(self, *names: str, milliseconds: float = 0.4) -> None:
        for name in names:
            self.turns.take(self.step(name, milliseconds))

    async def iterate(self, times: int = 1) -> None:
        """What is live runs in each iteration of the event loop."""
        for _ in range(times):
            await asyncio.sleep(0)
            self.ran.append("live")


async def test_who_comes_alone_does_not_wait_for_the_event_loop() -> None:
    loop = Loop()
    for name in ("a", "b", "c"):
        loop.take(name, milliseconds=5)
        assert loop.ran[-1] == name
        await loop.iterate()
    assert not len(loop.turns)


async def test_a_slice_is_not_exceeded_and_what_is_live_runs_between_two() -> None:
    loop = Loop()
    loop.take("a", "b", "c", "d", "e")
    assert loop.ran == ["a", "b"], "a third one would end after 1.2 ms"
    assert len(loop.turns) == 3
    await loop.iterate(3)
    assert loop.ran == ["a", "b", "c", "d", "live", "e", "live", "live"]


async def test_a_step_that_is_longer_than_a_slice_has_one_of_its_own() -> None:
    loop = Loop()
    loop.take("a", "b", "c", milliseconds=7)
    await loop.iterate(2)
    assert loop.ran == ["a", "b", "live", "c", "live"]


async def test_who_comes_while_others_wait_comes_after_them() -> None:
    loop = Loop()
    loop.take("a", "b", "c", milliseconds=0.9)
    await loop.iterate()
    loop.take("d", milliseconds=0)
    await loop.iterate(2)
    assert [name for name in loop.ran if name != "live"] == ["a", "b", "c", "d"]


async def test_who_goes_away_costs_no_turn() -> None:
    loop = Loop()
    loop.take("a", milliseconds=1)
    steps = {name: loop.step(name, 1) for name in ("b", "c", "d")}
    for step in steps.values():
        loop.turns.take(step)
    loop.turns.leave(steps["b"])
    loop.turns.leave(steps["b"])
    assert len(loop.turns) == 2
    await loop.iterate(2)
    assert loop.ran == ["a", "c", "live", "d", "live"]


@pytest.mark.parametrize("milliseconds", [0, 2])
async def test_a_step_that_fails_does_not_keep_the_others_waiting(milliseconds: float) -> None:
    loop = Loop()
    seen: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: seen.append(context["exception"]))
    failure = ValueError("a broken sink")

    def fail() -> None:
        loop.now += milliseconds / 1000
        raise failure

    loop.take("a", milliseconds=2)
    loop.turns.take(fail)
    loop.take("b")
    await loop.iterate(2)
    assert seen == [failure]
    assert loop.ran[-2:] == ["b", "live"]
    with pytest.raises(ValueError, match="a broken sink"):
        loop.turns.take(fail)
