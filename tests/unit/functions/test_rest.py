"""The Lambda's entry point, with events as a Function URL sends them."""

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

from streamer.errors import SettingsError, UnexpectedEvent
from streamer.functions import rest
from streamer.functions.environment import load_settings
from streamer.local.provision import provision
from streamer.local.resources import Resources
from tests.daemon import PARENT, ROOT, listening, trace

SECRET = "a-gateway-secret-of-some-length"
EVENT = json.loads((Path(__file__).parents[1] / "function_url.json").read_text())
BALANCED: dict[str, Any] = json.loads((Path(__file__).parents[1] / "load_balancer.json").read_text())


@pytest.fixture
def resources(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Resources]:
    made = provision(endpoint, suffix="-rest")  # moto keeps one state for the whole process
    for key, value in (made.environment() | {"GATEWAY_SECRET": SECRET, "CORS_ORIGINS": "*"}).items():
        monkeypatch.setenv(key, value)
    root, loop = logging.getLogger(), asyncio.new_event_loop()
    handlers, level = root.handlers[:], root.level
    asyncio.set_event_loop(loop)  # Mangum's, one for an environment's whole life
    for cached in (load_settings, rest._mangum):
        cached.cache_clear()
    yield made
    for cached in (load_settings, rest._mangum):
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


def balanced(
    method: str, path: str, body: str = "", query: dict[str, list[str]] | None = None, **headers: str | list[str]
) -> dict[str, Any]:
    """As a load balancer makes it, whose target group passes all values of headers."""
    given = {name.replace("_", "-"): [value] if isinstance(value, str) else value for name, value in headers.items()}
    return BALANCED | {
        "httpMethod": method,
        "path": path,
        "multiValueQueryStringParameters": query or {},
        "multiValueHeaders": BALANCED["multiValueHeaders"] | given,
        "body": body,
    }


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
    stranger = rest.handler(request("GET", path, x_user_id="ada"), None)
    assert stranger["statusCode"] == 401, "without the secret anybody could say so"
    assert stranger["headers"]["www-authenticate"] == 'Gateway realm="sentiment-streamer"'
    head = rest.handler(request("HEAD", path, **ada), None)
    assert (head["statusCode"], head["body"]) == (200, "")
    assert head["headers"] == rest.handler(request("GET", path, **ada), None)["headers"]
    assert answer(request("DELETE", path, if_match="*", **ada)) == (204, None)


def test_a_load_balancer_writes_configurations(resources: Resources) -> None:
    ada: dict[str, Any] = {"x_user_id": "ada", "x_gateway_secret": SECRET, "content_type": "application/json"}
    body = json.dumps({"name": "Über", "tickers": ["NVDA"]})
    made = rest.handler(balanced("POST", "/api/v2/configurations", body, **ada), None)
    assert made["statusCode"] == 201
    assert "headers" not in made, "the load balancer reads one of the two"
    (path,), (etag,) = made["multiValueHeaders"]["location"], made["multiValueHeaders"]["etag"]
    change = balanced("PATCH", path, base64.b64encode(b'{"tickers":["F"]}').decode(), if_match=etag, **ada)
    assert answer(change | {"isBase64Encoded": True})[1]["tickers"] == ["F"]
    assert answer(balanced("PATCH", path, '{"tickers":["F"]}', if_match=etag, **ada))[0] == 412
    twice = ada | {"x_user_id": ["ada", "grace"]}
    assert answer(balanced("GET", path, **twice))[0] == 401, "of two users none is meant"
    assert answer(balanced("GET", path, x_user_id="ada"))[0] == 401
    assert answer(balanced("DELETE", path, if_match="*", **ada)) == (204, None)


def test_a_load_balancer_passes_parameters_and_hosts_as_they_are(resources: Resources) -> None:
    assert answer(balanced("GET", "/api/v2/sentiment", query={"limit": ["5"], "tickers": ["AAPL%2CMSFT"]}))[0] == 200
    assert answer(balanced("GET", "/api/v2/sentiment", query={"limit": ["5", "6"]}))[0] == 422
    for host in ("stream.example.com:8443", "10.0.0.1"):
        assert answer(balanced("GET", "/health/live", host=host))[0] == 200
    for host in ("[::1]:80", "a:b", "a:1:2", ""):
        assert rest.handler(balanced("GET", "/health/live", host=host), None)["statusCode"] == 400


def test_a_load_balancer_says_the_address_after_what_the_client_says(
    resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPERATOR_NETWORKS", "203.0.113.0/24")
    assert answer(balanced("GET", "/openapi.json"))[0] == 200
    for forged in ("203.0.113.7, 198.51.100.1", ["203.0.113.7", "198.51.100.1"], "203.0.113.7, unknown", ""):
        assert answer(balanced("GET", "/openapi.json", x_forwarded_for=forged))[0] == 404
    assert answer(request("GET", "/openapi.json"))[0] == 200, "a Function URL says it in the context"


def test_the_same_contracts_without_streams(resources: Resources) -> None:
    assert answer(request("GET", "/api/v2/sentiment", query="limit=5")) == (
        200,
        {"items": [], "cursor": None, "as_of": None},
    )
    status, series = answer(request("GET", "/api/v2/sentiment/series", query="tickers=AAPL"))
    assert (status, series["series"], series["as_of"]) == (200, [], None)
    status, counts = answer(request("GET", "/api/v2/metrics"))
    assert (status, counts["total"]) == (200, 0)
    assert answer(request("GET", "/health/live"))[0] == 200
    assert answer(request("GET", "/health/ready"))[0] == 200
    for path in ("/api/v2/stream", "/api/v2/stream/status", "/api/v2/configurations/chips/stream"):
        status, problem = answer(request("GET", path))
        assert status == 404
        assert answer(request("HEAD", path)) == (404, None)
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
        None,
        [],
        {},
        {"Records": []},
        {"version": "1.0", "requestContext": {}, "httpMethod": "GET"},
        {"version": "2.0", "requestContext": {"elb": {}}},
        {"prune": {}},
        {"prune": {"all": True}, "tf": {"action": "delete"}},
        {"version": "0", "source": "aws.events", "detail-type": "Scheduled Event", "detail": {}},
    ],
)
def test_what_it_is_not_for_is_refused_in_words(event: object) -> None:
    with pytest.raises(UnexpectedEvent, match="the REST function expects"):
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
