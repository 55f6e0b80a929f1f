"""docs/events.md is the clients' contract: it shows what the code sends, no more and no less."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from pathlib import Path
from typing import get_args

from streamer.change import plain
from streamer.sse import events
from streamer.web.parameters import PARAMETERS
from tests.contract.examples import EXAMPLES
from tests.integration.rig import running
from tests.vectors import VECTORS
from tests.watchdog import WATCHDOG

DOC = (Path(__file__).parents[2] / "docs" / "events.md").read_text()


def code(language: str) -> list[str]:
    """The code blocks of one language."""
    return re.findall(rf"```{language}\n(.*?)```", DOC, re.DOTALL)


def test_each_event_has_its_section_with_the_frame_that_the_code_makes() -> None:
    classes = {cls.name for cls in events.Event.__subclasses__()}
    assert classes == set(EXAMPLES)
    sections = dict(re.findall(r"### (\w+)\n```\n(.*?)```", DOC, re.DOTALL))
    assert {name: frame.decode()[:-1] for name, frame in EXAMPLES.items()} == sections


def test_each_event_is_in_the_table_and_says_rightly_whether_it_has_an_id() -> None:
    table = dict(re.findall(r"^\| `(\w+)` \| (yes|no) \|", DOC, re.MULTILINE))
    assert table == {name: "yes" if frame.startswith(b"id:") else "no" for name, frame in EXAMPLES.items()}


def test_each_parameter_is_named() -> None:
    for parameter in PARAMETERS:
        assert f"`{parameter['name']}" in DOC


def test_each_reason_that_can_be_sent_today_is_explained() -> None:
    reasons = {*get_args(events.ResetReason), *get_args(events.ClosingReason), *get_args(events.WithdrawalReason)}
    for reason in reasons:
        assert f"`{reason}`" in DOC, reason


def test_the_vectors_for_version_are_those_that_the_code_is_held_to() -> None:
    rows = re.findall(r"^\| `(\[.*\])` \| `([\w-]{22})` \|$", DOC, re.MULTILINE)
    assert [version for _, version in rows] == [expected for *_, expected in VECTORS]
    for (array, _), (key, ticker, state, _) in zip(rows, VECTORS, strict=True):
        source_id, timestamp, shown_ticker, label, score, confidence, source, updated_at = json.loads(
            array, parse_float=str, parse_int=str
        )
        assert (source_id, timestamp, shown_ticker, label) == (*key, ticker, state.label)
        assert (score, source, updated_at) == (plain(state.score), state.source, state.updated_at)
        assert confidence == (None if state.confidence is None else plain(state.confidence))


async def test_the_python_example_runs_as_it_stands() -> None:
    (program,) = code("python")
    async with running() as rig:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, f"{rig.base}/api/v2/stream", stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        said: list[bytes] = []
        async with asyncio.timeout(WATCHDOG):
            while not said or not said[-1].startswith(b"metrics"):
                said.append(await process.stdout.readline())
            rig.publish("negative")
            said.append(await process.stdout.readline())
        process.terminate()
        await process.wait()
        process._transport.close()  # type: ignore[attr-defined]  # closes the pipe before the loop goes
    assert [line.split()[0] for line in said] == [b"connected", b"heartbeat", b"metrics", b"sentiment_update"]
