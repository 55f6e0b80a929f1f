"""One deployment's history on an emulator: a copy of terraform/, its variables, and what is applied."""

from __future__ import annotations

import fnmatch
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import boto3

from tests.terraform import tools
from tests.terraform.emulator import ACCOUNT, Call, Emulator

REGION = "eu-west-1"
NAME = "sentiment"
REPOSITORY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{NAME}-streamer"
IMAGE = f"{REPOSITORY}:1.0.0"
NO_ZIP = b"PK\5\6" + b"\0" * 18  # an empty archive: the emulator runs the repository's code
NO_CHANGES, FAILED, CHANGES = 0, 1, 2
"""Exit codes of `plan -detailed-exitcode`; the first two are every command's."""

Found = TypeVar("Found")


@dataclass
class Deployment:
    """A folder that Terraform works in, and the emulator that it works on."""

    aws: Emulator
    folder: Path
    variables: dict[str, Any] = field(default_factory=dict)
    who: str = "terraform"
    """The access key id that its calls are recorded under."""
    took: dict[str, float] = field(default_factory=dict)
    """Seconds of each apply and destroy, by what the test called it."""

    @classmethod
    def prepared(cls, aws: Emulator, folder: Path, **variables: object) -> Deployment:
        """`terraform init` has run, nothing is applied. A trial's settings: everything may be deleted."""
        copy = tools.initialised(tools.TERRAFORM, folder)
        (copy / "empty.zip").write_bytes(NO_ZIP)
        return cls(
            aws,
            copy,
            {
                "region": REGION,
                "relay_package": "empty.zip",
                "rest_package": "empty.zip",
                "deletion_protection": False,
                "force_delete": True,
                **variables,
            },
        )

    @classmethod
    def example(cls, aws: Emulator, folder: Path, name: str) -> Deployment:
        """terraform/examples/NAME as it stands, in a copy of everything: `terraform init` has run."""
        copy = tools.copy_of(tools.TERRAFORM, folder / "terraform") / "examples" / name
        (folder / "build").mkdir()
        for package in ("relay", "rest"):  # what `make package` leaves
            (folder / "build" / f"{package}-arm64.zip").write_bytes(NO_ZIP)
        tools.run(copy, "init", "-input=false", f"-plugin-dir={tools.plugin_directory()}")
        return cls(aws, copy)

    def unprotect(self) -> None:
        """In an example's configuration, from the next apply on: it may be destroyed, and its images with it."""
        configuration = self.folder / "main.tf"
        source = '  source = "../.."\n'
        before, found, after = configuration.read_text().partition(source)
        assert found
        configuration.write_text(f"{before}{source}  deletion_protection = false\n  force_delete = true\n{after}")

    def apply(self, step: str, **changed: object) -> None:
        """With these variables from now on; None takes one out."""
        self.variables = {key: value for key, value in (self.variables | changed).items() if value is not None}
        self._timed(step, "apply", "-auto-approve")

    def destroy(self) -> str:
        """What `terraform destroy` does and says."""
        return self._timed("destroy", "destroy", "-auto-approve")

    def refused(self, command: str) -> tuple[str, list[Call]]:
        """What `terraform apply` or `destroy` said, which had to fail, and what it had asked for."""
        before = len(self.aws.calls())
        said = self._timed(f"refused {command}", command, "-auto-approve", codes=(FAILED,))
        return said, [call for call in self.aws.calls()[before:] if call.who == self.who]

    def changes(self) -> str:
        """What a plan would do now: nothing is the empty text."""
        self._say()
        said = tools.run(
            self.folder,
            *("plan", "-input=false", "-detailed-exitcode", "-out=planned.tfplan"),
            environment=self.environment,
            codes=(NO_CHANGES, CHANGES),
        )
        return "" if "No changes." in said else said

    def outputs(self) -> dict[str, Any]:
        """By name."""
        shown = json.loads(tools.run(self.folder, "output", "-json"))
        return {name: output["value"] for name, output in shown.items()}

    @property
    def environment(self) -> dict[str, str]:
        """Terraform's."""
        return self.aws.environment | {"AWS_ACCESS_KEY_ID": self.who}

    def managed(self) -> set[str]:
        """Types of what is in the state."""
        state = json.loads((self.folder / "terraform.tfstate").read_text())
        return {each["type"] for each in state["resources"] if each["mode"] == "managed" and each["instances"]}

    def written(self) -> str:
        """All that Terraform has on disk about this deployment."""
        return "".join(path.read_text() for path in self.folder.glob("*.tfstate*"))

    def client(self, service: str, who: str = "test") -> Any:
        """A boto3 client; calls are recorded under `who`."""
        return boto3.client(  # type: ignore[call-overload]
            service,
            endpoint_url=self.aws.endpoint_url,
            region_name=REGION,
            aws_access_key_id=who,
            aws_secret_access_key="test",
        )

    def push_image(self) -> None:
        """What `docker push` leaves in the repository, as far as Lambda looks."""
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "config": {"size": 1, "digest": f"sha256:{'0' * 64}"},
            "layers": [],
        }
        self.client("ecr").put_image(
            repositoryName=f"{NAME}-streamer", imageTag="1.0.0", imageManifest=json.dumps(manifest)
        )

    def ask(self, function: str, request: object) -> Any:
        """The answer of a function to an HTTP request. After a 503 it asks again: on a busy machine the emulator takes
        longer than the function waits for a table."""
        while (answer := self.invoke(function, request))["statusCode"] == 503:
            pass
        return answer

    def invoke(self, function: str, event: object) -> Any:
        """The function's answer."""
        answer = self.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))
        said = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, said
        return said

    def statements(self, role: str) -> dict[str, dict[str, Any]]:
        """What the role may do: its policies' statements by sid; actions and resources as sets."""
        iam = self.client("iam")
        assert iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == []
        found: dict[str, dict[str, Any]] = {}
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
            for statement in document["Statement"]:
                sid = statement.pop("Sid")
                assert sid not in found
                found[sid] = {key: as_set(value) if key in SETS else value for key, value in statement.items()}
        return found

    def task_environment(self) -> dict[str, str]:
        """What Terraform gave to the container `streamer` of the service's task."""
        ecs = self.client("ecs")
        (service,) = ecs.describe_services(cluster=NAME, services=[f"{NAME}-streamer"])["services"]
        task = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
        (streamer,) = (container for container in task["containerDefinitions"] if container["name"] == "streamer")
        return {pair["name"]: pair["value"] for pair in streamer["environment"]}

    def function_environment(self, function: str) -> dict[str, str]:
        """What Terraform gave to a function."""
        configuration = self.client("lambda").get_function_configuration(FunctionName=function)
        found: dict[str, str] = configuration["Environment"]["Variables"]
        return found

    def _say(self) -> None:
        (self.folder / "terraform.tfvars.json").write_text(json.dumps(self.variables))

    def _timed(self, step: str, *arguments: str, codes: tuple[int, ...] = (0,)) -> str:
        self._say()
        begun = time.monotonic()
        options = ("-input=false", "-parallelism=50")
        said = tools.run(self.folder, *arguments, *options, environment=self.environment, codes=codes)
        self.took[step] = round(time.monotonic() - begun, 1)
        return said


SETS = ("Action", "Resource")


def as_set(value: str | list[str]) -> frozenset[str]:
    """One or several, as IAM writes them."""
    return frozenset([value] if isinstance(value, str) else value)


def allowed(statements: Mapping[str, Mapping[str, Any]], action: str, resource: str) -> bool:
    """Whether a role with these statements may; conditions are not looked at."""
    return any(
        statement["Effect"] == "Allow"
        and action in statement["Action"]
        and any(fnmatch.fnmatchcase(resource, pattern) for pattern in statement["Resource"])
        for statement in statements.values()
    )


class Beside:
    """Work in a thread of its own, while the test goes on: `result` waits for it, and raises what it raised."""

    def __init__(self, work: Callable[[], Found]) -> None:
        self._work = work
        self._found: Any = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._found = self._work()
        except BaseException as error:
            self._error = error

    def wait(self) -> None:
        """Until it is over, however it went."""
        self._thread.join()

    def result(self) -> Any:
        """What it returned."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._found
