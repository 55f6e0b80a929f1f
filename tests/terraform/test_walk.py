"""A newcomer's walk: from what the READMEs say to a plan, with no AWS account."""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from streamer.local.child import clean_environment
from tests.terraform import tools
from tests.terraform.deployment import IMAGE, NO_ZIP, REGION, Deployment
from tests.terraform.emulator import Emulator
from tests.watchdog import WATCHDOG

pytestmark = [pytest.mark.timeout(2_400), pytest.mark.slow("Terraform works for minutes")]

ROOT = Path(__file__).parents[2]
LOCAL = ROOT / "terraform" / "examples" / "local" / "README.md"
MODULES = sorted(path.parent for path in tools.TERRAFORM.rglob("variables.tf") if "tests" not in path.parts)
USUAL = ["region", "name", "streamer_image", "streamer_deployment", "certificate_arn", "gateway_secret_arns"]


def variables(folder: Path) -> dict[str, str]:
    """Each variable's description, in the order of the file."""
    blocks = re.split(r'^variable "(\w+)" \{$', (folder / "variables.tf").read_text(), flags=re.MULTILINE)[1:]
    found = {}
    for name, block in zip(blocks[::2], blocks[1::2], strict=True):
        line = re.search(r'^  description = ("(?:[^"\\]|\\.)*")$', block, re.MULTILINE)
        lines = re.search(r"^  description = <<-(\w+)\n(.*?)^ *\1$", block, re.MULTILINE | re.DOTALL)
        found[name] = json.loads(line[1]) if line else lines[2].strip() if lines else ""
    return found


@pytest.mark.parametrize("folder", MODULES, ids=lambda folder: folder.name)
def test_every_variable_says_what_it_is_for(folder: Path) -> None:
    found = variables(folder)
    assert found
    for name, description in found.items():
        assert description.endswith((".", ".)")), name
        assert len(description.split()) >= (5 if folder == tools.TERRAFORM else 2), name


def test_the_variables_that_a_deployment_sets_come_first_and_the_readme_names_them() -> None:
    assert list(variables(tools.TERRAFORM))[: len(USUAL)] == USUAL
    (sentence,) = re.findall(r"^A deployment usually sets .*$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert re.findall(r"`(\w+)`", sentence) == USUAL


def test_what_the_readme_types_is_what_terraform_knows() -> None:
    text = (ROOT / "README.md").read_text()
    commands = re.findall(r"^terraform .*$", text, re.MULTILINE)
    assert len(commands) >= 3
    for name in re.findall(r"-var (\w+)=|TF_VAR_(\w+)=", text):
        assert "".join(name) in variables(tools.TERRAFORM)
    outputs = set(re.findall(r'^output "(\w+)"', (tools.TERRAFORM / "outputs.tf").read_text(), re.MULTILINE))
    for command in commands:
        for name in re.findall(r"output -raw (\w+)", command):
            assert name in outputs
    assert {"dashboard_url", "sse_base_url", "rest_base_url", "operations_dashboard_url"} <= outputs


def test_five_variables_give_a_plan(tmp_path: Path) -> None:
    """As the root's README says it, with the emulator in the account's place."""
    with Emulator(tmp_path, REGION) as aws:
        deployment = Deployment.prepared(aws, tmp_path / "terraform")
        (deployment.folder / "terraform.tfvars.json").unlink(missing_ok=True)
        (tmp_path / "build").mkdir()
        for name in ("relay", "rest"):  # what `make package` leaves
            (tmp_path / "build" / f"{name}-arm64.zip").write_bytes(NO_ZIP)
        given = {
            "region": REGION,
            "name": "trial",
            "streamer_image": IMAGE,
            "streamer_deployment": "fargate",
            "certificate_arn": f"arn:aws:acm:{REGION}:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef",
        }
        said = tools.run(
            deployment.folder,
            *("plan", "-input=false", *(f"-var={name}={value}" for name, value in given.items())),
            environment=aws.environment,
        )
        asked = aws.calls()
    added = re.search(r"^Plan: (\d+) to add, 0 to change, 0 to destroy\.$", said, re.MULTILINE)
    assert added
    assert int(added[1]) > 50
    assert "Warning" not in said
    assert re.search(r'\+ operations_dashboard_url += "https://.*trial', said)
    assert not [call for call in asked if call.action.startswith(("Create", "Put", "POST", "PUT"))]


def test_without_the_packages_the_plan_says_how_to_make_them(tmp_path: Path) -> None:
    with Emulator(tmp_path, REGION) as aws:
        deployment = Deployment.prepared(aws, tmp_path / "terraform")
        with pytest.raises(AssertionError, match="make package"):
            tools.run(
                deployment.folder,
                *("plan", "-input=false", f"-var=region={REGION}", f"-var=streamer_image={IMAGE}"),
                environment=aws.environment,
            )


@contextmanager
def moto_as_told(command: str, environment: dict[str, str]) -> Iterator[None]:
    """The README's background command, ended by its pid."""
    words = [word for word in shlex.split(command.removesuffix(" &")) if "=" not in word]
    settings = dict(word.split("=", 1) for word in shlex.split(command) if "=" in word)
    assert words[0] == ".venv/bin/moto_server"
    process = subprocess.Popen(
        [str(Path(sys.executable).with_name("moto_server")), *words[1:]],
        env=environment | settings,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(WATCHDOG)


def test_the_local_examples_readme_leads_to_a_plan(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    block = re.search(r"```sh\n(.*?)```", LOCAL.read_text(), re.DOTALL)
    assert block
    lines = [line.partition("  #")[0].rstrip().replace("5000", str(port)) for line in block[1].splitlines()]
    typed = {line.split()[0].rpartition("=")[0] or line.split()[0]: line for line in reversed(lines) if line}
    assert lines.index("terraform init") < lines.index("terraform plan") < lines.index("terraform destroy")
    assert f"cd {LOCAL.parent.relative_to(ROOT)}" in lines

    copy = tools.copy_of(tools.TERRAFORM, tmp_path / "terraform")
    (tmp_path / "build").mkdir()
    for name in ("relay", "rest"):
        (tmp_path / "build" / f"{name}-arm64.zip").write_bytes(NO_ZIP)
    clean = clean_environment(os.environ)
    exported = dict(word.split("=", 1) for word in shlex.split(typed["export"])[1:])
    with moto_as_told(typed["MOTO_LAMBDA_STUB_ECR"], clean):
        curl = typed["curl"].replace("curl", "curl --silent --retry 30 --retry-connrefused --retry-delay 1", 1)
        told = subprocess.run(["/bin/sh", "-c", curl], env=clean, capture_output=True, text=True, check=True)
        assert json.loads(told.stdout)["lambda"] == {"use_docker": False}
        folder = copy / "examples" / "local"
        tools.run(folder, "init", f"-plugin-dir={tools.plugin_directory()}")
        said = tools.run(folder, "plan", environment=exported)
    assert re.search(r"^Plan: \d+ to add, 0 to change, 0 to destroy\.$", said, re.MULTILINE)
    assert "next_steps" in said
