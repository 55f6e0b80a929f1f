"""A short run of the gate itself: the real containers, a few faults, the whole account."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from tests.chaos import gate, page, report
from tests.chaos.plan import kinds_named, plan
from tests.chaos.result import Settings, judge

pytestmark = pytest.mark.slow("tests the tool behind `make chaos`")

SECONDS = 46.0
FAULTS = "sqs-shuffled,queue-deleted,dynamodb-throttled,kill,replay-cut"


async def test_nothing_is_lost_while_queues_tables_and_containers_fail(tmp_path: Path) -> None:
    settings = Settings(11, SECONDS, 3, 5, FAULTS)
    faults = plan(settings.seed, SECONDS, settings.containers, kinds_named(FAULTS), settle=14)
    verdict = judge(await gate.run(settings, faults))
    (tmp_path / "chaos.html").write_text(page.render(verdict), encoding="utf-8")
    report.show(verdict, Console(width=150))
    assert verdict.green, verdict.wrong
