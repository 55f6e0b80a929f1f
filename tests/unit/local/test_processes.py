"""The demo's children are heard in order, and its end is asked for by signal."""

from __future__ import annotations

import os
import signal
from typing import Any, cast

import pytest

from streamer.local.child import Child
from streamer.local.log_line import LogLine
from streamer.local.processes import ChildEnded, DemoInterrupted, Processes
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
        self.processes = Processes(lambda part, line: self.heard.append((part, line)))

    def add(self, name: str) -> None:
        self.processes.add(name, cast(Child, FakeChild(name, self.done)))


def test_what_children_say_arrives_in_order() -> None:
    rig = Rig()
    rig.processes.line("relay", "boom")
    rig.processes.line("relay", '{"level": "INFO", "message": "provisioned", "a": 1}')
    assert rig.processes.wait_for(lambda: len(rig.heard) == 2, timeout=WATCHDOG)
    provisioned = LogLine("info: provisioned a=1", True, "provisioned", {"a": 1})
    assert rig.heard == [("relay", LogLine("boom", quiet=False)), ("relay", provisioned)]


def test_a_condition_that_does_not_come_true_is_given_up() -> None:
    assert not Rig().processes.wait_for(lambda: False, timeout=0.01)


def test_a_condition_is_asked_again_though_nobody_speaks() -> None:
    asked = iter([False, False, True])
    assert Rig().processes.wait_for(lambda: next(asked), timeout=WATCHDOG, every=0.001)


@pytest.mark.parametrize(("code", "how"), [(3, "ended with exit code 3"), (-9, "was killed by signal 9")])
def test_a_child_that_ends_is_named_with_its_last_lines(code: int, how: str) -> None:
    rig = Rig()
    rig.add("writer")
    rig.processes.ended("writer", code)
    with pytest.raises(ChildEnded, match=f"writer {how}") as raised:
        rig.processes.wait_for(lambda: False, timeout=WATCHDOG)
    assert (raised.value.part, raised.value.last_lines) == ("writer", ["one", "two"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_interrupts_and_a_second_one_ends_the_children_at_once(number: signal.Signals) -> None:
    rig = Rig()
    rig.add("serve")
    before = signal.getsignal(number)
    with rig.processes.signals():
        os.kill(os.getpid(), number)
        with pytest.raises(DemoInterrupted):
            rig.processes.wait_for(lambda: False, timeout=WATCHDOG)
        assert rig.done == []
        os.kill(os.getpid(), number)
        assert rig.done == ["serve kill"]
    assert signal.getsignal(number) is before


def test_groups_end_one_after_the_other_and_strangers_are_left_out() -> None:
    rig = Rig()
    for name in ("aws", "serve", "relay"):
        rig.add(name)
    rig.processes.stop(("writer", "relay", "serve"), ("aws",))
    assert rig.done == ["relay release", "serve release", "relay stop", "serve stop", "aws release", "aws stop"]
