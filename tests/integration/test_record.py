"""Recordings of a table, a topic and a stream, while things pass."""

from __future__ import annotations

import asyncio
import gzip
import json
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.terminal import Machine, machine, machine_without_service, ran
from tests.watchdog import WATCHDOG


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Machine]:
    async with machine(tmp_path) as made:
        yield made


@pytest.fixture
def tables(tmp_path: Path) -> Iterator[Machine]:
    with machine_without_service(tmp_path) as made:
        yield made


def recorded(path: Path) -> list[dict[str, Any]]:
    """The lines below the header."""
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    assert text.endswith(b"\n")
    head, *lines = [json.loads(line) for line in text.splitlines()]
    assert (head["format"], head["v"]) == ("sentiment-recording", 1)
    return lines


def meanwhile(process: subprocess.Popen[bytes], do: Callable[[int], None]) -> tuple[bytes, bytes]:
    """Does something again and again until the process ends: nobody knows from when on it listens."""
    number = 0
    while process.poll() is None:
        number += 1
        assert number < 5_000
        do(number)
    return process.communicate(timeout=WATCHDOG)


async def test_what_a_table_had_is_recorded_without_what_may_not_leave_it(tables: Machine) -> None:
    for number in range(5):
        tables.put(f"wire:{number}")
    said = await ran(tables, "record", "--from-start", "--count", 4, "a.jsonl.gz")
    assert (said.code, said.out) == (0, "")
    assert said.err.startswith("recorded table sentiment: 4 lines, ")
    lines = recorded(tables.folder / "a.jsonl.gz")
    assert [line["record"]["dynamodb"]["Keys"]["source_id"]["S"] for line in lines] == [f"wire:{n}" for n in range(4)]
    assert "article_text" not in json.dumps(lines)
    said = await ran(tables, "record", "--table", "sentiment", "--from-start", "--whole", "--count", 1, "-", aws=True)
    assert "never to be seen" in said.out.splitlines()[1]
    said = await ran(tables, "record", "--from-start", "--count", 1, "a.jsonl.gz")
    assert said.code == 2
    assert "a.jsonl.gz: exists; choose another name, or overwrite it with --force" in said.err


async def test_what_a_recording_holds_can_be_replayed(tables: Machine) -> None:
    tables.put("wire:1", score={"N": "0.12345678901234567890123456789012345678"})
    await ran(tables, "record", "--from-start", "--count", 1, "a.jsonl")
    said = await ran(tables, "replay", "a.jsonl", "--dry-run", "--as-is")
    [change] = json.loads(said.out, parse_float=str)["changes"]
    assert (change["keys"]["source_id"], change["new"]["score"]) == (
        "wire:1",
        "0.12345678901234567890123456789012345678",
    )


async def test_a_table_is_recorded_from_now_on(tables: Machine) -> None:
    tables.put("before")
    process = tables.start("record", "--count", 2, "a.jsonl")
    await asyncio.to_thread(meanwhile, process, lambda number: tables.put(f"after:{number}"))
    assert process.returncode == 0
    sources = [line["record"]["dynamodb"]["Keys"]["source_id"]["S"] for line in recorded(tables.folder / "a.jsonl")]
    assert "before" not in sources
    numbers = [int(source.removeprefix("after:")) for source in sources]
    assert numbers == [numbers[0], numbers[0] + 1]


async def test_a_topic_is_recorded_through_a_queue_that_is_given_back(tables: Machine) -> None:
    queues = tables.clients.sqs().list_queues()["QueueUrls"]
    process = tables.start("record", "--topic", tables.resources.topic_arn, "--count", 2, "a.jsonl", aws=True)
    await asyncio.to_thread(meanwhile, process, lambda number: tables.put(f"wire:{number}"))
    assert process.returncode == 0
    assert tables.clients.sqs().list_queues()["QueueUrls"] == queues
    lines = recorded(tables.folder / "a.jsonl")
    assert [line["message"]["v"] for line in lines] == [1, 1]
    said = await ran(tables, "replay", "a.jsonl", "--dry-run", "--as-is", "--speed", "max")
    changes = [change for line in lines for change in line["message"].get("changes", [])]
    again = [change for text in said.out.splitlines() for change in json.loads(text)["changes"]]
    assert again == changes


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
async def test_a_stream_is_recorded_until_ctrl_c_with_a_whole_last_line(here: Machine, ending: signal.Signals) -> None:
    url = f"{here.service.base}/api/v2/stream"
    process = here.start("record", "--url", url, "-")
    assert process.stdout is not None
    lines: list[bytes] = []
    while len(lines) < 4:
        lines.append(await asyncio.to_thread(process.stdout.readline))
    process.send_signal(ending)
    out, err = await asyncio.to_thread(process.communicate)
    assert process.returncode == 0
    assert [json.loads(line)["event"] for line in lines[1:]] == ["connected", "heartbeat", "metrics"]
    assert all(json.loads(line) for line in out.splitlines())
    assert f"recorded stream {url}: " in err.decode()


@pytest.mark.slow("runs the command again and again")
async def test_what_is_no_source_is_said_and_leaves_no_file(here: Machine) -> None:
    for arguments, code, words in (
        (["--url", f"{here.service.base}/docs"], 1, "/docs is a web page (Sentiment streamer: API), not a stream"),
        (["--url", "http://127.0.0.1:1/"], 1, "connection refused"),
        (["--table", "nope"], 2, "--table='nope': no such table in us-east-1; correct it"),
        (["--topic", "nope"], 2, "--topic='nope': not the ARN of an SNS topic"),
        (["--topic", "arn:aws:sns:us-east-1:123456789012:nope"], 1, "sns:Subscribe: NotFound"),
        (["--table", "a", "--url", "b"], 2, "--table, --topic and --url: exclusive; give one"),
        (["--url", "b", "--whole"], 2, "--whole and --from-start need a table"),
        (["--for", "long"], 2, "--for='long': not a duration; give one"),
    ):
        said = await ran(here, "record", *arguments, "a.jsonl", aws=True)
        assert (said.code, words in said.err) == (code, True), said
        assert "Traceback" not in said.err
        assert not (here.folder / "a.jsonl").exists()


def test_without_a_demo_it_says_what_to_do(tmp_path: Path) -> None:
    said = Machine.bare(tmp_path).run("record", "a.jsonl")
    assert (said.code, "no demo runs on this machine; start `make demo`" in said.err) == (2, True)
