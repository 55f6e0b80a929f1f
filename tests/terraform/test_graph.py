"""What waits for what, as Terraform sees it: nothing is applied."""

from __future__ import annotations

import re

import pytest

from tests.terraform import tools

pytestmark = [pytest.mark.timeout(2_400), pytest.mark.slow("Terraform takes seconds")]

CLAIM = "aws_iam_role.schedules"
GUARD = "terraform_data.protection"
ADOPTED = {
    *("aws_sns_topic", "aws_sqs_queue", "aws_ecs_cluster", "aws_ecs_service", "aws_scheduler_schedule_group"),
    *("aws_lb", "aws_lb_target_group", "aws_cloudwatch_dashboard", "aws_cloudwatch_metric_alarm"),
    *("aws_appautoscaling_target", "aws_appautoscaling_policy"),
}
"""Types whose creation succeeds if there is one of the name: AWS returns the old one, or overwrites it."""


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Every managed resource, and all that it waits for. A destroy goes the other way."""
    folder = tools.initialised(tools.TERRAFORM, tmp_path_factory.mktemp("graph") / "terraform")
    said = tools.run(folder, "graph")
    direct: dict[str, set[str]] = {name: set() for name in re.findall(r'^ *"([^"]+)" \[label=', said, re.MULTILINE)}
    for name, other in re.findall(r'^ *"([^"]+)" -> "([^"]+)"', said, re.MULTILINE):
        direct[name].add(other)
    return {name: reached(direct, name) for name in direct if kind(name) not in ("data", "ephemeral")}


def reached(direct: dict[str, set[str]], name: str) -> set[str]:
    found: set[str] = set()
    todo = [name]
    while todo:
        new = direct[todo.pop()] - found
        found |= new
        todo += new
    return found


def kind(name: str) -> str:
    """`module.x.aws_lb.this`: `aws_lb`."""
    return re.sub(r"^(module\.\w+\.)*", "", name).partition(".")[0]


def test_a_protected_deployment_is_asked_before_anything_goes(graph: dict[str, set[str]]) -> None:
    assert len(graph) > 50
    assert graph.keys() - graph[GUARD] == {GUARD}, "depends_on of protection.tf lacks them"


def test_what_aws_would_adopt_waits_for_what_it_refuses(graph: dict[str, set[str]]) -> None:
    found = {name for name in graph if kind(name) in ADOPTED}
    assert {kind(name) for name in found} == ADOPTED
    assert {name for name in found if CLAIM not in graph[name]} == set(), (
        "they lack depends_on of the role, or of `claim`"
    )
