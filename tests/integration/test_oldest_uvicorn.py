"""The oldest uvicorn that is allowed; the newest is the one that is installed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_oldest_uvicorn_that_is_allowed_serves_too(tmp_path: Path) -> None:
    allowed = re.search(r'"uvicorn>=([0-9.]+),<[0-9.]+"', (ROOT / "pyproject.toml").read_text())
    assert allowed
    folder = tmp_path / "oldest"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder)]
    subprocess.run([*install, f"uvicorn=={allowed[1]}"], check=True, timeout=60)
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    show = "import uvicorn, streamer.server.connection; streamer.server.connection.check(); print(uvicorn.__version__)"
    shown = subprocess.run([sys.executable, "-c", show], env=environment, capture_output=True, text=True, check=True)
    assert (shown.stdout.strip() + ".0").startswith(allowed[1])
    tests = [str(Path(__file__).with_name(name)) for name in ("test_connection.py", "test_stream_http.py")]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "taken or uvicorn", *tests]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
