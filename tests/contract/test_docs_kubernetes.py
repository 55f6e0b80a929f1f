"""docs/kubernetes.yaml fits the service: its settings, paths, port, user, and the times of its end."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]  # its annotations are a package of their own

from streamer import settings
from streamer.telemetry.catalogue import GAUGES

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "kubernetes.yaml").read_text()
MANIFESTS: dict[str, dict[str, Any]] = {each["kind"]: each for each in yaml.safe_load_all(TEXT)}
POD: dict[str, Any] = MANIFESTS["Deployment"]["spec"]["template"]["spec"]
CONTAINER: dict[str, Any] = POD["containers"][0]
ENVIRONMENT: dict[str, str] = MANIFESTS["ConfigMap"]["data"] | MANIFESTS["Secret"]["stringData"]
OF_BOTO3 = {"AWS_REGION", "AWS_DEFAULT_REGION"}


def test_the_settings_are_ours_and_valid() -> None:
    assert set(ENVIRONMENT) - OF_BOTO3 <= set(settings.keys())
    filled = {
        "CHANGES_TOPIC_ARN": "arn:aws:sns:eu-west-1:111122223333:sentiment-changes", "QUEUE_PREFIX": "sentiment-stream",
        "SENTIMENT_TABLE": "items", "USERS_TABLE": "users", "FORWARDING_PROXIES": "10.0.0.0/16",
        "TICKET_SECRET": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:tickets-abcdef",
        "METRICS_TOKEN": "sixteen-characters",
    }  # fmt: skip
    given = {name: value for name, value in ENVIRONMENT.items() if not value.startswith("<")}
    read = settings.read(given | filled)
    assert read.host == "0.0.0.0"  # noqa: S104 - of a container
    assert read.port == CONTAINER["ports"][0]["containerPort"]
    assert {name for name, value in ENVIRONMENT.items() if value.startswith("<")} - OF_BOTO3 == set(filled)


def test_each_placeholder_of_terraform_is_an_output() -> None:
    outputs = re.findall(r'^output "(\w+)"', (ROOT / "terraform" / "outputs.tf").read_text(), re.MULTILINE)
    named = re.findall(r"terraform output (?:-raw )?(\w+)", TEXT + (ROOT / "docs" / "kubernetes.md").read_text())
    assert named
    assert set(named) <= set(outputs)


def test_the_probes_ask_what_the_service_answers() -> None:
    paths = json.loads((ROOT / "docs" / "openapi.json").read_text())["paths"]
    asked = {probe: CONTAINER[probe]["httpGet"]["path"] for probe in ("readinessProbe", "livenessProbe")}
    assert asked == {"readinessProbe": "/health/ready", "livenessProbe": "/health/live"}
    assert set(asked.values()) <= set(paths)


def test_a_pod_has_the_time_that_its_end_takes() -> None:
    slept = CONTAINER["lifecycle"]["preStop"]["sleep"]["seconds"]
    fargate = (ROOT / "terraform" / "modules" / "fargate" / "main.tf").read_text()
    [released] = re.findall(r"stop_timeout = var.drain_window \+ (\d+)", fargate)
    assert POD["terminationGracePeriodSeconds"] == slept + int(ENVIRONMENT["SSE_DRAIN_WINDOW"]) + int(released)


def test_it_runs_as_the_image_does() -> None:
    [user] = re.findall(r"^USER (\d+):", (ROOT / "docker" / "Dockerfile").read_text(), re.MULTILINE)
    assert POD["securityContext"]["runAsUser"] == int(user)
    assert CONTAINER["securityContext"]["readOnlyRootFilesystem"] is True
    assert POD["enableServiceLinks"] is False


def test_it_scales_by_a_metric_that_there_is_and_before_pods_are_full() -> None:
    [streams] = [each["pods"] for each in MANIFESTS["HorizontalPodAutoscaler"]["spec"]["metrics"] if "pods" in each]
    assert streams["metric"]["name"].removeprefix("sentiment_streamer_") in {gauge.name for gauge in GAUGES}
    assert int(streams["target"]["averageValue"]) < int(ENVIRONMENT["SSE_MAX_CONNECTIONS"])


def test_each_part_selects_the_pods() -> None:
    labels = MANIFESTS["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert MANIFESTS["Service"]["spec"]["selector"] == labels
    assert MANIFESTS["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    assert MANIFESTS["Deployment"]["spec"]["selector"]["matchLabels"] == labels
    assert POD["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"] == labels
    assert POD["serviceAccountName"] == MANIFESTS["ServiceAccount"]["metadata"]["name"]
