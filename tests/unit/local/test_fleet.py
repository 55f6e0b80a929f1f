"""The demo's children are heard in order, and its end is asked for by signal."""

from __future__ import annotations

import os
import signal
from typing import Any, cast

import pytest

from streamer.local.fleet import ChildEnded, Fleet, Interrupted
from streamer.local.lines import Log
from streamer.local.process import Child
from tests.watchdog import WATCHDOG


class FakeChild:
    """Writes what is done to it into a list that it shares with others."""

    def __init__(self, name: str, done: list[str]) -> None:
        self.last_lines = ["one", "two"]
        self._name = name
        self._done = done

    def release(self) -> None:
        self._done.append(f"{self._name} release")

    def stop(self, timeout: float) -> None:
        self._done.append(f"{self._name} stop")
        assert 0 <= timeout <= 2.5

    def kill(self) -> None:
        self._done.append(f"{self._name} kill")


class Rig:
    def __init__(self) -> None:
        self.heard: list[Any] = []
        self.done: list[str] = []
        self.fleet = Fleet(lambda child, log: self.heard.append((child, log)), lambda *told: self.heard.append(told))

    def add(self, name: str) -> None:
        self.fleet.add(name, cast(Child, FakeChild(name, self.done)))


def test_what_children_say_arrives_in_order() -> None:
    rig = Rig()
    on_line, _ = rig.fleet.ears("relay")
    on_line("boom")
    on_line('{"tell": "resources", "said": {"a": 1}}')
    assert rig.fleet.until(lambda: len(rig.heard) == 2, timeout=WATCHDOG)
    assert rig.heard == [("relay", Log("boom", quiet=False)), ("resources", {"a": 1})]


def test_a_condition_that_does_not_come_true_is_given_up() -> None:
    assert not Rig().fleet.until(lambda: False, timeout=0.01)


def test_a_condition_is_asked_again_though_nobody_speaks() -> None:
    asked = iter([False, False, True])
    assert Rig().fleet.until(lambda: next(asked), timeout=WATCHDOG, every=0.001)


@pytest.mark.parametrize(("code", "how"), [(3, "ended with exit code 3"), (-9, "was killed by signal 9")])
def test_a_child_that_ends_is_named_with_its_last_lines(code: int, how: str) -> None:
    rig = Rig()
    rig.add("writer")
    _, on_end = rig.fleet.ears("writer")
    on_end(code)
    with pytest.raises(ChildEnded, match=f"writer {how}") as raised:
        rig.fleet.until(lambda: False, timeout=WATCHDOG)
    assert (raised.value.child, raised.value.last_lines) == ("writer", ["one", "two"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_interrupts_and_a_second_one_ends_the_children_at_once(number: signal.Signals) -> None:
    rig = Rig()
    rig.add("serve")
    before = signal.getsignal(number)
    with rig.fleet.signals():
        os.kill(os.getpid(), number)
        with pytest.raises(Interrupted):
            rig.fleet.until(lambda: False, timeout=WATCHDOG)
        assert rig.done == []
        os.kill(os.getpid(), number)
        assert rig.done == ["serve kill"]
    assert signal.getsignal(number) is before


def test_groups_end_one_after_the_other_and_strangers_are_left_out() -> None:
    rig = Rig()
    for name in ("moto", "serve", "relay"):
        rig.add(name)
    rig.fleet.stop(("writer", "relay", "serve"), ("moto",))
    assert rig.done == ["relay release", "serve release", "relay stop", "serve stop", "moto release", "moto stop"]
