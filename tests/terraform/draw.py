"""Draws a CloudWatch dashboard with made-up values, to look at its layout, titles and legends without AWS:

    terraform show -json PLAN | python -m tests.terraform.draw picture.png
    python -m tests.terraform.draw picture.png <dashboard_body.json

CloudWatch's own rendering differs in detail; the grid of 24 columns is the same.
"""

from __future__ import annotations

import html
import json
import math
import random
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import sync_playwright

COLUMN: Final = 66
LINE: Final = 50
"""Pixels of a unit of the grid."""
_PALETTE: Final = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f")
_POINTS: Final = 90
_STYLE: Final = """
body { margin: 0; font: 12px/1.35 "Helvetica Neue", Arial, sans-serif; background: #f2f3f3; color: #16191f }
.widget { position: absolute; box-sizing: border-box; padding: 3px }
.card { height: 100%; overflow: hidden; background: #fff; border: 1px solid #d5dbdb; box-sizing: border-box;
  padding: 6px 8px }
.bare .card { background: none; border: 0 }
h1, h2, p { margin: 0 0 2px } h1 { font-size: 20px } h2 { font-size: 17px } b.title { display: block; font-size: 13px }
.legend { display: flex; flex-wrap: wrap; gap: 0 12px }
.legend i { display: inline-block; width: 9px; height: 9px; margin-right: 4px }
.numbers { display: flex; flex-wrap: wrap; gap: 10px 24px; padding-top: 8px } .numbers div { min-width: 42% }
.numbers big { display: block; font-size: 34px; line-height: 1.1 }
.alarms { display: flex; flex-wrap: wrap; gap: 4px; padding-top: 4px }
.alarms span { padding: 3px 6px; border: 1px solid #d5dbdb; border-left: 4px solid #2ca02c; font-size: 11px }
.alarms span.on { border-left-color: #d62728; background: #fdecea }
table { border-collapse: collapse; font: 11px monospace; width: 100% }
td, th { text-align: left; white-space: nowrap; padding: 1px 6px }
"""


def page(body: Mapping[str, Any]) -> str:
    """Returns the dashboard as HTML."""
    widgets = body["widgets"]
    height = max(widget["y"] + widget["height"] for widget in widgets) * LINE
    drawn = "".join(_widget(widget) for widget in widgets)
    head = f'<meta charset="utf-8"><style>{_STYLE}</style>'
    return f'{head}<div style="position:relative;height:{height}px">{drawn}</div>'


def _widget(widget: Mapping[str, Any]) -> str:
    kind, properties = widget["type"], widget["properties"]
    width, height = widget["width"] * COLUMN, widget["height"] * LINE
    style = f"left:{widget['x'] * COLUMN}px;top:{widget['y'] * LINE}px;width:{width}px;height:{height}px"
    title = f'<b class="title">{html.escape(properties.get("title", ""))}</b>'
    if kind == "text":
        text = _markdown(properties["markdown"])
        return f'<div class="widget bare" style="{style}"><div class="card">{text}</div></div>'
    inner = {"metric": _metric, "log": _log, "alarm": _alarms}[kind](properties, width - 24, height - 30)
    return f'<div class="widget" style="{style}"><div class="card">{title}{inner}</div></div>'


def _markdown(text: str) -> str:
    text = html.escape(text, quote=False)
    for pattern, replacement in (
        (r"\*\*(.+?)\*\*", r"<b>\1</b>"),
        (r"\*(.+?)\*", r"<i>\1</i>"),
        (r"`(.+?)`", r"<code>\1</code>"),
        (r"\[(.+?)\]\((.+?)\)", r'<a href="\2">\1</a>'),
    ):
        text = re.sub(pattern, replacement, text)
    lines = []
    for line in text.split("\n"):
        level = len(line) - len(line.lstrip("#"))
        lines.append(f"<h{level}>{line.lstrip('# ')}</h{level}>" if level else f"<p>{line}</p>")
    return "".join(lines)


def _shown(properties: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The labels of what is drawn, with their colors."""
    options = [line[-1] if isinstance(line[-1], dict) else {} for line in properties["metrics"]]
    visible = [option for option in options if option.get("visible", True)]
    return [
        (option.get("label", "?"), option.get("color", _PALETTE[position % len(_PALETTE)]))
        for position, option in enumerate(visible)
    ]


def _values(label: str, limit: float | None, chance: random.Random) -> list[float]:
    """Two hours of good times, then trouble: push breaks, and the containers poll."""
    if re.search(r"error|fail|throttl|refused|slow$|down|none|lost|kept|failure|abandoned|removed|dead", label):
        return [0 if at < 60 or at > 66 else chance.randint(1, 6) for at in range(_POINTS)]
    if label in ("push", "poll"):
        return [2 if (at < 60) is (label == "push") else 0 for at in range(_POINTS)]
    if label == "both":
        return [0.0] * _POINTS
    top = (limit or 40) / 3
    return [max(0, top * (1 + 0.3 * math.sin(at / 9)) + chance.gauss(0, top / 9)) for at in range(_POINTS)]


def _metric(properties: Mapping[str, Any], width: int, height: int) -> str:
    shown = _shown(properties)
    chance = random.Random(properties["title"])
    limits = [line["value"] for line in properties.get("annotations", {}).get("horizontal", ())]
    limit = limits[0] if limits else None
    series = [_values(label, limit, chance) for label, _ in shown]
    if properties["view"] == "singleValue":
        numbers = "".join(
            f'<div>{html.escape(label)}<big style="color:{color}">{values[-1]:.0f}</big></div>'
            for (label, color), values in zip(shown, series, strict=True)
        )
        return f'<div class="numbers">{numbers}</div>'
    legend = "".join(f'<span><i style="background:{color}"></i>{html.escape(label)}</span>' for label, color in shown)
    rows = 1 + sum(len(label) * 6 + 25 for label, _ in shown) // width
    return _plot(properties, shown, series, limit, width, height - rows * 17) + f'<div class="legend">{legend}</div>'


def _plot(
    properties: Mapping[str, Any],
    shown: Sequence[tuple[str, str]],
    series: Sequence[Sequence[float]],
    limit: float | None,
    width: int,
    height: int,
) -> str:
    stacked = properties["stacked"]
    top = max(sum(each) if stacked else max(each) for each in zip(*series, strict=True))
    top = 1.1 * max(top, limit or 0, 1)

    def point(at: int, value: float) -> str:
        return f"{34 + at * (width - 36) / (_POINTS - 1):.1f},{height - 4 - value / top * (height - 18):.1f}"

    label = html.escape(properties["yAxis"]["left"]["label"])
    parts = [f'<text x="0" y="9" font-size="10" fill="#687078">{label}</text>']
    for part in (0, 0.5, 1):
        y = height - 4 - part / 1.1 * (height - 18)
        parts.append(f'<line x1="34" x2="{width}" y1="{y}" y2="{y}" stroke="#eaeded"/>')
        parts.append(f'<text x="0" y="{y + 3}" font-size="10" fill="#687078">{top / 1.1 * part:,.0f}</text>')
    base = [0.0] * _POINTS
    for (_, color), values in zip(shown, series, strict=True):
        above = [low + value for low, value in zip(base, values, strict=True)] if stacked else values
        line = " ".join(point(at, value) for at, value in enumerate(above))
        if stacked:
            below = " ".join(point(at, base[at]) for at in reversed(range(_POINTS)))
            parts.append(f'<polygon points="{line} {below}" fill="{color}" opacity=".75"/>')
            base = list(above)
        else:
            parts.append(f'<polyline points="{line}" fill="none" stroke="{color}" stroke-width="1.6"/>')
    if limit is not None:
        parts.append(f'<polyline points="{point(0, limit)} {point(_POINTS - 1, limit)}" stroke="#d62728"/>')
    return f'<svg width="{width}" height="{height}">{"".join(parts)}</svg>'


def _log(properties: Mapping[str, Any], width: int, height: int) -> str:
    fields = next(part for part in properties["query"].split(" | ") if part.startswith("fields "))
    names = [name.split(" as ")[-1].strip() for name in re.split(r",(?![^(]*\))", fields.removeprefix("fields "))]
    made = {
        "@timestamp": "2026-11-29T03:{:02d}:07.412Z",
        "line": "failed, trying again",
        "why": "sqs:ReceiveMessage: AccessDenied",
    }
    head = "".join(f"<th>{html.escape(name)}</th>" for name in names)
    rows = "".join(
        "<tr>" + "".join(f"<td>{made.get(name, 'streamer/0f6e…').format(59 - at)}</td>" for name in names) + "</tr>"
        for at in range(20)
    )
    return f"<table><tr>{head}</tr>{rows}</table>"


def _alarms(properties: Mapping[str, Any], width: int, height: int) -> str:
    names = [arn.rsplit(":", 1)[1] for arn in properties["alarms"]]
    on = ("not-pushing", "canary", "memory")
    tiles = (f'<span class="{"on" if name.endswith(on) else "ok"}">{html.escape(name)}</span>' for name in names)
    return f'<div class="alarms">{"".join(tiles)}</div>'


def picture(body: Mapping[str, Any], to: Path) -> None:
    """Writes the picture with chromium."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        source = Path(folder) / "dashboard.html"
        source.write_text(page(body))
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        view = browser.new_page(viewport={"width": 24 * COLUMN, "height": 900})
        view.goto(source.as_uri())
        view.screenshot(path=to, full_page=True)
        browser.close()


def _body(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Finds the dashboard in a plan, or takes the body itself."""
    if "widgets" in given:
        return given
    resources = given["planned_values"]["root_module"]["resources"]
    text = next(each["values"]["dashboard_body"] for each in resources if each["type"] == "aws_cloudwatch_dashboard")
    body: Mapping[str, Any] = json.loads(text)
    return body


if __name__ == "__main__":
    picture(_body(json.load(sys.stdin)), Path(sys.argv[1]))
