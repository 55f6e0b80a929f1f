"""No gap, whatever fails: the real hub, feed, delivery, failover and poll in a simulated world (see `simulation`).

What is checked, (A) to (E), stands in `simulation.checks`. A short search runs each time, a longer one in `make
test-all`; NO_GAP_EXAMPLES=5000 runs that many new histories.

Each mutant has a history in `failing/` that shows it. Where that no longer fails, because the service has changed, the
test searches for another one, writes it there, and fails once, so that it is committed.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from pydantic import TypeAdapter

from tests.unit.hub.simulation.checks import Gap
from tests.unit.hub.simulation.mutants import MUTANTS, broken
from tests.unit.hub.simulation.plan import Plan, plans
from tests.unit.hub.simulation.world import World

EXAMPLES = int(os.environ.get("NO_GAP_EXAMPLES", "0"))
FAILING = Path(__file__).parent / "failing"
_QUICK, _LONG = 12, 160
_MUTANT_EXAMPLES = 200
_SEEDS = 8

_settings = settings(derandomize=not EXAMPLES, database=None, suppress_health_check=list(HealthCheck))
_plan = TypeAdapter(Plan)


@pytest.fixture(autouse=True, scope="module")
def quiet() -> Iterator[None]:
    """What fails here is meant to, and is logged by the service thousands of times."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@settings(_settings, max_examples=_QUICK)
@given(plans())
def test_no_history_has_a_gap(plan: Plan) -> None:
    World(plan).live()


@pytest.mark.slow("searches through many histories")
@pytest.mark.timeout(0)
@settings(_settings, max_examples=EXAMPLES or _LONG)
@given(plans())
def test_no_history_of_many_has_a_gap(plan: Plan) -> None:
    World(plan).live()


@pytest.mark.parametrize("name", MUTANTS)
def test_a_broken_mechanism_is_seen(name: str) -> None:
    stored = FAILING / f"{name}.json"
    gap = shown(name, _plan.validate_json(stored.read_text())) if stored.exists() else None
    if gap is None:
        gap, plan = found(name)
        stored.write_bytes(_plan.dump_json(plan) + b"\n")
        pytest.fail(f"{stored} is a new history that shows it ({gap}): commit it")
    assert gap.check in MUTANTS[name].checks
    World(_plan.validate_json(stored.read_text())).live()  # unbroken, the same history has no gap


def shown(name: str, plan: Plan) -> Gap | None:
    """What a check says of the broken service in this history."""
    try:
        with broken(name):
            World(plan).live()
    except Gap as gap:
        return gap
    return None


def found(name: str) -> tuple[Gap, Plan]:
    """A history that shows it, of the weather that suits it. Not shrunk: that would take minutes."""
    mutant = MUTANTS[name]
    seen: list[tuple[Gap, Plan]] = []

    @settings(_settings, max_examples=_MUTANT_EXAMPLES, derandomize=False, phases=[Phase.generate])
    @given(plans(mutant.weather))
    def live(plan: Plan) -> None:
        if not seen and (gap := shown(name, plan)) is not None:
            seen.append((gap, plan))

    # What a seed brings depends on the modules that are loaded: the next one, if this brings nothing.
    for number in range(mutant.seed, mutant.seed + _SEEDS):
        seed(number)(live)()
        if seen:
            return seen[0]
    pytest.fail(f"{name} is not seen in {_SEEDS * _MUTANT_EXAMPLES} histories")
