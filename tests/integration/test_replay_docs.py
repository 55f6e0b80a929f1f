"""docs/replay.md's worked example does what it says, and its tables say what the commands know."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.rig import stream
from tests.integration.terminal import Machine, machine
from tests.watchdog import WATCHDOG

pytestmark = pytest.mark.slow("walks through the documentation")

DOC = (Path(__file__).parents[2] / "docs" / "replay.md").read_text()
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", DOC, re.DOTALL) for line in block.splitlines()]


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Machine]:
    (tmp_path / "bin").mkdir()
    streamer = tmp_path / "bin" / "streamer"
    streamer.write_text(f'#!/bin/sh\nexec {sys.executable} -W error -m streamer.cli "$@"\n')
    streamer.chmod(0o755)
    async with machine(tmp_path) as made:
        made.env["PATH"] = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
        yield made


async def test_the_worked_example_runs_as_it_stands(here: Machine) -> None:
    async def shell(command: str) -> tuple[int, str]:
        done = await asyncio.to_thread(
            subprocess.run, ["/bin/sh", "-c", command], cwd=here.folder, env=here.env, capture_output=True,
            text=True, timeout=WATCHDOG, check=False,
        )  # fmt: skip
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout + done.stderr

    for number in range(25):
        here.put(f"wire:{number}")
    record, dry, again, bad_day, list_, show, redrive = COMMANDS
    assert (await shell(record))[0] == 0
    code, said = await shell(dry)
    assert code == 0
    assert len(json.loads(said.splitlines()[0])["changes"]) == 20
    async with stream(here.service.base, "?events=sentiment_update") as events:
        assert (await shell(again))[0] == 0
        seen = [(await events.until("sentiment_update"))["data"]["source_id"] for _ in range(20)]
    assert {each.partition(":")[2] for each in seen} == {f"wire:{number}" for number in range(20)}
    code, said = await shell(bad_day)
    assert code == 0
    poisoned = re.search(r"seed 7: .*?(\d+) poisoned", said)
    failed = re.search(r"failed +(\d+), kept in", said)
    assert poisoned
    assert failed
    assert int(failed[1]) >= int(poisoned[1]) > 0
    code, said = await shell(list_)
    assert (code, said.count("undecodable")) == (0, int(failed[1]))
    code, said = await shell(show)
    assert (code, json.loads(said)["reason"]) == (0, "undecodable")
    code, said = await shell(redrive)
    assert code == 1
    assert "the stream has no record with this sequence number" in said


@pytest.mark.parametrize("command", ["record", "replay", "failures list", "failures show", "failures redrive"])
def test_each_option_that_the_page_names_is_known_and_each_help_names_the_exit_codes(
    command: str, tmp_path: Path
) -> None:
    said = Machine.bare(tmp_path).run(*command.split(), "--help")
    assert said.code == 0
    assert "Exit codes: 0 " in said.out
    if command == "replay":
        for option in re.findall(r"\| `(--[a-z-]+)", DOC):
            assert option in said.out, option
