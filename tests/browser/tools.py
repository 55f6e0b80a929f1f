"""What a test needs of the machine."""

from __future__ import annotations

import os

import pytest


def tool(name: str, path: str | None, remedy: str) -> str:
    """The path of a tool. Without one the test is skipped, or fails where the environment variable `REQUIRE_TOOLS`
    (names separated by commas or spaces) lists the tool."""
    if path is None:
        reason = f"{name} is not installed (Debian: {remedy})"
        if name in os.environ.get("REQUIRE_TOOLS", "").replace(",", " ").split():
            pytest.fail(reason)
        pytest.skip(reason)
    return path
