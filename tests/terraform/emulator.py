"""An AWS for Terraform: moto in a process of its own, on loopback and a free port. It writes down what it is asked, and
it invokes functions: the handler that Terraform named, in the environment that Terraform gave, from this repository's
code in place of the zip's. Code that is inline in a template is run itself.

That makes a write to an applied table reach the applied relay, and Terraform's own invocation at a destroy the reaper.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs

from streamer.local.child import clean_environment
from tests.watchdog import WATCHDOG

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

ACCOUNT = "123456789012"
INVOKED = Path(__file__).parents[1] / "packages" / "invoked.py"
ROOT = Path(__file__).parents[2]
INLINE = "index.handler"
"""The handler of a function whose code is in a template."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request, or one invocation of a function."""

    who: str
    """The access key id that signed it: Terraform's, a function's name, or what a test chose."""
    service: str
    action: str
    """`CreateQueue`; of services that are REST throughout, the method and the path. Of an invocation: `invoked`."""
    body: Any
    """The request's, decoded; of an invocation: function, event, answer and error."""

    @classmethod
    def parse(cls, line: str) -> Call:
        """From a line of the record."""
        return cls(**json.loads(line))


class Emulator:
    """`with Emulator(folder) as aws:`; its state ends with it. `folder` gets the record."""

    endpoint_url: str

    def __init__(self, folder: Path, region: str) -> None:
        self.region = region
        self._record = folder / "calls.jsonl"
        self._record.touch()

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.terraform.emulator", str(self._record)],
            cwd=ROOT,
            env=clean_environment(os.environ) | {"MOTO_LAMBDA_STUB_ECR": "false"},
            stdin=subprocess.PIPE,  # the leash: it ends when this does
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        said = self._process.stdout.readline()
        assert said, f"the emulator ended with {self._process.wait()}"
        self.endpoint_url = said.strip()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(WATCHDOG)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    @property
    def environment(self) -> dict[str, str]:
        """All that Terraform needs to be told."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": "terraform",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": self.region,
            "AWS_MAX_ATTEMPTS": "3",  # the provider's own 25 would hide a failure for ten minutes
        }

    def calls(self) -> list[Call]:
        """What it was asked so far, in order."""
        return [Call.parse(line) for line in self._record.read_text().splitlines()]


class _Record:
    """Appends to the file; a line is whole before the request is answered."""

    def __init__(self, file: IO[str]) -> None:
        self._file, self._lock = file, threading.Lock()

    def write(self, **call: object) -> None:
        with self._lock:
            self._file.write(json.dumps(call, default=str) + "\n")
            self._file.flush()


class _Recorded:
    """A WSGI application whose requests are written down."""

    def __init__(self, app: WSGIApplication, record: _Record) -> None:
        self._app, self._record = app, record

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        signed = environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")[2].split(",")[0].split("/")
        if len(signed) == 5:
            who, _, _, service, _ = signed
            action, said = _meaning(environ, body)
            self._record.write(who=who, service=service, action=action, body=said)
        return self._app(environ, start_response)


def _meaning(environ: WSGIEnvironment, body: bytes) -> tuple[str, Any]:
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        return target.rpartition(".")[2], json.loads(body or b"{}")
    if "x-www-form-urlencoded" in environ.get("CONTENT_TYPE", ""):
        form = {key: values[0] for key, values in parse_qs(body.decode()).items()}
        return form.get("Action", "?"), form
    said = None
    if environ.get("CONTENT_TYPE", "").startswith("application/json") or body.startswith(b"{"):
        said = json.loads(body or b"null")
        if isinstance(said, dict) and "Code" in said:
            said.pop("Code")  # a zip
    return f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}", said


@contextmanager
def _code(function: Any) -> Iterator[Path]:
    """The folder that the handler is imported from."""
    if function.handler != INLINE:
        yield ROOT
        return
    with tempfile.TemporaryDirectory() as folder:
        zipfile.ZipFile(io.BytesIO(function.code_bytes)).extractall(folder)
        yield Path(folder)


def _invoke(endpoint_url: str, record: _Record, function: Any, body: Any) -> tuple[str, bool]:
    """The handler's answer and whether it failed."""
    event = body if isinstance(body, str) else json.dumps(body)
    with _code(function) as code:
        ended = subprocess.run(
            [sys.executable, str(INVOKED), str(code), str(ROOT), function.handler],
            cwd=ROOT,
            env={key: value for key, value in os.environ.items() if not key.startswith("MOTO_")}
            | {
                "AWS_ENDPOINT_URL": endpoint_url,
                "AWS_REGION": function.region,  # as Lambda does, both
                "AWS_DEFAULT_REGION": function.region,
                "AWS_ACCESS_KEY_ID": function.function_name,
                "AWS_SECRET_ACCESS_KEY": "test",
                "AWS_LAMBDA_FUNCTION_NAME": function.function_name,
            }
            | function.environment_vars,
            input=json.dumps(json.loads(event)) + "\n",
            capture_output=True,
            text=True,
            check=False,
        )
    answers = [line for line in ended.stdout.splitlines() if line.startswith("{") and "_aws" not in json.loads(line)]
    failed = ended.returncode != 0
    answer = json.dumps({"errorMessage": ended.stderr[-2000:]}) if failed else answers[-1]
    record.write(
        who=function.function_name,
        service="lambda",
        action="invoked",
        body={"event": json.loads(event), "answer": json.loads(answer), "failed": failed},
    )
    return answer, failed


def main(path: str) -> None:
    """Serves until standard input ends."""
    from moto.awslambda.models import LambdaFunction
    from moto.awslambda_simple.models import LambdaSimpleBackend
    from moto.core.config import default_user_config
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
    from werkzeug.serving import make_server

    class Quiet(MotoRequestHandler):  # type: ignore[misc]
        def log(self, *_: object) -> None:
            """Says nothing."""

    default_user_config["lambda"] = {"use_docker": False}
    with open(path, "a") as file:
        record = _Record(file)
        app = _Recorded(DomainDispatcherApplication(create_backend_app), record)
        server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
        endpoint_url = f"http://127.0.0.1:{server.server_port}"

        def by_api(backend: Any, name: str, qualifier: Any, body: Any, headers: Any, response_headers: Any) -> bytes:
            answer, failed = _invoke(endpoint_url, record, backend.get_function(name, qualifier), body or "{}")
            if failed:
                response_headers["x-amz-function-error"] = "Unhandled"
            return answer.encode()

        def by_mapping(function: Any, event: Any = None) -> tuple[str, bool, str]:
            answer, failed = _invoke(endpoint_url, record, function, event)
            return answer, failed, ""

        LambdaSimpleBackend.invoke = by_api
        LambdaFunction._invoke_lambda = by_mapping
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sys.stdout.write(f"{endpoint_url}\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1])
