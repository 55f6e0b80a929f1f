"""The status of one container, for /api/v2/stream/status, the health check and the gauges."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from streamer import __version__
from streamer.change import iso_time
from streamer.clock import wall_ms
from streamer.hub.hub import Hub
from streamer.intake.failover import Failover, ModeName
from streamer.intake.intake import Intake
from streamer.publisher import Publisher
from streamer.streams.admission import Admission
from streamer.streams.delivery import Delivery
from streamer.streams.stream import OpenStream
from streamer.subscriptions import ConfigurationSubscriptions
from streamer.telemetry.counters import Counters, Lags
from streamer.telemetry.prometheus import Values
from streamer.web.health import Readiness


class ServiceStatus:
    """Called in the event loop; no method blocks."""

    def __init__(
        self,
        failover: Failover,
        publisher: Publisher,
        hub: Hub[OpenStream],
        delivery: Delivery,
        admission: Admission,
        counters: Counters,
        lags: Lags,
        subscriptions: ConfigurationSubscriptions | None,
    ) -> None:
        """`subscriptions`: None without a users table."""
        self._failover = failover
        self._publisher = publisher
        self._hub = hub
        self._delivery = delivery
        self._admission = admission
        self._counters = counters
        self._lags = lags
        self._subscriptions = subscriptions

    def members(self) -> Mapping[str, object]:
        """Returns the members of the /api/v2/stream/status response, without ARNs and queue names."""
        now_ms = wall_ms()
        return {
            "connections": self._admission.taken,
            "max_connections": self._admission.limit,
            "available": self._admission.available,
            "available_to_all": self._admission.available_to_all,
            "uptime_seconds": round(self._delivery.uptime, 3),
            "mode": self._failover.mode,
            "mode_reason": self._failover.reason,
            "mode_since": iso_time(self._failover.since_ms),
            "ages": {
                "change_seconds": _age(self._publisher.changed_ms, now_ms),
                "canary_seconds": _age(self._publisher.canary_ms, now_ms),
                "watermark_seconds": _age(self._hub.watermark_ms or None, now_ms),
                "configurations_seconds": self._configurations_age(now_ms),
            },
            "lag": self._lags.snapshot(),
            "counters": self._counters.snapshot(),
            "version": __version__,
        }

    def gauges(self) -> Mapping[str, float | None]:
        """Returns the gauges, by the names of the metrics' catalogue."""
        now_ms = wall_ms()
        return {
            "streams_open": self._admission.taken,
            **{f"mode_{mode}": int(self._failover.mode == mode) for mode in get_args(ModeName)},
            "canary_age": _age(self._publisher.canary_ms, now_ms),
            "watermark_age": _age(self._hub.watermark_ms or None, now_ms),
            "configurations_age": self._configurations_age(now_ms),
        }

    def values(self) -> Values:
        """Returns the metrics for Prometheus. The time does not depend on the number of streams."""
        return Values(self._counters.snapshot(), self.gauges(), self._lags.histograms, __version__)

    def readiness(self, intake: Intake) -> Readiness:
        """Returns ready after the first query, or after `ready_after` seconds without one. The reason says which."""
        if self._delivery.draining:
            return Readiness(False, "draining")
        if intake.is_ready:
            return Readiness(True, f"{self._failover.mode}: {self._failover.reason}")
        return Readiness(False, self._failover.reason)

    def _configurations_age(self, now_ms: int) -> float | None:
        return None if self._subscriptions is None else _age(self._subscriptions.proved_ms, now_ms)


def _age(moment_ms: int | None, now_ms: int) -> float | None:
    return None if moment_ms is None else round(max(0, now_ms - moment_ms) / 1000, 3)
