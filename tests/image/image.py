"""The image, built by `make image` with buildah on a base of our own, and run without an engine.

There is no Docker here and no registry: mmdebstrap makes the base, an empty image holds the adapter, and chroot in a
mount namespace of its own stands for the container: the image's files, read-only, its environment, user and command.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.image.process import Process

ROOT = Path(__file__).parents[2]
CERTIFICATES = Path("/etc/ssl/certs")


@dataclass(frozen=True, slots=True)
class Image:
    """A built image, mounted."""

    root: Path
    """Its files."""
    config: Mapping[str, Any]
    """`Env`, `User`, `Entrypoint`, `Labels` and so on, as the OCI's image specification names them."""
    size: int
    """Bytes of its own files, the base's left out."""

    def started(self, environment: Mapping[str, str]) -> Process:
        """Its command as its user, on a root that nobody can write to. The process is the service itself: nothing
        stands between a signal and it."""
        own = dict(each.split("=", 1) for each in self.config["Env"])
        mount, chroot = _path("mount"), _path("chroot")
        script = (
            f'{mount} --rbind "$0" "$0" && {mount} --rbind /dev "$0/dev" && {mount} --rbind /proc "$0/proc" &&'
            f' {mount} -o remount,bind,ro "$0" && exec {chroot} --userspec="$1" "$0" "${{@:2}}"'
        )
        command = [_path("unshare"), "--mount", "--propagation", "private", _path("bash"), "-c", script, str(self.root)]
        return Process([*command, self.config["User"], *self.config["Entrypoint"]], {**own, **environment})


@contextmanager
def built(folder: Path, adapter: bytes) -> Iterator[Image]:
    """Builds the image in `folder`, which holds everything that building leaves, and empties it at the end."""
    environment = _environment(folder)

    def run(*command: str) -> str:
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-4_000:]}{done.stderr[-4_000:]}"
        return done.stdout

    try:
        _base(folder, run)
        (folder / "adapter").mkdir()
        (folder / "adapter" / "lambda-adapter").write_bytes(adapter)
        (folder / "adapter" / "lambda-adapter").chmod(0o755)
        (folder / "adapter" / "Dockerfile").write_text("FROM scratch\nCOPY lambda-adapter /\n")
        run("buildah", "build", "--tag", "localhost/adapter", str(folder / "adapter"))
        print(  # noqa: T201 - shown by pytest -s
            run(
                "make", "image", "BUILDER=buildah", "IMAGE=localhost/streamer", "BASE_IMAGE=localhost/base",
                "ADAPTER_IMAGE=localhost/adapter", f"ARGS={_for_pip(folder)}",
            )
        )  # fmt: skip
        config = json.loads(run("buildah", "inspect", "--type", "image", "localhost/streamer"))["OCIv1"]["config"]
        root = Path(run("buildah", "mount", run("buildah", "from", "localhost/streamer").strip()).strip())
        own = sum(path.lstat().st_size for path in (root / "opt").rglob("*") if path.is_file())
        yield Image(root, config, own)
    finally:
        for what in ("umount", "rm"):
            subprocess.run([_path("buildah"), what, "--all"], env=environment, capture_output=True, check=False)
        shutil.rmtree(folder, ignore_errors=True)


def _path(command: str) -> str:
    found = shutil.which(command)
    assert found is not None, command
    return found


def _environment(folder: Path) -> dict[str, str]:
    """This machine's, with a store of images in `folder`: nothing is mixed with what the machine has."""
    store = folder / "storage.conf"
    store.write_text(
        f'[storage]\ndriver = "overlay"\ngraphroot = "{folder / "images"}"\nrunroot = "{folder / "run"}"\n'
    )
    return {**os.environ, "CONTAINERS_STORAGE_CONF": str(store), "BUILDAH_ISOLATION": "chroot"}


def _base(folder: Path, run: Any) -> None:
    """Debian with Python, as small as it can be had."""
    (folder / "base").mkdir()
    (folder / "base" / "Dockerfile").write_text("FROM scratch\nADD base.tar /\n")
    packages = "--include=python3,python3-venv,ca-certificates"
    run("mmdebstrap", "--quiet", "--variant=minbase", packages, "trixie", str(folder / "base" / "base.tar"))
    run("buildah", "build", "--tag", "localhost/base", str(folder / "base"))


def _for_pip(folder: Path) -> str:
    """Arguments that let pip in the build reach what it reaches here: its settings, its certificates, its folders."""
    names = ("index-url", "extra-index-url", "find-links", "trusted-host", "timeout")
    given = {name: os.environ.get(f"PIP_{name.replace('-', '_').upper()}") for name in names}
    lines = [f"{name} = {value}" for name, value in given.items() if value]
    (folder / "pip.conf").write_text("\n".join(["[global]", f"cert = {CERTIFICATES}/ca-certificates.crt", *lines, ""]))
    mounts = {folder / "pip.conf": "/etc/pip.conf", CERTIFICATES: str(CERTIFICATES)}
    mounts |= {Path(each): each for each in (given["find-links"] or "").split() if Path(each).is_dir()}
    return " ".join(f"--volume {here}:{there}:ro" for here, there in mounts.items())
