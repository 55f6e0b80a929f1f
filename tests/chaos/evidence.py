"""Everything that was observed in a run, as JSON: for whoever wants to know why a version was late."""

from __future__ import annotations

import json
from typing import Any

from tests.chaos.result import Run


def dump(run: Run) -> str:
    """One object; its times are seconds from the start of the run."""

    def at(moment: float) -> float:
        return round(moment - run.start, 3)

    said: dict[str, Any] = {
        "faults": [
            {
                "kind": done.fault.kind.name,
                "container": done.fault.container,
                "starts": done.fault.starts,
                "ends": done.fault.ends,
                "calls": done.felt,
            }
            for done in run.done
        ],
        "writes": [
            {
                "item": key.source_id,
                "timestamp": key.timestamp,
                "at": at(write.ended),
                "label": write.state.label if write.state else "deleted" if write.deleted else None,
                "versions": {ticker: write.version(ticker) for ticker in write.state.tickers} if write.state else {},
            }
            for key, writes in run.items.items()
            for write in writes
        ],
        "clients": [
            {
                "client": record.number,
                "spans": [
                    [one.container, at(one.opened), at(one.closed), one.resume, one.replayed, one.ended, one.behind]
                    for one in record.spans
                ],
                "anew": [[at(one.away), at(one.at), one.reason] for one in record.anew],
                "deliveries": [
                    [at(one.at), one.container, one.key.source_id, one.ticker, one.version, one.applied]
                    for one in record.deliveries
                ],
            }
            for record in run.records
        ],
        "containers": [
            {
                "container": container.number,
                "modes": [[at(one.at), one.mode, one.reason] for one in container.samples],
                "log": [[at(one.at), one.members] for one in container.lines],
            }
            for container in run.containers
        ],
    }
    return json.dumps(said, indent=None, default=str)
