"""The reaper's Lambda function. It has no URL: only principals with the permission to invoke it can call it.

Its entry point is `streamer.reaper_function.handler`, in the zip of the REST function. It accepts
- `{"prune": {}}`, the input of the schedule, with options such as `{"prune": {"all": false, "dry_run": true, "limit":
  50}}`, or an event of an EventBridge rule (`{"source": "aws.events", …}`): runs the reaper once;
- `{"prune": {}}` with Terraform's member `tf` (`aws_lambda_invocation` with `lifecycle_scope = "CRUD"`): deletes all
  queues of the deployment when Terraform destroys it; does nothing when Terraform creates or changes it.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from streamer.clock import wall_ms
from streamer.errors import SettingsError, UnexpectedEvent, describe_event
from streamer.functions.environment import load_settings

if TYPE_CHECKING:
    from streamer.intake.reaper import ReaperReport

logger = logging.getLogger(__name__)

_DESTROY_LIMIT: Final = 500
"""Maximum number of queues that are deleted when the deployment is destroyed; takes about a minute."""

_EXPECTED: Final = (
    'the reaper expects {"prune": {}}, with the options all, dry_run (true or false) and limit (1 or more),'
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
            return _prune({"all": True, "limit": _DESTROY_LIMIT, **options})
        case {"prune": dict(options)}:
            return _prune(options)
        case {"source": "aws.events"}:
            return _prune({})
        case _:
            raise UnexpectedEvent(f"{describe_event(event)}; {_EXPECTED}")


def _prune(options: Mapping[str, object]) -> dict[str, Any]:
    from streamer.aws.clients import connect_queue
    from streamer.intake.reaper import LIMIT, Reaper

    everything, dry_run = options.get("all", False), options.get("dry_run", False)
    limit = options.get("limit", LIMIT)
    known = set(options) <= {"all", "dry_run", "limit"} and isinstance(everything, bool) and isinstance(dry_run, bool)
    if not known or type(limit) is not int or limit < 1:
        raise UnexpectedEvent(f"the options of prune are not valid; {_EXPECTED}")
    settings = load_settings()
    if settings.topic_arn is None:
        raise SettingsError(["CHANGES_TOPIC_ARN: not set; it is the topic whose queues the reaper deletes"])
    clients = connect_queue(settings.receive_wait)
    try:
        reaper = Reaper(clients, settings.topic_arn, settings.queue_prefix)
        report = reaper.prune(everything=everything is True, dry_run=dry_run is True, limit=limit)
    finally:
        clients.close()
    summary = _reported(report)
    level = logging.WARNING if report.those("failed") else logging.INFO
    logger.log(level, "queues pruned", extra={name: count for name, count in summary.items() if name != "fates"})
    if settings.metrics == "emf":
        from streamer.telemetry.emf import encode

        for line in encode(_counted(report), deployment=settings.deployment_name, at_ms=wall_ms()):
            sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    return summary


def _counted(report: ReaperReport) -> dict[str, float]:
    """Returns the counts by the names in `telemetry.catalogue`."""
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
