"""The dashboard of docs/grafana.json. `python -m tests.contract.grafana >docs/grafana.json` writes it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from streamer.telemetry.catalogue import COUNTERS, GAUGES, HOPS, Metric
from streamer.telemetry.prometheus import family

_METRICS = {metric.name: metric for metric in (*GAUGES, *COUNTERS, *HOPS)}
_CHOSEN = '{job=~"$job", instance=~"$instance"}'
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_GREEN, _BLUE, _ORANGE, _RED = "green", "blue", "orange", "red"

Line = tuple[str, str]
"""A query and its legend."""


def _now(name: str, how: str = "sum") -> str:
    return f"{how}({family(_METRICS[name])}{_CHOSEN})"


def _rate(name: str) -> str:
    return f"sum(rate({family(_METRICS[name])}_total{_CHOSEN}[$__rate_interval]))"


def _increase(name: str) -> str:
    return f"sum(increase({family(_METRICS[name])}_total{_CHOSEN}[$__rate_interval]))"


def _percentile(name: str, part: float) -> str:
    buckets = f"{family(_METRICS[name])}_bucket{_CHOSEN}"
    return f"histogram_quantile({part}, sum by (le) (rate({buckets}[$__rate_interval])))"


class Board:
    """Places panels from left to right, in rows of 24 columns."""

    def __init__(self) -> None:
        self.panels: list[dict[str, Any]] = []
        self._x = self._y = self._height = 0

    def row(self, title: str, *, collapsed: bool = False) -> None:
        self._y, self._x, self._height = self._y + self._height, 0, 0
        place = {"h": 1, "w": 24, "x": 0, "y": self._y}
        self._add({"type": "row", "title": title, "collapsed": collapsed, "gridPos": place, "panels": []})
        self._y += 1

    def panel(
        self,
        title: str,
        lines: Sequence[Line],
        *,
        about: str,
        width: int = 6,
        height: int = 8,
        unit: str = "short",
        kind: str = "timeseries",
        limit: float | None = None,
        colors: dict[str, str] | None = None,
    ) -> None:
        """`limit`: draws a line. `colors`: of legends."""
        if self._x + width > 24:
            self._y, self._x, self._height = self._y + self._height, 0, 0
        steps: list[dict[str, Any]] = [{"color": _GREEN, "value": None}]
        custom: dict[str, Any] = {"lineWidth": 2, "fillOpacity": 10, "showPoints": "never", "spanNulls": False}
        if limit is not None:
            steps.append({"color": _RED, "value": limit})
            custom["thresholdsStyle"] = {"mode": "line"}
        defaults: dict[str, Any] = {"unit": unit, "min": 0, "thresholds": {"mode": "absolute", "steps": steps}}
        if kind == "timeseries":
            defaults["custom"] = custom
        self._add(
            {
                "type": kind,
                "title": title,
                "description": about,
                "datasource": _SOURCE,
                "gridPos": {"h": height, "w": width, "x": self._x, "y": self._y},
                "fieldConfig": {"defaults": defaults, "overrides": [_color(*each) for each in (colors or {}).items()]},
                "options": _OPTIONS[kind],
                "targets": [
                    {
                        "refId": chr(ord("A") + number) if number < 26 else f"A{number}",
                        "datasource": _SOURCE,
                        "expr": query,
                        "legendFormat": legend,
                    }
                    for number, (query, legend) in enumerate(lines)
                ],
            }
        )
        self._x, self._height = self._x + width, max(self._height, height)

    def _add(self, panel: dict[str, Any]) -> None:
        self.panels.append({"id": len(self.panels) + 1, **panel})


_OPTIONS: dict[str, dict[str, Any]] = {
    "timeseries": {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "stat": {"colorMode": "value", "graphMode": "area", "reduceOptions": {"calcs": ["lastNotNull"]}},
}


def _color(legend: str, color: str) -> dict[str, Any]:
    return {
        "matcher": {"id": "byName", "options": legend},
        "properties": [{"id": "color", "value": {"mode": "fixed", "fixedColor": color}}],
    }


def _about(*names: str) -> str:
    return "\n\n".join(f"**{name}**: {_METRICS[name].meaning}" for name in names)


def _panels() -> list[dict[str, Any]]:
    board = Board()
    board.row("Do users get events, how late, since when not?")
    board.panel(
        "Streams open now",
        [(_now("streams_open"), "streams")],
        about=_about("streams_open"),
        width=4,
        kind="stat",
    )
    board.panel(
        "Events delivered",
        [(_rate("events_delivered"), "over all streams")],
        about=_about("events_delivered"),
        width=5,
        unit="cps",
    )
    board.panel(
        "Table write to stream",
        [(_percentile("committed_to_sent", 0.5), "p50"), (_percentile("committed_to_sent", 0.99), "p99")],
        about=_about("committed_to_sent"),
        width=5,
        unit="s",
        limit=3,
    )
    modes = {"push": _GREEN, "both": _BLUE, "poll": _ORANGE, "down": _RED}
    board.panel(
        "Containers by mode",
        [(_now(f"mode_{mode}"), mode) for mode in modes],
        about=_about(*(f"mode_{mode}" for mode in modes)),
        width=5,
        colors=modes,
    )
    board.panel(
        "Turned away or cut",
        [
            (_increase("streams_refused"), "refused: full"),
            (_increase("streams_slow"), "closed: too slow"),
            (_increase("streams_reset"), "reset: place not covered"),
        ],
        about=_about("streams_refused", "streams_slow", "streams_reset"),
        width=5,
        colors={"refused: full": _RED, "closed: too slow": _ORANGE, "reset: place not covered": _BLUE},
    )
    board.row("Hops: table → relay → topic → queue → stream")
    board.panel(
        "Lag by hop, p99",
        [
            (_percentile("committed_to_relayed", 0.99), "table → relay"),
            (_percentile("relayed_to_received", 0.99), "relay → topic → queue → container"),
            (_percentile("received_to_sent", 0.99), "container → stream"),
        ],
        about=_about("committed_to_relayed", "relayed_to_received", "received_to_sent"),
        width=8,
        unit="s",
    )
    board.panel(
        "Proof: seconds since",
        [
            (_now("canary_age", "max"), "the last canary came"),
            (_now("watermark_age", "max"), "everything written is known to be sent"),
        ],
        about=_about("canary_age", "watermark_age"),
        width=8,
        unit="s",
        limit=120,
    )
    caught = ("items_missed", "leases_lost", "messages_poison", "messages_failed", "queries_failed")
    board.panel(
        "Caught or lost on the way",
        [(_increase(name), name) for name in caught],
        about=_about(*caught),
        width=8,
        colors={"queries_failed": _RED},
    )
    board.row("By container")
    board.panel(
        "Open streams",
        [(f"sum by (instance) ({family(_METRICS['streams_open'])}{_CHOSEN})", "{{instance}}")],
        about=_about("streams_open"),
        width=8,
    )
    late = f"{family(_METRICS['received_to_sent'])}_bucket{_CHOSEN}"
    board.panel(
        "Receipt to stream, p99",
        [
            (
                f"histogram_quantile(0.99, sum by (le, instance) (rate({late}[$__rate_interval])))",
                "{{instance}}",
            )
        ],
        about=_about("received_to_sent"),
        width=8,
        unit="s",
    )
    board.panel(
        "Requests to AWS",
        [(_rate(name), name) for name in ("queue_requests", "table_requests")],
        about=_about("queue_requests", "table_requests"),
        width=8,
        unit="reqps",
    )
    board.row("Every counter, a second, over all containers")
    for title, members in _groups(COUNTERS):
        board.panel(
            title, [(_rate(metric.name), metric.name) for metric in members], about=_about(*(m.name for m in members))
        )
    return board.panels


def _groups(metrics: Iterable[Metric]) -> list[tuple[str, list[Metric]]]:
    """Groups the counters by the first word of their names; those that are alone are in the last group."""
    groups: dict[str, list[Metric]] = {}
    for metric in metrics:
        groups.setdefault(metric.name.split("_")[0], []).append(metric)
    alone = [metric for members in groups.values() if len(members) == 1 for metric in members]
    several = [(word, members) for word, members in groups.items() if len(members) > 1]
    return [*several, ("others", alone)]


def _query(name: str, label: str, of: str) -> dict[str, Any]:
    return {
        "name": name,
        "label": name,
        "type": "query",
        "datasource": _SOURCE,
        "query": {"query": f"label_values({of}, {label})", "refId": name},
        "refresh": 2,
        "multi": True,
        "includeAll": True,
        "allValue": ".+",
        "current": {"text": "All", "value": "$__all"},
    }


def document() -> dict[str, Any]:
    """Returns the dashboard, in the format that Grafana imports."""
    streams = family(_METRICS["streams_open"])
    return {
        "title": "Sentiment streamer",
        "uid": "sentiment-streamer",
        "tags": ["sentiment-streamer"],
        "schemaVersion": 39,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {
            "list": [
                {"name": "datasource", "label": "datasource", "type": "datasource", "query": "prometheus"},
                _query("job", "job", streams),
                _query("instance", "instance", f'{streams}{{job=~"$job"}}'),
            ]
        },
        "panels": _panels(),
    }


def text() -> str:
    """Returns the text of docs/grafana.json."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    print(text(), end="")  # noqa: T201 - for a shell's redirection
