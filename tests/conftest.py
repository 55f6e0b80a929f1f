"""What every test gets: no AWS settings of the machine, and dummy keys that reach nothing."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

pytest_plugins = ["tests.hang"]

# A shell without job control starts what runs in the background with SIGINT ignored, and children inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

_TESTS = Path(__file__).parent

_FIRST = ("terraform", "chaos", "image", "integration", "browser", "contract")
"""What takes longest begins first, so that no process works alone at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Called by pytest before it distributes the tests."""
    rank = {folder: place for place, folder in enumerate(_FIRST)}
    items.sort(key=lambda item: rank.get(item.path.relative_to(_TESTS).parts[0], len(rank)))


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees a real account, a proxy, or a setting of ours that the machine happens to have."""
    for key in list(os.environ):
        if key.startswith(("AWS_", "SSE_", "_X_AMZN_")) or key.lower() in {"http_proxy", "https_proxy", "all_proxy"}:
            monkeypatch.delenv(key)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")  # what forgets to name its endpoint reaches nothing
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
