"""The dashboard and the alarms, as the real provider plans them: every metric exists, every price is counted, every
alarm has its entry in the runbook."""

from __future__ import annotations

import functools
import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from ingest_relay import metrics as relay
from streamer.local.aws import EmbeddedAws
from streamer.telemetry import catalogue
from tests.terraform import draw, tools

pytestmark = pytest.mark.slow("Terraform works for minutes")

MODULE = tools.TERRAFORM / "modules" / "observability"
RUNBOOK = Path(__file__).parents[2] / "docs" / "operations.md"

NAMESPACE = relay.NAMESPACE
PUBLISHED = catalogue.PUBLISHED | relay.PUBLISHED  # by the service, its reaper, and the relay

LAMBDA = {"FunctionName"}
TABLE = {"TableName"}
BALANCER = {"LoadBalancer"}
TARGETS = {"LoadBalancer", "TargetGroup"}
SERVICE = {"ClusterName", "ServiceName"}
AWS: dict[str, dict[str, tuple[set[str], ...]]] = {
    # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
    "AWS/Lambda": dict.fromkeys(
        ("Invocations", "Errors", "Throttles", "Duration", "IteratorAge", "ConcurrentExecutions"), (LAMBDA,)
    ),
    # https://docs.aws.amazon.com/sns/latest/dg/sns-monitoring-using-cloudwatch.html
    "AWS/SNS": dict.fromkeys(
        ("NumberOfMessagesPublished", "NumberOfNotificationsDelivered", "NumberOfNotificationsFailed"),
        ({"TopicName"},),
    ),
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
    "AWS/SQS": dict.fromkeys(("ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"), ({"QueueName"},)),
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html
    "AWS/DynamoDB": dict.fromkeys(
        ("ConsumedReadCapacityUnits", "ReadThrottleEvents", "WriteThrottleEvents"),
        (TABLE, TABLE | {"GlobalSecondaryIndexName"}),
    ),
    # https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
    "AWS/ApplicationELB": {
        "HTTPCode_ELB_5XX_Count": (BALANCER,),
        "HealthyHostCount": (TARGETS,),
    },
    # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/available-metrics.html
    "AWS/ECS": dict.fromkeys(("CPUUtilization", "MemoryUtilization"), (SERVICE,)),
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch-Logs-Monitoring-CloudWatch-Metrics.html
    "AWS/Logs": {"IncomingBytes": ({"LogGroupName"},)},
}
STATISTICS = {"Sum", "Average", "Minimum", "Maximum", "SampleCount", "p50", "p99"}

FARGATE: dict[str, Any] = {
    "name": "sentiment",
    "region": "us-east-1",
    "deployment": "fargate",
    "relay_function_name": "sentiment-relay",
    "rest_function_name": "sentiment-rest",
    "topic_name": "sentiment-changes",
    "sentiment_table_name": "sentiment",
    "sentiment_index_name": "by_sentiment",
    "users_table_name": "users",
    "failure_queue_name": "sentiment-relay-failures",
    "load_balancer_arn_suffix": "app/sentiment/50dc6c495c0c9188",
    "target_group_arn_suffix": "targetgroup/sentiment/73e2d6bc24d8a067",
    "cluster_name": "sentiment",
    "service_name": "streamer",
    "streamer_log_group_name": "/ecs/sentiment",
    "account_id": "111122223333",
    "alarms": {
        "topic_arns": ["arn:aws:sns:us-east-1:111122223333:on-call"],
        "page_topic_arns": ["arn:aws:sns:us-east-1:111122223333:page"],
        "ticket_topic_arns": ["arn:aws:sns:us-east-1:111122223333:ticket"],
    },
}
LAMBDA_MODE = {key: value for key, value in FARGATE.items() if "arn_suffix" not in key} | {
    "deployment": "lambda",
    "streaming_function_name": "sentiment-stream",
    "cluster_name": None,
    "service_name": None,
    "streamer_log_group_name": None,
}
OFFLINE = """
provider "aws" {
  region                      = "us-east-1"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
}
"""

Place = tuple[str, str, frozenset[tuple[str, str]]]
"""Of a metric: namespace, name, dimensions."""


@dataclass(frozen=True, slots=True)
class Planned:
    """What Terraform would make."""

    body: dict[str, Any]
    alarms: dict[str, dict[str, Any]]

    def graphs(self) -> Iterator[dict[str, Any]]:
        for widget in self.body["widgets"]:
            if widget["type"] == "metric":
                yield widget["properties"]

    def drawn(self) -> set[Place]:
        return {
            (line[0], line[1], frozenset(zip(line[2:-1:2], line[3:-1:2], strict=True)))
            for graph in self.graphs()
            for line in graph["metrics"]
            if len(line) > 1
        }

    def watched(self) -> Iterator[tuple[str, Place]]:
        for name, alarm in self.alarms.items():
            inner = [query["metric"][0] for query in alarm["metric_query"] if query["metric"]]
            for metric in inner or [alarm]:
                yield name, (metric["namespace"], metric["metric_name"], frozenset(metric["dimensions"].items()))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tools.initialised(MODULE, tmp_path_factory.mktemp("terraform") / "observability")
    (copy / "offline_override.tf").write_text(OFFLINE)
    return copy


@pytest.fixture(
    scope="module",
    params=itertools.product((FARGATE, LAMBDA_MODE), (True, False)),
    ids=lambda chosen: f"{chosen[0]['deployment']}-{'own' if chosen[1] else 'aws'}-metrics",
)
def case(request: pytest.FixtureRequest) -> tuple[str, bool]:
    variables, own = request.param
    return variables["deployment"], own


@pytest.fixture
def planned(folder: Path, case: tuple[str, bool]) -> Planned:
    return _planned(folder, *case)


@functools.cache
def _planned(folder: Path, deployment: str, own: bool) -> Planned:
    chosen = (FARGATE if deployment == "fargate" else LAMBDA_MODE) | {"metrics_enabled": own}
    (folder / "chosen.tfvars.json").write_text(json.dumps(chosen))
    tools.run(folder, "plan", "-input=false", "-var-file=chosen.tfvars.json", "-out=chosen.tfplan")
    shown = json.loads(tools.run(folder, "show", "-json", "chosen.tfplan"))
    resources = shown["planned_values"]["root_module"]["resources"]
    (board,) = (resource["values"] for resource in resources if resource["type"] == "aws_cloudwatch_dashboard")
    return Planned(
        json.loads(board["dashboard_body"]),
        {
            resource["index"]: resource["values"]
            for resource in resources
            if resource["type"] == "aws_cloudwatch_metric_alarm"
        },
    )


def test_widgets_fit_the_grid_and_never_overlap(planned: Planned) -> None:
    taken: set[tuple[int, int]] = set()
    for widget in planned.body["widgets"]:
        assert widget["x"] + widget["width"] <= 24, widget
        cells = set(
            itertools.product(
                range(widget["x"], widget["x"] + widget["width"]), range(widget["y"], widget["y"] + widget["height"])
            )
        )
        assert cells
        assert not cells & taken, widget
        taken |= cells


def test_every_graph_says_what_when_and_where(planned: Planned) -> None:
    for graph in planned.graphs():
        assert graph["title"]
        assert graph["region"] == "us-east-1"
        assert graph["period"] in {60, 300, 3600}
        assert graph["stat"] in STATISTICS
        assert graph["view"] in {"timeSeries", "singleValue"}
        metrics = [line for line in graph["metrics"] if len(line) > 1]
        expressions = [line[0] for line in graph["metrics"] if len(line) == 1]
        assert all(len(line) % 2 == 1 for line in metrics), "namespace, name, pairs of dimension and value, options"
        assert {line[-1]["stat"] for line in metrics} <= STATISTICS
        ids = [line[-1]["id"] for line in metrics if "id" in line[-1]]
        assert len(ids) == len(set(ids))
        assert all(re.fullmatch("[a-z][A-Za-z0-9_]*", name) for name in ids)
        used = {name for line in expressions for name in re.findall("[a-z]+", line["expression"])}
        assert used == set(ids), "an expression needs its metrics, and a metric with an id is there for one"
        labels = [line[-1].get("label") for line in graph["metrics"] if line[-1].get("visible", True)]
        assert labels
        assert all(labels)
        assert len(labels) == len(set(labels))


def test_it_can_be_drawn(planned: Planned) -> None:
    assert draw.page(planned.body).count('<div class="widget') == len(planned.body["widgets"])


def test_every_text_says_something(planned: Planned) -> None:
    texts = [widget for widget in planned.body["widgets"] if widget["type"] == "text"]
    assert texts
    assert all(widget["properties"]["markdown"].strip() for widget in texts)


def test_the_top_answers_the_three_questions_and_then_shows_alarms_errors_and_warnings(
    planned: Planned, case: tuple[str, bool]
) -> None:
    widgets = sorted(planned.body["widgets"], key=lambda widget: (widget["y"], widget["x"]))
    head, question, *rest = widgets
    assert (head["type"], question["properties"]["markdown"]) == (
        "text",
        "## Do users get events, how late, since when not?",
    )
    answers = [said.get("title") or said["markdown"].lstrip("*") for said in (each["properties"] for each in rest[:3])]
    assert [re.match(r"[A-Za-z ]+\?", title).group() for title in answers] == [  # type: ignore[union-attr]
        "Do users get events?",
        "How late?",
        "Since when not?",
    ]
    assert len({widget["y"] for widget in rest[:3]}) == 1
    alarms, errors, warnings = rest[3:6]
    assert {alarms["type"], errors["type"], warnings["type"]} == {"alarm", "log"}
    assert sorted(alarms["properties"]["alarms"]) == sorted(
        f"arn:aws:cloudwatch:us-east-1:111122223333:alarm:{alarm['alarm_name']}" for alarm in planned.alarms.values()
    )
    streams = "/ecs/sentiment" if case[0] == "fargate" else "/aws/lambda/sentiment-stream"
    for level, widget in (("ERROR", errors), ("WARNING", warnings)):
        parts = widget["properties"]["query"].split(" | ")
        groups = [part.removeprefix("SOURCE ").strip("'") for part in parts if part.startswith("SOURCE ")]
        assert sorted(groups) == sorted(["/aws/lambda/sentiment-relay", "/aws/lambda/sentiment-rest", streams])
        assert [part.split(" ")[0] for part in parts[len(groups) :]] == ["fields", "filter", "sort", "limit"]
        assert f"'{level}'" in widget["properties"]["query"]


def test_each_metric_is_one_that_somebody_publishes(planned: Planned, case: tuple[str, bool]) -> None:
    places = planned.drawn() | {place for _, place in planned.watched()}
    for namespace, name, dimensions in places:
        if namespace == NAMESPACE:
            assert name in PUBLISHED
            assert dimensions == {("Deployment", "sentiment")}
        else:
            assert {key for key, _ in dimensions} in AWS[namespace][name], (namespace, name)
            assert all(value for _, value in dimensions)
    assert any(namespace == NAMESPACE for namespace, _, _ in places) is case[1]


def test_the_dashboard_stays_among_the_three_that_cost_nothing(planned: Planned) -> None:
    """They are free as long as each names at most 50 metrics."""
    assert len(planned.drawn()) <= 50


def test_each_alarm_says_what_silence_means_and_where_to_read_on(planned: Planned) -> None:
    assert planned.alarms
    for name, alarm in planned.alarms.items():
        assert alarm["alarm_name"] == f"sentiment-{name}"
        assert alarm["treat_missing_data"] in {"breaching", "notBreaching"}
        assert f"Without data: {alarm['treat_missing_data']}, since " in alarm["alarm_description"]
        assert alarm["alarm_description"].endswith(f"docs/operations.md#alarm-{name}")
        assert len(alarm["alarm_description"]) <= 1024, "CloudWatch takes no more"
        topics = {f"arn:aws:sns:us-east-1:111122223333:{topic}" for topic in ("on-call", alarm["tags"]["class"])}
        assert set(alarm["alarm_actions"]) == set(alarm["ok_actions"]) == topics
        assert alarm["alarm_description"].startswith({"page": "Page. ", "ticket": "Ticket. "}[alarm["tags"]["class"]])
        assert 1 <= alarm["datapoints_to_alarm"] <= alarm["evaluation_periods"]
        periods = [query["metric"][0]["period"] for query in alarm["metric_query"] if query["metric"]]
        (period,) = set(periods or [alarm["period"]])
        assert period * alarm["evaluation_periods"] <= 86_400, "CloudWatch looks back a day at most"


def test_an_alarm_on_several_metrics_uses_each(planned: Planned) -> None:
    for alarm in planned.alarms.values():
        if alarm["metric_query"]:
            (result,) = (query for query in alarm["metric_query"] if query["return_data"])
            inner = {query["id"] for query in alarm["metric_query"] if not query["return_data"]}
            assert set(re.findall("[a-z]+", result["expression"])) == inner


def test_the_price_of_the_alarms_is_what_is_planned(planned: Planned, case: tuple[str, bool]) -> None:
    """$0.10 for each metric that an alarm watches."""
    metrics = len(list(planned.watched()))
    price = f"${metrics / 10:.2f} ({len(planned.alarms)} alarms, {metrics} metrics)"
    deployment, own = case
    described = re.sub(r"\s+", " ", (MODULE / "variables.tf").read_text())
    begin = {"fargate": "Fargate ", "lambda": "Lambda "}[deployment]
    assert re.search(
        re.escape(begin) + ("" if own else r"[^;]*, without the service's own metrics ") + re.escape(price), described
    )


def test_the_price_of_the_metrics_is_what_the_catalogue_publishes() -> None:
    count = len(PUBLISHED)
    assert f"{count} metrics of $0.30 a month, ${count * 0.3:.2f}" in (MODULE / "variables.tf").read_text()


def test_each_alarm_has_its_entry_in_the_runbook_and_no_other_has(folder: Path) -> None:
    planned = {deployment: _planned(folder, deployment, True).alarms for deployment in ("fargate", "lambda")}
    named = {name for alarms in planned.values() for name in alarms}
    entries = re.split(r"^#+ Alarm: (.+)$", RUNBOOK.read_text(), flags=re.MULTILINE)[1:]
    texts = dict(zip((title.replace(" ", "-") for title in entries[::2]), entries[1::2], strict=True))
    assert texts.keys() == named
    for name, text in texts.items():
        for part in ("It means", "Users see", "Look at", "Do"):
            assert f"**{part}**" in text, (name, part)
        classes = {alarms[name]["tags"]["class"] for alarms in planned.values() if name in alarms}
        assert all(kind.capitalize() in text.strip().splitlines()[0] for kind in classes), (name, classes)


def test_the_runbook_counts_the_same_prices(folder: Path) -> None:
    text = RUNBOOK.read_text()
    watched = len(list(_planned(folder, "fargate", True).watched()))
    assert f"{len(PUBLISHED)} × $0.30" in text
    assert f"{watched} × $0.10" in text


def test_the_modules_own_tests_pass(folder: Path) -> None:
    tools.run(folder, "test")


def test_the_module_is_formatted_and_valid(folder: Path) -> None:
    tools.run(MODULE, "fmt", "-check", "-recursive", "-diff")
    tools.run(folder, "validate")


def test_what_is_applied_reads_back_and_plans_to_nothing(tmp_path: Path) -> None:
    copy = tools.initialised(MODULE, tmp_path / "observability")
    (copy / "terraform.tfvars.json").write_text(json.dumps(FARGATE | {"metrics_enabled": True}))
    with EmbeddedAws() as aws:
        reached = {"AWS_ENDPOINT_URL": aws.endpoint_url, "AWS_REGION": "us-east-1"}
        tools.run(copy, "apply", "-auto-approve", "-input=false", environment=reached)
        cloudwatch = boto3.client("cloudwatch", endpoint_url=aws.endpoint_url, region_name="us-east-1")
        body = json.loads(cloudwatch.get_dashboard(DashboardName="sentiment")["DashboardBody"])
        alarms = {alarm["AlarmName"]: alarm for alarm in cloudwatch.describe_alarms()["MetricAlarms"]}
        tools.run(copy, "plan", "-detailed-exitcode", "-input=false", environment=reached)
        tools.run(copy, "destroy", "-auto-approve", "-input=false", environment=reached)
        assert cloudwatch.describe_alarms()["MetricAlarms"] == []
    assert body["widgets"]
    assert alarms["sentiment-late"]["ExtendedStatistic"] == "p99"
    assert alarms["sentiment-late"]["Threshold"] == 3000
    assert alarms["sentiment-no-metrics"]["TreatMissingData"] == "breaching"
    assert [query["Id"] for query in alarms["sentiment-not-pushing"]["Metrics"] if query.get("ReturnData")] == [
        "result"
    ]
