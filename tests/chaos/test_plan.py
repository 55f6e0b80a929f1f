"""The plan: the same for the same seed, complete, and never so that nothing can be promised."""

from __future__ import annotations

from functools import cache
from itertools import combinations

import pytest

from tests.chaos.kinds import KINDS
from tests.chaos.plan import CALM, SETTLE, Fault, PlanError, kinds_named, plan

pytestmark = pytest.mark.slow("tests the tool behind `make chaos`")

SEEDS = range(12)


@cache
def full(seed: int) -> list[Fault]:
    return plan(seed, 180, 3, kinds_named("all"))


def test_the_same_seed_gives_the_same_plan_and_another_seed_another() -> None:
    assert full(7) == full(7)
    assert full(7) != full(8)


@pytest.mark.parametrize("seed", SEEDS)
def test_three_minutes_have_room_for_every_kind(seed: int) -> None:
    assert {fault.kind.name for fault in full(seed)} == set(KINDS)


@pytest.mark.parametrize("seed", SEEDS)
def test_it_begins_calmly_and_can_settle(seed: int) -> None:
    faults = full(seed)
    assert min(fault.starts for fault in faults) >= CALM
    assert max(fault.ends for fault in faults) <= 180 - SETTLE
    assert max(fault.over for fault in faults) < 180


@pytest.mark.parametrize("seed", SEEDS)
def test_one_way_of_changes_is_always_left(seed: int) -> None:
    for one, other in combinations(full(seed), 2):
        together = one.starts < other.over and other.starts < one.over
        same = one.container is None or other.container is None or one.container == other.container
        blind = any(
            first.kind.blocks_push and second.kind.blocks_table for first, second in ((one, other), (other, one))
        )
        assert not (together and same and blind), f"{one} and {other}"


@pytest.mark.parametrize("seed", SEEDS)
def test_faults_of_one_container_do_not_overlap_unless_their_kind_says_so(seed: int) -> None:
    for one, other in combinations(full(seed), 2):
        alone = not one.kind.alongside and not other.kind.alongside and one.container is not None
        if alone and one.container == other.container:
            assert one.over <= other.starts or other.over <= one.starts


@pytest.mark.parametrize("seed", SEEDS)
def test_two_containers_are_never_gone_at_once(seed: int) -> None:
    processes = [fault for fault in full(seed) if fault.kind.where == "process"]
    for one, other in combinations(processes, 2):
        assert one.over <= other.starts or other.over <= one.starts


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_alone_comes_alone_and_as_often_as_it_fits(name: str) -> None:
    faults = plan(1, 180, 3, kinds_named(name))
    assert {fault.kind.name for fault in faults} == {name}
    assert len(faults) > 1


def test_a_kind_lasts_as_long_as_it_says() -> None:
    for fault in full(3):
        least, most = fault.kind.seconds
        assert least - 0.02 <= fault.ends - fault.starts <= most + 0.02


def test_what_does_not_fit_and_what_does_not_exist_are_told() -> None:
    with pytest.raises(PlanError, match="do not fit into 50 s"):
        plan(1, 50, 3, kinds_named("all"))
    with pytest.raises(PlanError, match="no fault is called sqs-melt"):
        kinds_named("kill, sqs-melt")
    with pytest.raises(PlanError, match="no fault is called"):
        kinds_named(" ")
