"""The zips of the two Lambdas: built twice, imported alone, invoked."""

from __future__ import annotations

import json
import platform
import shutil
import stat
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from streamer.local.provision import provision
from streamer.local.resources import Resources
from tests.moto_in_process import moto_in_process
from tests.watchdog import WATCHDOG

pytestmark = pytest.mark.slow("builds the zips, and what pip downloads for them")

ROOT = Path(__file__).parents[2]
EVENTS = ROOT / "tests" / "events"
HANDLERS = {"relay": "ingest_relay.handler.handler", "rest": "streamer.rest.handler"}
REAPER = "streamer.reaper_function.handler"  # in REST's zip
SHIPPED = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six")
"""What Lambda's Python runtime has beside a function: boto3 and what boto3 needs."""
HERE = f"{sys.version_info[0]}.{sys.version_info[1]}"
MACHINE = {"aarch64": "arm64"}.get(platform.machine(), "x86_64")


def built(output: Path, *arguments: str) -> None:
    """What `make package` runs."""
    command = [sys.executable, "docker/package.py", "--output", str(output), *arguments]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)


@pytest.fixture(scope="module")
def zips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of all four, for Lambda's own Python."""
    folder = tmp_path_factory.mktemp("zips")
    built(folder)
    return folder


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to import from, which has what the runtime ships and nothing else."""
    folder = tmp_path_factory.mktemp("runtime")
    for name in SHIPPED:
        spec = find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        found = Path(spec.origin)
        source = found.parent if found.name == "__init__.py" else found
        (folder / source.name).symlink_to(source)
    return folder


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both zips for this machine's Python, unpacked into folders of their names."""
    folder = tmp_path_factory.mktemp("unpacked")
    built(folder, "--python", HERE, "--architecture", MACHINE)
    for name in HANDLERS:
        with zipfile.ZipFile(folder / f"{name}-{MACHINE}.zip") as opened:
            opened.extractall(folder / name)
    return folder


@pytest.fixture(scope="module")
def resources() -> Iterator[Resources]:
    with moto_in_process() as endpoint:
        yield provision(endpoint, suffix="-zips")


def invoked(
    unpacked: Path,
    runtime: Path,
    name: str,
    environment: dict[str, str],
    events: list[Any],
    handler: str | None = None,
) -> list[dict[str, Any]]:
    """The handler's answers, in a fresh process in which nothing of this project's environment can be imported."""
    script = Path(__file__).with_name("invoked.py")
    command = [sys.executable, "-I", "-S", str(script), str(unpacked / name), str(runtime), handler or HANDLERS[name]]
    given = "".join(json.dumps(event) + "\n" for event in events)
    done = subprocess.run(
        command, input=given, env=environment, capture_output=True, text=True, timeout=WATCHDOG, check=False
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    print(f"{name}: imported in {lines[0]['import_ms']} ms")  # noqa: T201 - shown by pytest -s
    return [line for line in lines[1:] if "_aws" not in line]


def function_url(path: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((ROOT / "tests" / "unit" / "function_url.json").read_text())
    http = event["requestContext"]["http"] | {"path": path}
    return event | {"rawPath": path, "requestContext": event["requestContext"] | {"http": http}}


def test_equal_input_gives_equal_bytes(zips: Path, tmp_path: Path) -> None:
    built(tmp_path)
    for name in ("relay-arm64", "relay-x86_64", "rest-arm64", "rest-x86_64"):
        assert (zips / f"{name}.zip").read_bytes() == (tmp_path / f"{name}.zip").read_bytes(), name


@pytest.mark.parametrize(("name", "most"), [("relay", 300_000), ("rest", 5_000_000)])
def test_they_are_small_and_hold_what_runs_alone(zips: Path, name: str, most: int) -> None:
    for architecture, machine in {"arm64": "aarch64", "x86_64": "x86_64"}.items():
        path = zips / f"{name}-{architecture}.zip"
        assert path.stat().st_size < most
        with zipfile.ZipFile(path) as opened:
            members = opened.infolist()
        names = [member.filename for member in members]
        assert names == sorted(names)
        assert {stat.filemode(member.external_attr >> 16) for member in members} == {"-rw-r--r--"}
        tops = {each.partition("/")[0] for each in names}
        assert not tops & {*SHIPPED, "uvicorn", "uvloop", "httptools", "moto"}
        assert not [
            each
            for each in names
            if each.startswith(("streamer/local", "streamer/tools", "streamer/client", "streamer/event_source"))
        ]
        assert tops & {"ingest_relay", "streamer"} == ({"ingest_relay"} if name == "relay" else {"streamer"})
        compiled = [each for each in names if each.endswith(".so")]
        wanted = f"cpython-313-{machine}-linux-gnu.so"
        assert [each.partition(".")[2] for each in compiled] == ([wanted] if name == "rest" else [])


@pytest.mark.parametrize("tracing", ["none", "xray"])
def test_the_relay_publishes_from_its_zip_alone(
    unpacked: Path, runtime: Path, resources: Resources, tracing: str
) -> None:
    import boto3

    session = boto3.Session("test", "test", region_name="us-east-1")
    sqs = session.client("sqs", endpoint_url=resources.endpoint_url)
    sns = session.client("sns", endpoint_url=resources.endpoint_url)
    queue = sqs.create_queue(QueueName=f"beside-the-zip-{tracing}")["QueueUrl"]
    sns.subscribe(
        TopicArn=resources.topic_arn,
        Protocol="sqs",
        Endpoint=f"arn:aws:sqs:us-east-1:123456789012:beside-the-zip-{tracing}",
        Attributes={"RawMessageDelivery": "true"},
    )
    batch = json.loads((EVENTS / "insert-positive-neutral-negative.json").read_text())
    for record in batch["Records"]:
        record["eventSourceARN"] = resources.sentiment_stream_arn
    environment = resources.environment() | {"TRACING": tracing, "METRICS": "emf"}
    answers = invoked(unpacked, runtime, "relay", environment, [batch, {"canary": True}])
    assert answers[0] == {"batchItemFailures": []}
    assert set(answers[1]) == {"sent_at"}
    texts = [
        message["Body"]
        for _ in range(2)
        for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
    ]
    assert len(texts) == 2
    changes = json.loads(next(text for text in texts if '"changes"' in text))["changes"]
    assert len(changes) == len(batch["Records"])
    sqs.close()
    sns.close()


@pytest.mark.parametrize("tracing", ["none", "xray"])
def test_rest_answers_from_its_zip_alone(unpacked: Path, runtime: Path, resources: Resources, tracing: str) -> None:
    paths = ["/health/live", "/api/v2/metrics", "/api/v2/sentiment", "/openapi.json", "/docs/swagger-ui.css"]
    environment = resources.environment() | {
        "AWS_LAMBDA_FUNCTION_NAME": "of-the-test",
        "TRACING": tracing,
        "METRICS": "emf",
    }
    answers = invoked(unpacked, runtime, "rest", environment, [*map(function_url, paths)])
    assert [(path, answer["statusCode"]) for path, answer in zip(paths, answers, strict=True)] == [
        (path, 200) for path in paths
    ]
    (pruned,) = invoked(unpacked, runtime, "rest", environment, [{"prune": {"dry_run": True}}], REAPER)
    assert (pruned["removed"], pruned["failed"]) == (0, 0)


@pytest.mark.parametrize("name", HANDLERS)
def test_every_module_of_ours_finds_what_it_imports(unpacked: Path, runtime: Path, name: str) -> None:
    """Those too that no invocation above asked for."""
    folder = unpacked / name
    own = [path.relative_to(folder) for top in ("ingest_relay", "streamer") for path in folder.glob(f"{top}/**/*.py")]
    modules = [".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in sorted(own)]
    assert len(modules) > 10
    code = f"import sys; sys.path[:0] = {[str(folder), str(runtime)]!r}; import {', '.join(modules)}"
    subprocess.run([sys.executable, "-I", "-S", "-B", "-c", code], env={}, check=True, timeout=WATCHDOG)


@pytest.mark.parametrize("name", HANDLERS)
def test_a_module_that_is_missing_is_missed(unpacked: Path, runtime: Path, tmp_path: Path, name: str) -> None:
    """The process that the tests above trust sees nothing but the zip."""
    broken = tmp_path / name
    shutil.copytree(unpacked / name, broken)
    (broken / ("ingest_relay/pack.py" if name == "relay" else "streamer/errors.py")).unlink()
    with pytest.raises(AssertionError, match="ModuleNotFoundError"):
        invoked(tmp_path, runtime, name, {}, [])
