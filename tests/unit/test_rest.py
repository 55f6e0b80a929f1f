"""The Lambda's entry point, with events as a Function URL and a schedule send them."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from streamer import aws, rest
from streamer.change import iso_time
from streamer.clock import wall_ms
from streamer.errors import SettingsError
from streamer.intake.lease import HEARTBEAT_TAG, SERVICE, SERVICE_TAG, TOPIC_TAG
from streamer.local.provision import provision
from streamer.local.resources import Resources
from tests.daemon import PARENT, ROOT, listening, trace
from tests.moto_in_process import moto_in_process

SECRET = "a-gateway-secret-of-some-length"
EVENT = json.loads((Path(__file__).with_name("function_url.json")).read_text())


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with moto_in_process() as url:
        yield url


@pytest.fixture
def resources(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Resources]:
    made = provision(endpoint, suffix="-rest")  # moto keeps one state for the whole process
    for key, value in (made.environment() | {"GATEWAY_SECRET": SECRET, "CORS_ORIGINS": "*"}).items():
        monkeypatch.setenv(key, value)
    root, loop = logging.getLogger(), asyncio.new_event_loop()
    handlers, level = root.handlers[:], root.level
    asyncio.set_event_loop(loop)  # Mangum's, one for an environment's whole life
    for cached in (rest._settings, rest._served):
        cached.cache_clear()
    yield made
    for cached in (rest._settings, rest._served):
        cached.cache_clear()
    asyncio.set_event_loop(None)
    loop.close()
    root.handlers[:], root.level = handlers, level


def request(method: str, path: str, body: str | bytes | None = None, query: str = "", **headers: str) -> dict[str, Any]:
    """As a Function URL makes it."""
    http = EVENT["requestContext"]["http"] | {"method": method, "path": path}
    event: dict[str, Any] = EVENT | {
        "rawPath": path,
        "rawQueryString": query,
        "headers": EVENT["headers"] | {name.replace("_", "-"): value for name, value in headers.items()},
        "requestContext": EVENT["requestContext"] | {"http": http},
    }
    if body is not None:
        binary = isinstance(body, bytes)
        event["body"] = base64.b64encode(body).decode() if isinstance(body, bytes) else body
        event["isBase64Encoded"] = binary
    return event


def answer(event: dict[str, Any]) -> tuple[int, Any]:
    """Status and decoded body; it is plain text, no envelope."""
    given = rest.handler(event, None)
    assert given["isBase64Encoded"] is False
    return given["statusCode"], json.loads(given["body"]) if given["body"] else None


def test_a_configuration_from_its_making_to_its_end(resources: Resources) -> None:
    ada = {"x_user_id": "ada", "x_gateway_secret": SECRET}
    body = json.dumps({"name": "Silicon", "tickers": ["NVDA"]})
    made = rest.handler(request("POST", "/api/v2/configurations", body, content_type="application/json", **ada), None)
    assert made["statusCode"] == 201
    assert made["headers"]["etag"] == json.loads(made["body"])["etag"]
    path = made["headers"]["location"]
    status, problem = answer(request("DELETE", path, **ada))
    assert (status, problem["status"]) == (428, 428)
    change = request(
        "PATCH", path, b'{"tickers":["F"]}', content_type="application/json", if_match=made["headers"]["etag"], **ada
    )
    assert answer(change)[1]["tickers"] == ["F"]
    assert answer(change)[0] == 412
    assert answer(request("GET", path, **(ada | {"x_user_id": "grace"})))[0] == 404
    assert answer(request("GET", path, x_user_id="ada"))[0] == 401, "without the secret anybody could say so"
    assert answer(request("DELETE", path, if_match="*", **ada)) == (204, None)


def test_the_same_contracts_without_streams(resources: Resources) -> None:
    assert answer(request("GET", "/api/v2/sentiment", query="limit=5")) == (200, {"items": [], "cursor": None})
    status, counts = answer(request("GET", "/api/v2/metrics"))
    assert (status, counts["total"]) == (200, 0)
    assert answer(request("GET", "/health/live"))[0] == 200
    assert answer(request("GET", "/health/ready"))[0] == 200
    for path in ("/api/v2/stream", "/api/v2/stream/status", "/api/v2/configurations/chips/stream"):
        status, problem = answer(request("GET", path))
        assert status == 404
        assert "streaming service" in problem["detail"]
    status, document = answer(request("GET", "/openapi.json"))
    assert status == 200
    assert not [path for path in document["paths"] if "stream" in path]
    refused = rest.handler(request("GET", "/nowhere", origin="https://a.example"), None)
    assert refused["headers"]["access-control-allow-origin"] == "*"


def test_a_table_that_is_away_is_a_503(resources: Resources, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    given = rest.handler(request("GET", "/api/v2/sentiment"), None)
    assert (given["statusCode"], given["headers"]["retry-after"]) == (503, "5")


@pytest.mark.parametrize(
    "event",
    [
        {"prune": {}},
        {"prune": {"dry_run": True, "limit": 5}},
        {"version": "0", "source": "aws.events", "detail-type": "Scheduled Event", "detail": {}},
    ],
)
def test_a_schedule_runs_the_reaper(resources: Resources, event: dict[str, Any]) -> None:
    clients = aws.connect(1)
    queue = f"sentiment-stream-{'0' * 8}-0000-4000-8000-{'0' * 12}"
    tags = {SERVICE_TAG: SERVICE, TOPIC_TAG: resources.topic_arn, HEARTBEAT_TAG: "2020-01-01T00:00:00.000Z"}
    url = clients.sqs.create_queue(QueueName=queue, tags=tags)["QueueUrl"]
    report = rest.handler(event, None)
    outcome = "would_be_removed" if event.get("prune", {}).get("dry_run") else "removed"
    assert (report[outcome], report["failed"]) == (1, 0)
    assert report["fates"][0]["name"] == queue
    there = url in clients.sqs.list_queues().get("QueueUrls", [])
    assert there == (outcome == "would_be_removed")
    if there:
        clients.sqs.delete_queue(QueueUrl=url)
    clients.close()


@pytest.mark.parametrize(("action", "left"), [("create", 1), ("update", 1), ("delete", 0)])
def test_terraform_takes_the_living_queues_with_it_when_it_destroys(
    resources: Resources, action: str, left: int
) -> None:
    """The event is that of `aws_lambda_invocation` with `lifecycle_scope = "CRUD"`."""
    clients = aws.connect(1)
    queue = f"sentiment-stream-{'0' * 8}-0000-4000-8000-{'1' * 12}"
    heartbeat = iso_time(wall_ms())
    tags = {SERVICE_TAG: SERVICE, TOPIC_TAG: resources.topic_arn, HEARTBEAT_TAG: heartbeat}
    url = clients.sqs.create_queue(QueueName=queue, tags=tags)["QueueUrl"]
    rest.handler({"prune": {}, "tf": {"action": action, "prev_input": None}}, None)
    there = clients.sqs.list_queues(QueueNamePrefix=queue).get("QueueUrls", [])
    assert len(there) == left
    if there:
        clients.sqs.delete_queue(QueueUrl=url)
    clients.close()


@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        {},
        {"Records": []},
        {"version": "1.0", "requestContext": {}, "httpMethod": "GET"},
        {"version": "2.0", "requestContext": {"elb": {}}},
        {"prune": None},
        {"prune": {"all": 1}},
        {"prune": {"everything": True}},
        {"prune": {"limit": 0}},
        {"prune": {"limit": True}},
        {"prune": {"dry_run": 1}},
    ],
)
def test_what_it_is_not_for_is_refused_in_words(event: object) -> None:
    with pytest.raises(rest.UnexpectedEvent, match="REST expects"):
        rest.handler(event, None)


def test_a_body_cannot_pretend_to_be_a_schedule(resources: Resources) -> None:
    forged = request("POST", "/", json.dumps({"prune": {}, "source": "aws.events"}), content_type="application/json")
    assert answer(forged)[0] == 404


def test_a_mistake_in_the_settings_is_not_kept(resources: Resources, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SENTIMENT_TABLE")
    with pytest.raises(SettingsError):
        rest.handler(request("GET", "/health/live"), None)
    monkeypatch.setenv("SENTIMENT_TABLE", resources.sentiment_table)
    assert answer(request("GET", "/health/live"))[0] == 200


def test_a_run_of_the_reaper_is_a_line_of_metrics(
    resources: Resources, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("METRICS", "emf")
    monkeypatch.setenv("DEPLOYMENT_NAME", "prod")
    clients = aws.connect(1)
    for number, beaten in enumerate(("2020-01-01T00:00:00.000Z", "2999-01-01T00:00:00.000Z")):
        clients.sqs.create_queue(
            QueueName=f"sentiment-stream-{number}0000000-0000-4000-8000-{'0' * 12}",
            tags={SERVICE_TAG: SERVICE, TOPIC_TAG: resources.topic_arn, HEARTBEAT_TAG: beaten},
        )
    rest.handler({"prune": {}}, None)
    line = json.loads(capsys.readouterr().out)
    rest.handler({"prune": {"all": True}}, None)
    clients.close()
    assert line["Deployment"] == "prod"
    assert {name: count for name, count in line.items() if name.startswith(("queues_", "subscriptions_"))} == {
        "queues_found": 2,
        "queues_dead": 1,
        "queues_removed": 1,
        "queues_failed": 0,
        "subscriptions_removed": 0,
    }


def test_a_request_is_a_subsegment_of_the_invocation(resources: Resources, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACING", "xray")
    with listening() as daemon:
        monkeypatch.setenv("AWS_XRAY_DAEMON_ADDRESS", daemon.address)
        for sampled in ("1", "0"):
            monkeypatch.setenv("_X_AMZN_TRACE_ID", trace(sampled))
            answer(request("GET", "/api/v2/configurations/secret", x_user_id="secret", x_gateway_secret=SECRET))
        (subsegment,) = daemon.documents()
    assert (subsegment["type"], subsegment["trace_id"], subsegment["parent_id"]) == ("subsegment", ROOT, PARENT)
    assert subsegment["annotations"] == {
        "kind": "request",
        "method": "GET",
        "route": "/api/v2/configurations/{config_id}",
        "status": 404,
    }
    assert "secret" not in json.dumps(subsegment)


def test_its_import_is_quick() -> None:
    code = (
        "import sys, streamer.rest\n"
        "print(sorted({'boto3', 'botocore', 'fastapi', 'mangum', 'pydantic', 'asyncio'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
