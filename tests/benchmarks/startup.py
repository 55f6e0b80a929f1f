"""From `streamer serve` to ready, AWS reachable: as an orchestrator would see it."""

from __future__ import annotations

import asyncio
import statistics
import time

from tests.integration.pipeline import pipeline
from tests.integration.service import serving

_RUNS = 7


async def _once(environment: dict[str, str]) -> tuple[float, float]:
    began = time.monotonic()
    async with serving(environment, until="serving") as service:
        listening = time.monotonic() - began
        await service.line("lease taken")
        await service.line("ready")
        return listening, time.monotonic() - began


def main() -> None:
    """Prints medians; the process's own start and every import are in them."""
    with pipeline() as resources:
        runs = [asyncio.run(_once(resources.environment())) for _ in range(_RUNS)]
    listening, ready = (statistics.median(column) for column in zip(*runs, strict=True))
    print(f"start of `streamer serve`, median of {_RUNS} runs (aim: ready within 1.0 s)")
    print(f"  listening   {listening:6.2f} s")
    print(f"  ready       {ready:6.2f} s   slowest {max(column[1] for column in runs):.2f} s")
