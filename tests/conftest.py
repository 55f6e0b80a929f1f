"""What every test gets: nothing of the machine's settings, dummy keys that reach no AWS, and its place in the run."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import hypothesis
import pytest

from streamer import settings
from streamer.aws import clients
from tests.watchdog import WATCHDOG

pytest_plugins = ["tests.hang"]

_TESTS: Final = Path(__file__).parent
_FIRST: Final = ("terraform", "versions", "chaos", "image", "integration", "browser", "contract")
"""What takes longest begins first, so that no process works alone at the end."""
_PREFIXES: Final = ("AWS_", "SSE_", "_X_AMZN_", "LC_")
_NAMES: Final = {
    *settings.keys(),
    *("http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    *("LANG", "LANGUAGE", "TZ", "COLUMNS", "LINES"),
    *("NO_COLOR", "FORCE_COLOR", "PY_COLORS", "CLICOLOR", "CLICOLOR_FORCE"),
    *("FAILURE_QUEUE_URL", "XDG_RUNTIME_DIR"),  # where the commands look for a running demo
}
_OURS: Final = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",  # what forgets to name its endpoint reaches nothing
    "AWS_EC2_METADATA_DISABLED": "true",
}


def _clean_environment() -> None:
    """For this process and its children: no real account, no proxy, no setting of ours that the machine happens to
    have. Before any fixture, since those of modules and packages come before those of functions."""
    for key in list(os.environ):
        if key.startswith(_PREFIXES) or key in _NAMES or key.lower() in _NAMES:
            del os.environ[key]
    os.environ.update(_OURS)


_clean_environment()
# A shell without job control starts what runs in the background with SIGINT ignored, and children inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says how busy the machine is.
hypothesis.settings.register_profile(
    "tests", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow], print_blob=True
)
hypothesis.settings.load_profile("tests")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Called by pytest before it distributes the tests."""
    rank = {folder: place for place, folder in enumerate(_FIRST)}
    items.sort(key=lambda item: rank.get(item.path.relative_to(_TESTS).parts[0], len(rank)))


@pytest.fixture(scope="session", autouse=True)
def aws_timeouts() -> Iterator[dict[str, int]]:
    """moto on a busy machine can take longer than AWS may: no test fails because the service gives up on it. Gives the
    service's own timeouts."""
    own = {name: getattr(clients, name) for name in ("CONNECT_TIMEOUT", "READ_MARGIN", "TABLE_TIMEOUT")}
    with pytest.MonkeyPatch.context() as patch:
        for name in own:
            patch.setattr(clients, name, WATCHDOG)
        yield own


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """The endpoint URL of moto in this process, for the tests of one module."""
    from tests.moto_in_process import moto_in_process  # slow, and few tests need it

    with moto_in_process() as url:
        yield url


@pytest.fixture(autouse=True)
def same_environment() -> Iterator[None]:
    """No test leaves a change of the environment to the next."""
    before = dict(os.environ)
    yield
    after = {key: value for key, value in os.environ.items() if key != "PYTEST_CURRENT_TEST"}
    before.pop("PYTEST_CURRENT_TEST", None)
    assert after == before
