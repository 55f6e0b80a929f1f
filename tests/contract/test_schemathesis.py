"""schemathesis asks the running service whatever its description allows, and much that it does not.

No answer may be a 5xx, of an undescribed status or type, or unlike its schema; of a stream, which its lifetime ends
after a second, every event is held to its own. How it asks: schemathesis.toml beside this.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from streamer.web.stream import ITEM_SCHEMA
from tests.integration.pipeline import pipeline
from tests.integration.service import serving

CONFIG = Path(__file__).with_suffix(".toml").with_stem("schemathesis")
ADA = ("--header", "X-User-ID: ada")
NO_STREAM = ("--exclude-path", "/api/v2/stream")


def newer(served: dict[str, Any]) -> dict[str, Any]:
    """The document as OpenAPI 3.2, of which schemathesis knows that a stream's events have a schema."""
    for path in ("/api/v2/stream", "/api/v2/configurations/{config_id}/stream"):
        content = served["paths"][path]["get"]["responses"]["200"]["content"]["text/event-stream"]
        del content["schema"]  # of the whole body
        content["itemSchema"] = content.pop(ITEM_SCHEMA)
    return served | {"openapi": "3.2.0"}


async def asked(base: str, where: Path, *options: str) -> int:
    """How many requests it made, all of which were answered well."""
    where.mkdir()  # noqa: ASYNC240 - once, before anything waits
    async with httpx.AsyncClient(trust_env=False) as http:
        served = (await http.get(f"{base}/openapi.json")).json()
    document = where / "openapi.json"
    document.write_text(json.dumps(newer(served)))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG)),
        *("run", str(document), "--url", base),
        *options,
        cwd=where,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    said = output.decode()
    assert process.returncode == 0, said
    counted = re.search(r"(\d+) generated, (\d+) passed", said)
    assert counted is not None, said
    assert counted[1] == counted[2], said
    return int(counted[1])


@pytest.mark.slow("asks for a minute")
async def test_every_answer_of_the_running_service_is_a_described_one(tmp_path: Path) -> None:
    with pipeline() as resources:
        environment = resources.environment() | {"SSE_LIFETIME": "1", "TRUSTED_PROXIES": "127.0.0.0/8"}
        few, more = ("--max-examples", "10"), ("--max-examples", "30")
        async with serving(environment) as service:
            known, unknown, streams = await asyncio.gather(
                asked(service.base, tmp_path / "known", *ADA, *NO_STREAM, *more),
                asked(service.base, tmp_path / "unknown", *NO_STREAM, *few),
                asked(service.base, tmp_path / "streams", "--include-path", "/api/v2/stream", *few),
            )
        assert known > 300
        assert unknown > 200
        assert streams > 30
    assert not [line for line in service.log if line["level"] == "ERROR"], "it has stopped, so this is all of it"
