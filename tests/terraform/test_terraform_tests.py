"""Terraform's own checks: format, validity of the module and of its examples, and `terraform test`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import boto3
import pytest

from tests.terraform import tools
from tests.terraform.deployment import FAILED, REGION
from tests.terraform.emulator import Emulator

pytestmark = [pytest.mark.timeout(2_400), pytest.mark.slow("Terraform works for minutes")]

EXAMPLES = sorted(path.name for path in (tools.TERRAFORM / "examples").iterdir() if path.is_dir())
TESTED = sorted(
    str(path.parent.relative_to(tools.TERRAFORM)) for path in tools.TERRAFORM.rglob("tests") if path.is_dir()
)
"""Modules that have tests of their own; `.` is the root."""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of everything: an example's `../..` is in it."""
    return tools.copy_of(tools.TERRAFORM, tmp_path_factory.mktemp("terraform") / "terraform")


def initialised(copy: Path, folder: str) -> Path:
    tools.run(copy / folder, "init", "-input=false", f"-plugin-dir={tools.plugin_directory()}")
    return copy / folder


def test_no_tests_are_forgotten() -> None:
    """The root's run here, the module's in test_observability."""
    assert TESTED == [".", "modules/observability"]


def test_it_is_formatted() -> None:
    tools.run(tools.TERRAFORM, "fmt", "-check", "-recursive", "-diff")


@pytest.mark.parametrize("folder", [".", *(f"examples/{name}" for name in EXAMPLES)])
def test_it_is_valid_and_uses_nothing_that_is_deprecated(copy: Path, folder: str) -> None:
    said = tools.run(initialised(copy, folder), "validate")
    assert "Success!" in said
    assert "Warning" not in said, said


def test_its_own_tests_pass(copy: Path) -> None:
    said = tools.run(initialised(copy, "."), "test")
    assert "0 failed" in said
    assert " 0 passed" not in said


def test_the_examples_state_in_s3_is_locked(tmp_path: Path) -> None:
    folder = tmp_path / "configuration"
    folder.mkdir()
    shutil.copy(tools.TERRAFORM / "examples" / "backend.tf", folder)
    (folder / "main.tf").write_text('output "applied" {\n  value = true\n}\n')
    with Emulator(tmp_path, REGION) as aws:
        s3 = boto3.client(
            "s3",
            endpoint_url=aws.endpoint_url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        bucket, key = "example-terraform-state", "sentiment/terraform.tfstate"
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        tools.run(folder, "init", "-backend-config=use_path_style=true", environment=aws.environment)
        tools.run(folder, "apply", "-auto-approve", environment=aws.environment)
        assert json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())["outputs"]["applied"]["value"] is True
        lock = json.dumps({"ID": "4c3a3d2e", "Operation": "OperationTypeApply", "Who": "somebody"})
        s3.put_object(Bucket=bucket, Key=f"{key}.tflock", Body=lock)
        said = tools.run(folder, "apply", "-auto-approve", environment=aws.environment, codes=(FAILED,))
    assert "Error acquiring the state lock" in said
    assert "somebody" in said
