"""The smaller parts: shards, shuffled messages, modes, broken mechanisms, stories, and what the page says."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from streamer.change import Key
from tests.chaos import page, report
from tests.chaos.accounting import Account, Flaw
from tests.chaos.actor import Done
from tests.chaos.broken import BROKEN
from tests.chaos.containers import Line, Sample
from tests.chaos.evidence import dump
from tests.chaos.kinds import KINDS
from tests.chaos.messages import Shuffle
from tests.chaos.modes import back_to_push, bands, to_poll
from tests.chaos.plan import Fault
from tests.chaos.records import Delivery, Record, Shown, Span
from tests.chaos.result import Ended, Run, Settings, Verdict, judge
from tests.chaos.shards import SHARDS, RelayFailed, Shards, shard_of
from tests.chaos.story import story
from tests.chaos.writes import Write
from tests.factories import KEY, state
from tests.watchdog import WATCHDOG

pytestmark = pytest.mark.slow("tests the tool behind `make chaos`")

START = 1_795_359_400.0


# Shards


def record(number: int) -> dict[str, Any]:
    return {"dynamodb": {"Keys": {"source_id": {"S": f"item {number % 7}"}}, "SequenceNumber": str(number)}}


class Relay:
    """Takes what it is called with, or refuses it."""

    def __init__(self) -> None:
        self.took: list[str] = []
        self.refuses = False

    def __call__(self, event: dict[str, Any], context: object) -> object:
        records = event.get("Records", [])
        if self.refuses:
            return {"batchItemFailures": [{"itemIdentifier": records[0]["dynamodb"]["SequenceNumber"]}]}
        self.took += [one["dynamodb"]["SequenceNumber"] for one in records]
        return {"batchItemFailures": []}


RECORDS = [record(number) for number in range(40)]
STUCK = shard_of(RECORDS[0])
HELD = [one["dynamodb"]["SequenceNumber"] for one in RECORDS if shard_of(one) == STUCK]


def test_a_stuck_shard_holds_its_records_back_and_gives_them_in_order_when_released() -> None:
    relay = Relay()
    shards = Shards(relay)
    shards.stick(STUCK)
    shards({"Records": RECORDS}, None)
    assert not set(relay.took) & set(HELD)
    assert len(relay.took) + len(HELD) == len(RECORDS)
    shards.release()
    shards({"source": "aws.events"}, None)
    assert relay.took[-len(HELD) :] == HELD
    shards({"source": "aws.events"}, None)
    assert len(relay.took) == len(RECORDS), "once"


def test_what_was_held_back_goes_before_what_comes_after_it() -> None:
    relay = Relay()
    shards = Shards(relay)
    shards.stick(STUCK)
    shards({"Records": RECORDS[:20]}, None)
    shards.release()
    shards({"Records": RECORDS[20:]}, None)
    assert [number for number in relay.took if number in HELD] == HELD


def test_a_batch_that_the_relay_refused_comes_again_whole() -> None:
    relay = Relay()
    shards = Shards(relay)
    shards.stick(STUCK)
    relay.refuses = True
    with pytest.raises(RelayFailed):
        shards({"Records": RECORDS}, None)
    relay.refuses = False
    shards({"Records": RECORDS}, None)
    shards.release()
    shards({"Records": []}, None)
    assert sorted(relay.took, key=int) == [one["dynamodb"]["SequenceNumber"] for one in RECORDS]


def test_items_spread_over_all_shards() -> None:
    records = [{"dynamodb": {"Keys": {"source_id": {"S": f"chaos:{number}"}}}} for number in range(200)]
    assert {shard_of(one) for one in records} == set(range(SHARDS))
    assert shard_of({"dynamodb": {"Keys": {"PK": {"S": "USER#1"}}}}) == -1


# Messages


def test_shuffling_loses_nothing_and_is_the_same_for_the_same_seed() -> None:
    def run() -> list[str]:
        shuffle = Shuffle(random.Random(5))
        got = []
        for first in range(0, 100, 10):
            got += shuffle.answer([{"MessageId": str(first + n)} for n in range(10)])
        for _ in range(5):
            got += shuffle.answer([])
        return [message["MessageId"] for message in got]

    got = run()
    assert got == run()
    assert set(got) == {str(n) for n in range(100)}
    assert len(got) > 100
    assert got != sorted(got, key=int)


def test_an_answer_has_ten_messages_at_most() -> None:
    shuffle = Shuffle(random.Random(1))
    for first in range(0, 200, 10):
        assert len(shuffle.answer([{"MessageId": str(first + n)} for n in range(10)])) <= 10


# Stories


def test_the_same_seed_tells_the_same_stories_of_all_kinds() -> None:
    told = [story(random.Random(seed)) for seed in range(300)]
    assert told == [story(random.Random(seed)) for seed in range(300)]
    states = [[step.state for step in one.steps] for one in told]
    assert any(one[0] is None for one in states), "pending first"
    assert any(one.steps[-1].deleted for one in told)
    assert any(one[-1] is None and not story_.steps[-1].deleted for one, story_ in zip(states, told, strict=True))
    backs = [one for one in states if len(one) == 3 and one[0] == one[2]]
    assert {one[0].updated_at is None for one in backs if one[0]} == {True, False}
    assert any(one.age > 120 for one in told)
    lives = [step.after - before.after for one in told for before, step in zip(one.steps, one.steps[1:], strict=False)]
    assert min(lives) < 1
    assert max(lives) > 10
    assert all(one.steps[-1].after < 120 for one in told)


# Modes


def samples(*modes: str) -> list[Sample]:
    """A sample a second."""
    return [Sample(START + at, mode) for at, mode in enumerate(modes)]


DENIED = Fault(KINDS["sqs-denied"], 0, 2, 5, 1)


def test_samples_of_one_mode_are_one_band() -> None:
    assert [(band.mode, band.end - band.begin) for band in bands(samples("push", "push", "poll", "push"))] == [
        ("push", 2),
        ("poll", 1),
        ("push", 0),
    ]


def test_time_to_poll_and_back_are_counted_from_the_begin_and_the_end_of_the_fault() -> None:
    seen = samples("push", "push", "push", "push", "poll", "poll", "both", "both", "push")
    assert to_poll(seen, DENIED, START) == 2
    assert back_to_push(seen, DENIED, START) == 3
    stays = samples(*["push"] * 20)
    assert to_poll(stays, DENIED, START) is None
    assert back_to_push(stays, DENIED, START) == 0
    assert back_to_push(samples("push", "push", "push", "poll", "poll", "poll", "poll"), DENIED, START) is None


# The judge


def a_run(**changes: Any) -> Run:
    """A run in which one item was written and shown."""
    shown = state("positive")
    version = Write(KEY, shown, 0, 0).version("AAPL")
    at = START + 1
    client = Record(0, None, opened=START, spans=[Span(0, START, START + 30, "fresh", "the end")])
    client.deliveries.append(Delivery(at + 0.1, 0, KEY, "AAPL", version, True))
    client.shown.append(Shown(at + 0.1, KEY, "AAPL", version))
    container = Ended(0, samples(*["push"] * 30), [], slots_left=0, exit_code=0)
    run = Run(
        Settings(1, 30, 1, 1, "none"),
        START,
        START + 30,
        [],
        {KEY: [Write(KEY, shown, at, at)]},
        [client],
        [container],
        queues_left=0,
    )
    return replace(run, **changes)


def test_a_good_run_is_green() -> None:
    verdict = judge(a_run())
    assert verdict.wrong == []
    assert verdict.accounts[0].expected == 1


GOOD = Ended(0, samples(*["push"] * 30), [], slots_left=0, exit_code=0)


@pytest.mark.parametrize(
    ("container", "why"),
    [
        (replace(GOOD, samples=samples("push", "poll")), "container 0: mode poll at the end"),
        (
            replace(GOOD, samples=samples("push", "poll", "both", "push", "poll", "both")),
            "container 0: mode both at the end",
        ),
        (replace(GOOD, slots_left=2), "container 0: 2 slots left when every client had gone"),
        (replace(GOOD, exit_code=1), "container 0: exit code 1 on SIGTERM"),
        (replace(GOOD, unexpected=(-11,)), "container 0: it ended by itself with [-11]"),
        (
            replace(GOOD, lines=[Line(START, {"level": "ERROR", "message": "the sweep failed"})]),
            "container 0: 1 errors in its log, the first: the sweep failed",
        ),
    ],
)
def test_a_container_that_ends_badly_is_red(container: Ended, why: str) -> None:
    assert judge(a_run(containers=[container])).wrong == [why]


def test_push_that_broke_three_times_may_still_be_proving_itself() -> None:
    modes = ("push", "poll", "both", "push", "poll", "both", "push", "poll", "both")
    assert judge(a_run(containers=[replace(GOOD, samples=samples(*modes))])).wrong == []
    assert judge(a_run(containers=[replace(GOOD, samples=samples(*modes, "gone", "both"))])).wrong != []
    assert judge(a_run(containers=[replace(GOOD, samples=samples(*modes, "poll"))])).wrong != []


def test_queues_left_and_a_failing_writer_are_red() -> None:
    assert judge(a_run(queues_left=1)).wrong == ["1 queues left after prune"]
    assert judge(a_run(queues_left=None, pruned="no such command")).wrong == ["queues were not pruned: no such command"]
    assert judge(a_run(writer_error="OSError()")).wrong == ["the writer failed: OSError()"]


def test_a_fault_that_did_nothing_or_was_not_noticed_is_red() -> None:
    denied = Done(DENIED, felt=3)
    at = "fault sqs-denied at container 0"
    assert judge(a_run(done=[denied])).wrong == [f"{at}: left push never, bound 17 s"]
    switched = replace(GOOD, samples=samples("push", "push", "push", "poll", "poll", "push"))
    assert judge(a_run(done=[denied], containers=[switched])).wrong == []
    unfelt = judge(a_run(done=[Done(DENIED)], containers=[switched]))
    assert unfelt.wrong == [f"{at}: no call met it: it has shown nothing"]
    failed = judge(a_run(done=[Done(DENIED, 1, ["the container had no queue"])], containers=[switched]))
    assert failed.wrong == [f"{at}: the container had no queue"]


def test_a_run_in_which_nothing_was_expected_is_red() -> None:
    assert "nothing was expected of anybody: the run shows nothing" in judge(a_run(items={})).wrong


# The report


def flawed() -> Verdict:
    """A red verdict whose words want escaping."""
    verdict = judge(a_run(done=[Done(DENIED, 3, ["<script>alert(1)</script>"])]))
    verdict.accounts[0].missing.append(Flaw(START + 5, Key("<b>item</b>", KEY.timestamp), "AAPL", "it & more"))
    verdict.accounts[0].ghosts.append(Flaw(START + 6, KEY, "AAPL", "an older state stays"))
    return verdict


def test_the_page_says_what_was_asked_what_was_seen_and_what_is_wrong() -> None:
    text = page.render(flawed())
    for words in ("seed 1", "sqs-denied", "no permission for SQS", "left push never", "container 0", "client 0", "red"):
        assert words in text
    assert "green" in page.render(judge(a_run()))


def test_the_page_escapes_and_asks_nobody_for_anything() -> None:
    text = page.render(flawed())
    assert "<script" not in text
    assert "<b>item" not in text
    assert "it &amp; more" in text
    assert not re.search(r"""(src|href)=|url\(|@import""", text)


def test_the_timeline_draws_modes_faults_deliveries_and_flaws() -> None:
    text = page.render(flawed())
    for name in ("push", "fault", "after", "tick", "missing", "ghost"):
        assert f'class="{name}"' in text


def test_the_terminal_ends_with_the_verdict() -> None:
    console = Console(width=150, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    with console.file:
        report.show(flawed(), console)
        text = console.export_text()
    assert "left push never" in text
    assert text.rstrip().endswith("RED: 2 things are wrong")


def test_the_evidence_holds_every_write_and_delivery() -> None:
    assert '"wire:1"' in dump(a_run())


def test_an_account_starts_without_a_flaw() -> None:
    assert Account(0, None).missing == []


# Broken on purpose


@pytest.mark.parametrize("name", BROKEN)
def test_a_mechanism_that_is_to_be_broken_is_there(name: str) -> None:
    command = [sys.executable, "-m", "tests.chaos.broken", name, "--version"]
    leash, held = os.pipe()
    try:
        done = subprocess.run(command, check=False, stdin=leash, capture_output=True, text=True, timeout=WATCHDOG)
    finally:
        os.close(leash)
        os.close(held)
    assert done.stdout.startswith("streamer "), done.stderr
