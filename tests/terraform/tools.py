"""Terraform and its provider, as this machine has them. Folders are copied first: nothing is left in the tree."""

from __future__ import annotations

import functools
import os
import platform
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

TERRAFORM = Path(__file__).parents[2] / "terraform"

_WATCHDOG = 1_200.0
"""Seconds after which a command hangs: the longest, an apply on the emulator, takes 90 on a quiet machine."""


def terraform_binary() -> str:
    """The path of terraform. Without one the test is skipped, or fails where `REQUIRE_TOOLS` lists terraform."""
    path = shutil.which("terraform")
    if path is None:
        _missing("terraform is not installed (https://developer.hashicorp.com/terraform/install)")
    assert path is not None
    return path


def plugin_directory() -> Path:
    """What `terraform init -plugin-dir` takes: a folder that holds the provider hashicorp/aws for this machine. It is
    `TF_PLUGIN_DIR`, else one of the usual places. Without one as `terraform_binary`."""
    if named := os.environ.get("TF_PLUGIN_DIR"):
        assert _holds_provider(Path(named)), f"TF_PLUGIN_DIR is {named}, which holds no provider hashicorp/aws"
        return Path(named)
    found = _usual_plugin_directory()
    if found is None:
        _missing("the provider hashicorp/aws is not here: `terraform providers mirror DIR`, then TF_PLUGIN_DIR=DIR")
    assert found is not None
    return found


def copy_of(folder: Path, to: Path) -> Path:
    """A copy without what an earlier `init` or `apply` left in it; `to` is made."""
    left = shutil.ignore_patterns(".terraform", ".terraform.lock.hcl", "terraform.tfstate*", "*.tfplan")
    return Path(shutil.copytree(folder, to, ignore=left))


def initialised(folder: Path, to: Path) -> Path:
    """A copy in which `terraform init` has run, with no network."""
    copy = copy_of(folder, to)
    run(copy, "init", "-input=false", f"-plugin-dir={plugin_directory()}")
    return copy


def run(
    folder: Path, *arguments: str, environment: Mapping[str, str] | None = None, codes: tuple[int, ...] = (0,)
) -> str:
    """What `terraform ARGUMENTS` printed, errors last, run in `folder`. An exit code that is not in `codes` fails the
    test with all that terraform said. The settings of whoever runs the tests (TF_VAR_…, a CLI configuration, an AWS
    account) do not count."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("TF_", "AWS_"))}
    process = subprocess.Popen(
        [terraform_binary(), *arguments, *(["-no-color"] if arguments[0] != "version" else [])],
        cwd=folder,
        env=inherited
        | {"TF_CLI_CONFIG_FILE": os.devnull, "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"}
        | {
            "GOGC": "500"
        }  # the provider's schema is large: a quarter of each command's processor time was its collection
        | {
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        | {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}
        | dict(environment or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,  # its provider is a process of its own, and ends with it
    )
    with process:
        try:
            said, complained = process.communicate(timeout=_WATCHDOG)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    assert process.returncode in codes, f"terraform {' '.join(arguments)}: {process.returncode}\n{said}{complained}"
    return said + (complained if process.returncode else "")


def _missing(reason: str) -> None:
    if "terraform" in os.environ.get("REQUIRE_TOOLS", "").replace(",", " ").split():
        pytest.fail(reason)
    pytest.skip(reason)


@functools.cache
def _usual_plugin_directory() -> Path | None:
    return next((folder for folder in _usual_places() if _holds_provider(folder)), None)


def _usual_places() -> Iterator[Path]:
    """Terraform's own, and one folder deep where software is put by hand."""
    home = Path.home() / ".terraform.d"
    yield from (home / "plugins", home / "plugin-cache")
    for base in map(Path, ("/usr/local/share", "/usr/share", "/opt")):
        yield base / "terraform" / "plugins"
        yield from sorted(path for path in base.glob("*") if (path / "registry.terraform.io").is_dir())


def _holds_provider(folder: Path) -> bool:
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    here = f"registry.terraform.io/hashicorp/aws/*/{platform.system().lower()}_{machine}"
    return any(folder.glob(f"{here}/terraform-provider-aws*"))
