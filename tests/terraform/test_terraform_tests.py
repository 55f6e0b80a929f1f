"""Terraform's own checks: format, validity of the module and of its examples, and `terraform test`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.terraform import tools

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
