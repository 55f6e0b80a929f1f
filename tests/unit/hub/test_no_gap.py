"""No gap, whatever fails: the real hub, feed, delivery, failover and poll in a simulated world (see `simulation`).

What is checked, (A) to (E), stands in `simulation.checks`. In the ordinary suite the same histories each time;
NO_GAP_EXAMPLES=5000 runs that many new ones.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.unit.hub.simulation.checks import Gap
from tests.unit.hub.simulation.mutants import MUTANTS, broken
from tests.unit.hub.simulation.plan import Plan, plans
from tests.unit.hub.simulation.world import World

EXAMPLES = int(os.environ.get("NO_GAP_EXAMPLES", "0"))
_MUTANT_EXAMPLES = 200
_SEEDS = 8

_settings = settings(
    max_examples=EXAMPLES or 160,
    derandomize=not EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(autouse=True, scope="module")
def quiet() -> Iterator[None]:
    """What fails here is meant to, and is logged by the service thousands of times."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.timeout(0 if EXAMPLES else 120)
@_settings
@given(plans())
def test_no_history_has_a_gap(plan: Plan) -> None:
    World(plan).live()


@pytest.mark.parametrize("name", MUTANTS)
def test_a_broken_mechanism_is_seen(name: str) -> None:
    """Within so many histories of the weather that suits it. Not shrunk: that would take minutes."""
    mutant = MUTANTS[name]
    seen: list[Gap] = []
    histories = 0

    @settings(_settings, max_examples=_MUTANT_EXAMPLES, derandomize=False, phases=[Phase.generate])
    @given(plans(mutant.weather))
    def live(plan: Plan) -> None:
        nonlocal histories
        if seen:
            return
        histories += 1
        try:
            with broken(name):
                World(plan).live()
        except Gap as gap:
            seen.append(gap)

    # What a seed brings depends on the modules that are loaded: the next one, if this brings nothing.
    for number in range(mutant.seed, mutant.seed + _SEEDS):
        seed(number)(live)()
        if seen:
            break
    assert seen, f"not in {histories} histories"
    sys.stdout.write(f"{name}: {seen[0]}, history {histories}\n")  # pytest -rP shows it
    assert seen[0].check in mutant.checks
