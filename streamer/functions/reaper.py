"""The reaper as a Lambda of its own, without a URL: only principals that may invoke it reach it.

Its entry point is `streamer.reaper_function.handler`, in the zip of REST. It takes
- `{"prune": {}}`, what the schedule has as its input (`{"prune": {"all": false, "dry_run": true, "limit": 50}}`
  likewise), or an EventBridge rule's own event (`{"source": "aws.events", …}`): one run of the reaper;
- `{"prune": {}}` with Terraform's `tf` beside it (`aws_lambda_invocation` with `lifecycle_scope = "CRUD"`): when
  Terraform destroys the deployment all its queues go, the living too; when it makes or changes it, nothing is done.
"""

from __future__ import annotations

import functools
import logging
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from streamer.clock import wall_ms
from streamer.errors import SettingsError, UnexpectedEvent, described

if TYPE_CHECKING:
    from streamer.intake.reaper import ReaperReport
    from streamer.settings import Settings

logger = logging.getLogger(__name__)

_AT_THE_END: Final = 500
"""Queues that a destroyed deployment leaves at most: a minute's work."""

_EXPECTED: Final = (
    'the reaper expects a schedule\'s {"prune": {}}, with all, dry_run (true or false) and limit (1 or more) if wanted,'
    ' or an EventBridge rule\'s event ({"source": "aws.events", …})'
)


def handler(event: object, _: object) -> dict[str, Any]:
    """Runs the reaper once: `{"removed": 2, "left": 5, "failed": 0, …, "fates": [{"kind", "name", "outcome", "reason"},
    …]}`.

    Raises SettingsError, UnexpectedEvent, or botocore's errors if queues or subscriptions cannot be listed.
    """
    match event:
        case {"prune": dict(), "tf": {"action": "create" | "update"}}:
            return {}
        case {"prune": dict(options), "tf": {"action": "delete"}}:
            return _prune({"all": True, "limit": _AT_THE_END, **options})
        case {"prune": dict(options)}:
            return _prune(options)
        case {"source": "aws.events"}:
            return _prune({})
        case _:
            raise UnexpectedEvent(f"{described(event)}; {_EXPECTED}")


@functools.cache
def _settings() -> Settings:
    """Read by the first invocation. An error is not kept."""
    from streamer import settings
    from streamer.telemetry.logs import configure

    read = settings.read(os.environ)
    configure(read.log_level, read.log_format)
    return read


def _prune(options: Mapping[str, object]) -> dict[str, Any]:
    from streamer.aws.clients import connect_queue
    from streamer.intake.reaper import LIMIT, Reaper

    everything, dry_run = options.get("all", False), options.get("dry_run", False)
    limit = options.get("limit", LIMIT)
    known = set(options) <= {"all", "dry_run", "limit"} and isinstance(everything, bool) and isinstance(dry_run, bool)
    if not known or type(limit) is not int or limit < 1:
        raise UnexpectedEvent(f"the options of prune are not right; {_EXPECTED}")
    settings = _settings()
    if settings.topic_arn is None:
        raise SettingsError(["CHANGES_TOPIC_ARN: not set; it names the topic whose queues are looked after"])
    clients = connect_queue(settings.receive_wait)
    try:
        reaper = Reaper(clients, settings.topic_arn, settings.queue_prefix)
        report = reaper.prune(everything=everything is True, dry_run=dry_run is True, limit=limit)
    finally:
        clients.close()
    said = _reported(report)
    level = logging.WARNING if report.those("failed") else logging.INFO
    logger.log(level, "queues pruned", extra={name: count for name, count in said.items() if name != "fates"})
    if settings.metrics == "emf":
        from streamer.telemetry.emf import encode

        for line in encode(_counted(report), deployment=settings.deployment_name, at_ms=wall_ms()):
            sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    return said


def _counted(report: ReaperReport) -> dict[str, float]:
    """By the names of the metrics' catalogue."""
    removed = [fate.kind for fate in report.those("removed")]
    return {
        "queues_found": sum(fate.kind == "queue" for fate in report.fates),
        "queues_dead": report.dead,
        "queues_removed": removed.count("queue"),
        "queues_failed": len(report.those("failed")),
        "subscriptions_removed": removed.count("subscription"),
    }


def _reported(report: ReaperReport) -> dict[str, Any]:
    outcomes: dict[str, Any] = {
        outcome.replace(" ", "_"): len(report.those(outcome))
        for outcome in ("removed", "would be removed", "left", "failed")
    }
    fates = [
        {"kind": fate.kind, "name": fate.name, "outcome": fate.outcome, "reason": fate.reason} for fate in report.fates
    ]
    return {**outcomes, "fates": fates}
