"""The description is complete, current, and says of every event what the code sends."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest
from fastapi import FastAPI
from starlette.datastructures import Headers, QueryParams
from starlette.routing import Route

from streamer.errors import RequestError
from streamer.sse import events
from streamer.web import openapi
from streamer.web.app import _CLIENT, _CLIENT_TYPES, RestPart, create_app
from streamer.web.health import Readiness
from streamer.web.parameters import documented_parameters, parse
from streamer.web.stream import StreamPart
from tests.contract.examples import EXAMPLES
from tests.integration.rig import Nobody, NoSnapshot, running

FILE = Path(__file__).parents[2] / "docs" / "openapi.json"


def application(*, streams: bool = True) -> FastAPI:
    """All routes, whose handlers have nothing behind them."""
    nothing: Any = None
    rest = RestPart(Nobody(), None, NoSnapshot(), nothing, NoSnapshot())
    part = StreamPart(nothing, dict, 900, nothing, nothing, nothing) if streams else None
    app: Any = create_app(rest, part, readiness=lambda: Readiness(True, ""))
    while not isinstance(app, FastAPI):
        app = app.app
    return app


DOCUMENT = openapi.document(application())
FILES = {f"/{path.name}" for path in _CLIENT.iterdir() if path.suffix in _CLIENT_TYPES}
BESIDE = {"/", "/page/{name}", "/page/session.json", "/openapi.json", *FILES}
"""Pages and files, which are no part of the API."""


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            if method != "parameters":
                yield path, method.upper(), operation


def schema(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}


def test_docs_openapi_json_is_current() -> None:
    current = openapi.write(DOCUMENT)
    if FILE.read_text() != current:
        FILE.write_text(current)
        pytest.fail("docs/openapi.json was not current: it is now; commit it")


async def test_it_is_served_with_a_page_that_needs_no_other_site() -> None:
    async with running() as rig, httpx.AsyncClient(base_url=rig.base, trust_env=False) as http:
        assert (await http.get("/openapi.json")).json() == DOCUMENT
        page = await http.get("/docs")
        assert page.status_code == 200
        assert page.headers["content-type"].startswith("text/html")
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "'unsafe-inline'" not in policy.partition("script-src")[2].partition(";")[0]
        assert "http" not in policy
        assets = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        assert len(assets) == 4
        for asset in assets:
            assert not asset.startswith(("http:", "https:", "//"))
            answer = await http.get(f"/{asset}")
            assert answer.status_code == 200
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert len(answer.content) > 50


@pytest.mark.parametrize("streams", [True, False])
def test_every_route_is_described_and_nothing_else(streams: bool) -> None:
    if streams:
        described = {(path, method) for path, method, _ in operations()}
        served = set(_routes())
        assert described == served
    else:
        assert set(openapi.document(application(streams=False))["paths"]) == {
            path for path in DOCUMENT["paths"] if "stream" not in path
        }


def _routes() -> Iterator[tuple[str, str]]:
    for route in application().routes:
        if isinstance(route, Route) and route.path not in BESIDE and not route.path.startswith("/docs"):
            # HEAD is GET without its content (RFC 9110, section 9.3.2), and described with it.
            yield from ((route.path, method) for method in (route.methods or set()) - {"HEAD"})


@pytest.mark.parametrize("name", [event.name for event in events.Event.__subclasses__()])
def test_each_event_s_example_is_valid_by_its_schema(name: str) -> None:
    described = DOCUMENT["paths"]["/api/v2/stream"]["get"]["responses"]["200"]["content"]["text/event-stream"]
    (event,) = (item for item in described["x-itemSchema"]["oneOf"] if item["title"] == name)
    frame = EXAMPLES[name].decode()
    data = json.loads(frame.partition("data: ")[2])
    kind = event["properties"]["data"]["contentSchema"]["$ref"].rpartition("/")[2]
    jsonschema_rs.validator_for(schema(kind)).validate(data)
    fields = dict(line.split(": ", 1) for line in frame.splitlines() if line)
    jsonschema_rs.validator_for(event | {"components": DOCUMENT["components"]}).validate(
        {name: int(value) if name == "retry" else value for name, value in fields.items()}
    )
    if name == "closing":  # a client that has no place is told none
        assert "id" not in event["required"]
    else:
        assert ("id" in event["required"]) == frame.startswith("id:")
    for member in data:
        with pytest.raises(jsonschema_rs.ValidationError):
            jsonschema_rs.validator_for(schema(kind)).validate({k: v for k, v in data.items() if k != member})
    with pytest.raises(jsonschema_rs.ValidationError):
        jsonschema_rs.validator_for(schema(kind)).validate(data | {"more": 1})


def test_every_answer_has_an_example_that_is_valid() -> None:
    for _, _, operation in operations():
        answers = [*operation["responses"].values(), operation.get("requestBody", {})]
        for answer in answers:
            for kind, content in answer.get("content", {}).items():
                if kind != "text/event-stream":
                    name = content["schema"]["$ref"].rpartition("/")[2]
                    jsonschema_rs.validator_for(schema(name)).validate(content["example"])


def test_every_reference_leads_somewhere() -> None:
    text = openapi.write(DOCUMENT)
    for kind, name in re.findall(r'"#/components/(\w+)/([\w-]+)"', text):
        assert name in DOCUMENT["components"][kind]
    for kind in ("schemas", "headers"):
        for name in DOCUMENT["components"][kind]:
            assert f'"#/components/{kind}/{name}"' in text, f"{name} is not used"


def test_its_text_has_no_raw_control_characters() -> None:
    text = FILE.read_text().replace("\n", "")
    assert not [character for character in text if unicodedata.category(character) in {"Cc", "Zl", "Zp"}]


def test_every_route_says_who_may_use_it() -> None:
    public = {path for path, _, operation in operations() if operation["security"] == []}
    assert public == {path for path in DOCUMENT["paths"] if "/configurations" not in path}
    for path, method, operation in operations():
        assert ("401" in operation["responses"]) == bool(operation["security"]), (path, method)


@pytest.mark.parametrize("history", [900, 3600])
def test_the_largest_replay_is_described_and_the_refusal_of_more_says_it(history: int) -> None:
    (replay,) = (each for each in documented_parameters(history) if each["name"] == "replay")
    largest = replay["schema"]["maximum"]
    start = parse(QueryParams(f"replay={largest}"), Headers({}), history).start
    assert start.replay_ms == history * 1000
    with pytest.raises(RequestError, match=f"the history has {history} seconds; give at most this number"):
        parse(QueryParams(f"replay={largest + 1}"), Headers({}), history)
    (served,) = (each for each in DOCUMENT["paths"]["/api/v2/stream"]["get"]["parameters"] if each["name"] == "replay")
    assert served["schema"]["maximum"] == 900
