"""Replays into a running demo and into what the environment names, as a person starts them."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.rig import Events, stream
from tests.integration.terminal import Machine, machine, machine_without_service, ran

EVENTS = Path(__file__).parents[1] / "events"
BURST = EVENTS / "burst-three-keys-1-of-3.json"


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Machine]:
    async with machine(tmp_path) as made:
        yield made


@pytest.fixture
def tables(tmp_path: Path) -> Iterator[Machine]:
    with machine_without_service(tmp_path) as made:
        yield made


async def updates(events: Events, until: str) -> list[dict[str, Any]]:
    """The updates up to one of a source id that ends like this, without that one."""
    got: list[dict[str, Any]] = []
    while True:
        event = await events.next()
        if event["event"] == "sentiment_update":
            if event["data"]["source_id"].endswith(until):
                return got
            got.append(event["data"])


@pytest.mark.slow("runs the command again and again")
async def test_as_is_twice_is_known_and_fresh_keys_twice_is_new(here: Machine) -> None:
    end = EVENTS / "insert-long-article.json"  # one event, which ends each reading
    async with stream(here.service.base) as events:
        said = await ran(here, "replay", BURST, "--as-is", "--speed", "max")
        assert (said.code, "published  100 changes" in said.out) == (0, True)
        await ran(here, "replay", end, "--fresh-keys", "--speed", "max")
        once = await updates(events, "wire:0801")
        await ran(here, "replay", BURST, "--as-is", "--speed", "max")
        await ran(here, "replay", end, "--fresh-keys", "--speed", "max")
        twice = await updates(events, "wire:0801")
        fresh = []
        for _ in range(2):
            await ran(here, "replay", BURST, "--speed", "max")
            await ran(here, "replay", end, "--speed", "max")
            fresh.append(await updates(events, "wire:0801"))
    assert len(once) == 100
    assert twice == []
    assert shown(fresh[0]) == shown(fresh[1]) == shown(once)
    assert len({each["source_id"] for got in fresh for each in got}) == 2 * len({each["source_id"] for each in once})


def shown(got: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """What the updates say, whatever their items are called in this replay."""
    return [(each["source_id"].split("burst:")[1], each["ticker"], each["label"], each["score"]) for each in got]


async def test_an_interrupted_replay_says_how_far_it_was(here: Machine) -> None:
    process = here.start("replay", "-", "--speed", "max")
    assert process.stdin is not None
    async with stream(here.service.base) as events:
        lines = [json.dumps({"Records": [each]}) for each in json.loads(BURST.read_text())["Records"]]
        # A hundred make a batch; the one more shows that the batch is full.
        process.stdin.write("\n".join([*lines, lines[0], ""]).encode())
        process.stdin.flush()
        await events.until("sentiment_update")
    process.send_signal(signal.SIGINT)
    out, err = await asyncio.to_thread(process.communicate)
    assert process.returncode == 130
    assert err == b""
    assert b"stopped replaying standard input into the demo" in out
    assert b"published  100 changes in 1 message" in out
    assert b"stopped    at line 101 of - by Ctrl-C" in out


async def test_a_table_gets_the_items_and_the_path_does_the_rest(here: Machine) -> None:
    async with stream(here.service.base, "?events=sentiment_update") as events:
        said = await ran(
            here, "replay", EVENTS / "modify-correct-label.json", "--as-is", "--table", "sentiment", "--speed", "max",
            aws=True,
        )  # fmt: skip
        assert (said.code, said.err) == (0, "")
        assert "published  2 items" in said.out
        labels: set[tuple[str, str]] = set()
        while labels != {("AAPL", "positive"), ("MSFT", "positive")}:
            data = (await events.until("sentiment_update"))["data"]
            labels = (labels | {(data["ticker"], data["label"])}) - {(data["ticker"], "neutral")}
    said = await ran(here, "replay", EVENTS / "remove-by-ttl.json", "--table", "sentiment", aws=True)
    assert "2 records of other tables or TTL deletions were skipped" in said.out
    held = here.clients.dynamodb().scan(TableName="sentiment")["Items"]
    assert [each["source_id"]["S"] for each in held] == ["wire:0201"]
    assert "article_text" in held[0]


async def test_every_recorded_event_can_be_written_to_a_table(tables: Machine) -> None:
    files = [path for path in sorted(EVENTS.glob("*.json")) if not path.name.startswith(("users", "undecodable"))]
    said = await ran(tables, "replay", *files, "--table", "sentiment", "--speed", "max", aws=True)
    assert (said.code, said.err) == (0, "")
    said = await ran(tables, "replay", EVENTS / "undecodable-broken-number.json", "--table", "sentiment", aws=True)
    assert said.code == 1
    assert "failed     1, named below" in said.out
    assert "refused: " in said.out


async def test_a_topic_is_published_to_and_failures_go_to_standard_error_or_a_queue(tables: Machine) -> None:
    arn, queue = tables.resources.topic_arn, tables.resources.failure_queue_url
    bad = EVENTS / "undecodable-unknown-type.json"
    said = await ran(tables, "replay", bad, "--topic", arn, "--speed", "max", aws=True)
    assert said.code == 1
    assert json.loads(said.err)["reason"] == "undecodable"
    said = await ran(tables, "replay", bad, "--topic", arn, "--queue-url", queue, "--speed", "max", aws=True)
    assert (said.code, said.err) == (1, "")
    assert "failed     1, kept in the queue sentiment-relay-failures" in said.out


async def test_a_seed_repeats_the_faults_and_a_dry_run_touches_nothing(tmp_path: Path) -> None:
    here = Machine.bare(tmp_path)
    faults = ["--duplicate", "0.1", "--drop", "0.1", "--poison", "0.05", "--reorder", "2s"]
    command = ["replay", BURST, "--dry-run", "--as-is", "--speed", "max", *faults, "--seed"]
    one, again, other = [await ran(here, *command, seed) for seed in (7, 7, 8)]

    def plan(out: str) -> list[Any]:
        return [json.loads(line)["changes"] for line in out.splitlines()]

    assert plan(one.out) == plan(again.out) != plan(other.out)
    assert one.code == 0, "what was poisoned may fail"
    assert "faults     seed 7: " in one.err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["events.csv", "--dry-run"], 1, "line 1: not JSON (it begins with 'a;b')"),
        (["missing.json", "--dry-run"], 1, "missing.json: No such file or directory; expected"),
        (["good.json"], 2, "no demo runs on this machine; start `make demo`"),
        (["good.json", "--topic", "sentiment"], 2, "--topic='sentiment': not the ARN of an SNS topic"),
        (
            ["good.json", "--topic", "arn:aws:sns:eu-west-1:123456789012:t", "--as-is"],
            2,
            "not on this machine, with the recorded keys",
        ),
        (["good.json", "--topic", "x", "--table", "y"], 2, "--topic and --table: exclusive; give one"),
        (["good.json", "--table", "y", "--poison", "0.1"], 2, "--poison: not possible with --table"),
        (["good.json", "--speed", "fast"], 2, "--speed='fast': not a speed; give a factor"),
        (["good.json", "--delay", "soon"], 2, "--delay='soon': not a duration; give one"),
        (["good.json", "--drop", "2"], 2, "--drop"),
        ([], 2, "Missing argument"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(arguments: list[str], code: int, said: str, tmp_path: Path) -> None:
    here = Machine.bare(tmp_path)
    (tmp_path / "events.csv").write_text("a;b\n1;2\n")
    shutil.copy(BURST, tmp_path / "good.json")
    done = here.run("replay", *arguments)
    assert done.code == code, done.err
    assert said in done.err
    assert "Traceback" not in done.err


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    command = " ".join(Machine.command("replay", BURST, BURST, BURST, "--dry-run", "--speed", "max"))
    done = subprocess.run(
        ["/bin/bash", "-c", f"{command} | head -c 10; exit ${{PIPESTATUS[0]}}"],
        capture_output=True,
        check=False,
        env=Machine.bare(tmp_path).env,
    )
    assert done.stdout == b'{"v":1,"re'
    assert done.returncode == 0
    assert b"Traceback" not in done.stderr
