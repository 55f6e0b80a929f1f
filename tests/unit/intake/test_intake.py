"""What follows from what intake's tasks report, who waits for whom, and how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from streamer.change import Key
from streamer.intake.failover import Failover, PushState
from streamer.intake.intake import CHECK_AGAIN, LEASE_WAIT, STOP_BOUND, Intake
from streamer.intake.poll import PollSettings
from streamer.intake.push import QueueSettings
from streamer.intake.receive import Decoded
from streamer.intake.signals import (
    LeaseFailed,
    LeaseGone,
    LeaseTaken,
    MessageReceived,
    Queried,
    QueryFailed,
    QueueFailed,
    QueueRead,
    Signal,
    Tick,
    Undecided,
)
from streamer.telemetry.counters import Counters
from tests.factories import KEY, NOW_MS
from tests.unit.intake.consumer import FakeConsumer
from tests.unit.intake.fakes import refusal
from tests.unit.tables.fakes import FakeDynamo
from tests.virtual_loop import VirtualLoop


class Consumer(FakeConsumer):
    """Conforms to Consumer."""

    def __init__(self) -> None:
        super().__init__()
        self.announced = 0
        self.broken = False

    def take(self, messages: list[Decoded]) -> list[Key]:
        raise AssertionError("nothing is pushed here")

    def announce_mode(self) -> None:
        if self.broken:
            raise ZeroDivisionError
        self.announced += 1


class FakePush:
    """In place of Push."""

    def __init__(self) -> None:
        self.checks = 0
        self.ends = asyncio.Event()
        self.ends.set()

    def check_soon(self) -> None:
        self.checks += 1

    async def run(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await self.ends.wait()


class Bench:
    """An intake whose loop, table and push are in the test's hand."""

    def __init__(self, loop: VirtualLoop, *, pushes: bool = True) -> None:
        self.loop = loop
        self.dynamo, self.consumer, self.counters = FakeDynamo(), Consumer(), Counters()
        self.failover = Failover(NOW_MS, alone=not pushes)
        self.skew_ms = 0
        self.push = FakePush()
        loop.run_until_complete(self.build(pushes))

    async def build(self, pushes: bool) -> None:
        self.intake = Intake(
            self.failover,
            self.dynamo.table(),
            self.consumer,  # type: ignore[arg-type]
            self.counters,
            poll=PollSettings(interval=5, catchup=0, window=0),
            queue=QueueSettings("arn:aws:sns:x:1:topic", "prefix", "sentiment") if pushes else None,
            now_ms=lambda: NOW_MS + round(self.loop.time() * 1000) + self.skew_ms,
            jitter=lambda _, high: high,
        )
        if pushes:
            stand_in: Any = self.push
            self.intake.push = stand_in

    def start(self) -> None:
        self.loop.call_soon(self.intake.start)
        self.loop.settle()

    def hear(self, *signals: Signal) -> None:
        for signal in signals:
            self.loop.call_soon(self.intake.hear, signal)
        self.loop.settle()

    def prove(self) -> None:
        """Push is trusted then."""
        now_ms = NOW_MS + round(self.loop.time() * 1000)
        self.hear(LeaseTaken(now_ms), MessageReceived(now_ms), Queried(now_ms + 1, 0))
        assert self.failover.push is PushState.PROVEN


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    made = VirtualLoop()
    yield made
    made.end()


def test_each_report_is_counted(loop: VirtualLoop) -> None:
    bench = Bench(loop)
    bench.hear(
        LeaseTaken(NOW_MS),
        LeaseFailed("x"),
        LeaseGone("x"),
        QueueFailed("x"),
        QueueRead(3, undeleted=2),
        QueryFailed("x"),
    )
    names = ("leases_taken", "lease_failures", "leases_lost", "receive_failures", "deletes_failed", "queries_failed")
    assert [bench.counters[name] for name in names] == [1, 1, 1, 1, 2, 1]


def test_a_switch_is_counted_and_announced(loop: VirtualLoop) -> None:
    bench = Bench(loop)
    bench.hear(Queried(NOW_MS, 0))
    assert (bench.failover.mode, bench.counters["mode_switches"], bench.consumer.announced) == ("poll", 1, 1)
    bench.hear(Queried(NOW_MS, 0))
    assert bench.consumer.announced == 1


def test_what_fails_while_a_report_is_heard_ends_nothing(loop: VirtualLoop, caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(loop)
    bench.consumer.broken = True
    bench.hear(Queried(NOW_MS, 0))
    assert [line.message for line in caplog.records] == ["signal not handled"]
    bench.consumer.broken = False
    bench.hear(LeaseTaken(NOW_MS), MessageReceived(NOW_MS))
    assert bench.consumer.announced == 1


def test_push_that_is_trusted_again_has_the_table_caught_up_with_and_is_not_checked(loop: VirtualLoop) -> None:
    bench = Bench(loop)
    bench.prove()
    assert bench.intake.poll._behind.is_set()
    checks = bench.push.checks
    loop.run_until(CHECK_AGAIN * 4)
    bench.hear(QueueRead(0))
    assert bench.push.checks == checks


def test_push_that_is_doubted_is_checked_at_once_and_again_and_the_table_asked(loop: VirtualLoop) -> None:
    bench = Bench(loop)
    bench.prove()
    bench.intake.poll._wake.clear()
    checks = bench.push.checks
    bench.hear(LeaseGone("x"))
    assert (bench.push.checks, bench.intake.poll._wake.is_set()) == (checks + 1, True)
    bench.hear(Tick())
    assert bench.push.checks == checks + 1
    loop.run_until(loop.time() + CHECK_AGAIN)
    bench.hear(Tick(), Tick())
    assert bench.push.checks == checks + 2


def test_what_only_a_read_can_decide_is_read(loop: VirtualLoop) -> None:
    bench = Bench(loop)
    bench.dynamo.put(KEY)
    bench.start()
    bench.hear(LeaseFailed("x"), Undecided([KEY]))
    assert len(bench.dynamo.asked("batch_get_item")) == 1


def test_the_first_query_waits_for_the_lease_and_no_longer_than_it_may(loop: VirtualLoop) -> None:
    bench = Bench(loop)
    bench.start()
    loop.run_until(LEASE_WAIT - 0.1)
    assert not bench.dynamo.requests
    loop.run_until(LEASE_WAIT)
    loop.settle()
    assert len(bench.dynamo.requests) == 3


@pytest.mark.parametrize("signal", [LeaseTaken(NOW_MS), LeaseFailed("x")])
def test_the_first_query_begins_when_the_lease_is_there_or_fails(loop: VirtualLoop, signal: Signal) -> None:
    bench = Bench(loop)
    bench.start()
    bench.hear(signal)
    assert len(bench.dynamo.requests) == 3


def test_without_a_queue_the_first_query_waits_for_nothing(loop: VirtualLoop) -> None:
    bench = Bench(loop, pushes=False)
    bench.start()
    assert len(bench.dynamo.requests) == 3


def test_it_is_ready_with_the_first_query_or_when_that_has_failed_for_ten_seconds(loop: VirtualLoop) -> None:
    for fails in (False, True):
        bench = Bench(loop, pushes=False)
        if fails:
            bench.dynamo.script["query"] = [refusal("AccessDenied")] * 99
        waiting = loop.create_task(bench.intake.wait_ready())
        bench.start()
        assert waiting.done() is not fails
        loop.run_until(loop.time() + 10)
        loop.settle()
        assert waiting.done()
        loop.run_until_complete(bench.intake.stop())


def test_a_process_that_was_frozen_waits_for_a_query_that_begins_now(loop: VirtualLoop) -> None:
    bench = Bench(loop, pushes=False)
    bench.start()
    assert len(bench.consumer.proofs) == 1
    waking = loop.create_task(bench.intake.wait_awake())
    loop.settle()
    assert waking.done()
    assert len(bench.consumer.proofs) == 1, "it was awake"
    bench.skew_ms = 3_600_000  # the loop's own clock stood still
    waking = loop.create_task(bench.intake.wait_awake())
    loop.settle()
    assert waking.done()
    assert bench.consumer.proofs[1][0] == NOW_MS + 3_600_000


def test_a_frozen_process_whose_table_does_not_answer_waits_ten_seconds(loop: VirtualLoop) -> None:
    bench = Bench(loop, pushes=False)
    bench.start()
    bench.skew_ms = 3_600_000
    bench.dynamo.script["query"] = [refusal("AccessDenied")] * 99
    waking = loop.create_task(bench.intake.wait_awake())
    loop.run_until(loop.time() + 9.9)
    assert not waking.done()
    loop.run_until(loop.time() + 0.2)
    assert waking.done()


def test_time_that_passes_is_heard_of(loop: VirtualLoop) -> None:
    bench = Bench(loop)
    bench.start()
    bench.prove()
    loop.run_until(loop.time() + 155)
    assert bench.failover.reason == "no message for 150 s"


def test_a_stop_waits_for_the_lease_to_be_given_back_and_not_for_ever(
    loop: VirtualLoop, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench(loop)
    bench.start()
    stopping = loop.create_task(bench.intake.stop())
    loop.settle()
    assert stopping.done()

    bench = Bench(loop)
    bench.push.ends.clear()
    bench.start()
    stopping = loop.create_task(bench.intake.stop())
    loop.run_until(loop.time() + STOP_BOUND - 0.1)
    assert not stopping.done()
    loop.run_until(loop.time() + 0.2)
    loop.settle()
    assert stopping.done()
    (line,) = [line for line in caplog.records if line.message == "intake has not ended"]
    assert vars(line)["task"] == "push"


def test_a_bug_that_ends_a_task_is_logged_when_it_happens(loop: VirtualLoop, caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(loop, pushes=False)
    bench.intake.poll.interval = lambda: 1 / 0  # type: ignore[method-assign]
    bench.start()
    (line,) = [line for line in caplog.records if line.message == "intake ended by an error"]
    assert vars(line)["task"] == "poll"


def test_what_never_began_ends_at_once(loop: VirtualLoop) -> None:
    loop.run_until_complete(Bench(loop).intake.stop())
