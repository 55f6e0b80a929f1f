"""The report: text for a person and a ticket, or JSON."""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from streamer import __version__
from streamer.tools.doctor.evidence import Evidence
from streamer.tools.doctor.finding import Finding, Verdict
from streamer.tools.terminal.errors import DONE, FAILED, USAGE
from streamer.tools.terminal.printable import printable

UNKNOWN: Final = 3
"""Exit code if no fault was found, and something could not be judged."""
_SIGNS: Final = {"ok": ("✓", "32"), "fault": ("✗", "31"), "unknown": ("?", "33"), "skipped": ("–", "2")}
_INDENT: Final = 16


@dataclass(frozen=True, slots=True)
class Examination:
    """The findings of one run. `began`: ISO 8601; `seconds`: how long it took."""

    seen: Evidence
    findings: Sequence[Finding]
    began: str
    seconds: float

    @property
    def exit_code(self) -> int:
        if self.seen.connection_error or (self.seen.names is not None and self.seen.names.error):
            return USAGE
        verdicts = {each.verdict for each in self.findings}
        return FAILED if "fault" in verdicts else UNKNOWN if "unknown" in verdicts else DONE

    def json(self) -> str:
        """Returns one JSON object on one line."""
        members = {
            "url": str(self.seen.url),
            "began": self.began,
            "seconds": round(self.seconds, 1),
            "version": __version__,
            "exit_code": self.exit_code,
            "checks": [asdict(each) for each in self.findings],
        }
        return json.dumps(members)

    def text(self, *, width: int | None, colour: bool) -> str:
        """Returns the lines. `width`: columns of the terminal; None: lines are not wrapped."""
        lines = [f"{self.seen.url}  {self.began}, {self.seconds:.0f} s, streamer {__version__}"]
        for each in self.findings:
            sign, code = _SIGNS[each.verdict]
            sign = f"\x1b[{code}m{sign}\x1b[0m" if colour else sign
            evidence = _wrapped(each.evidence, width)
            lines.append(f"{sign} {each.check:<{_INDENT - 2}}{evidence}")
            if each.remedy:
                lines.append(f"{'':{_INDENT}}{_wrapped(f'→ {each.remedy}', width)}")
        counts = Counter(each.verdict for each in self.findings)
        lines.append(", ".join(f"{counts[verdict]} {name}" for verdict, name in _NAMES.items()))
        return "\n".join(lines) + "\n"


_NAMES: Final[Mapping[Verdict, str]] = {"ok": "ok", "fault": "faulty", "unknown": "unknown", "skipped": "skipped"}


def _wrapped(text: str, width: int | None) -> str:
    line = " ".join(printable(text).split())
    if width is None:
        return line
    parts = textwrap.wrap(line, max(20, width - _INDENT), break_on_hyphens=False)
    return f"\n{'':{_INDENT}}".join(parts)
