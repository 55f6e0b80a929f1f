"""The result of one check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Verdict = Literal["ok", "fault", "unknown", "skipped"]
"""`unknown`: it could not be judged. `skipped`: it does not apply here, or was not requested."""

NOT_HEARD: Final = "the stream could not be read"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    check: str
    verdict: Verdict
    evidence: str
    remedy: str = ""
    """What to do about a fault, or how to get a verdict."""


def ok(check: str, evidence: str) -> Finding:
    return Finding(check, "ok", evidence)


def fault(check: str, evidence: str, remedy: str) -> Finding:
    return Finding(check, "fault", evidence, remedy)


def unknown(check: str, evidence: str, remedy: str = "") -> Finding:
    return Finding(check, "unknown", evidence, remedy)


def skipped(check: str, evidence: str) -> Finding:
    return Finding(check, "skipped", evidence)


def seconds_text(seconds: float) -> str:
    """Formats seconds: `12 ms`, `3.4 s`."""
    return f"{seconds * 1000:.0f} ms" if abs(seconds) < 1 else f"{seconds:.1f} s"
