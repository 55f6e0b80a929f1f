"""One execution environment: the adapter's process before a service that listens already."""

from __future__ import annotations

import asyncio
import copy
import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from streamer.clock import wall_ms
from tests.browser.tools import tool
from tests.lambda_adapter.runtime_api import Invocation, RuntimeApi, runtime_api

EVENT: dict[str, Any] = json.loads((Path(__file__).parents[1] / "unit" / "function_url.json").read_text())
FUNCTION = "sentiment-stream"


def adapter() -> str:
    """The path of the adapter's binary, or a skip."""
    named = os.environ.get("LAMBDA_ADAPTER")
    found = named if named is not None and os.access(named, os.X_OK) else None
    return tool("lambda-adapter", found, "none; name its binary by LAMBDA_ADAPTER, as docker/ has it in the image")


def request(
    path: str, query: str = "", headers: Mapping[str, str] | None = None, *, iam: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The event that a Function URL makes of a request (payload 2.0). `iam`: who has signed it."""
    event = copy.deepcopy(EVENT)
    event |= {"rawPath": path, "rawQueryString": query}
    event["headers"] |= headers or {}
    event["requestContext"]["http"] |= {"path": path}
    if iam is not None:
        event["requestContext"]["authorizer"] = {"iam": iam}
    return event


class Environment:
    """Where a function runs."""

    def __init__(self, api: RuntimeApi) -> None:
        self.api = api

    def invoke(self, event: dict[str, Any], *, seconds: float = 900) -> Invocation:
        """Invokes it; the platform would end it after so many seconds."""
        return self.api.invoke(event, wall_ms() + round(seconds * 1000))


@asynccontextmanager
async def environment(port: int) -> AsyncIterator[Environment]:
    """Starts the adapter before a service on this port, and waits until it asks for its first invocation. At the end
    it is asked for no more than it was invoked for, and one."""
    binary = adapter()
    async with runtime_api() as api:
        process = await asyncio.create_subprocess_exec(
            binary,
            env={
                "AWS_LAMBDA_RUNTIME_API": api.address,
                "AWS_LAMBDA_FUNCTION_NAME": FUNCTION,
                "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
                "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{FUNCTION}",
                "AWS_LAMBDA_LOG_STREAM_NAME": "one",
                "AWS_LWA_INVOKE_MODE": "response_stream",
                "AWS_LWA_PORT": str(port),
                "AWS_LWA_READINESS_CHECK_PATH": "/health/ready",
                "AWS_LWA_READINESS_CHECK_HEALTHY_STATUS": "200-299",
            },
            stdout=asyncio.subprocess.DEVNULL,
        )
        try:
            await api.waits_for(1)
            yield Environment(api)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            process._transport.close()  # type: ignore[attr-defined]  # before the loop goes
