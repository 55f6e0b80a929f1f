"""Fan-out beside other servers: how much one delivered event costs, how late it comes, what an idle stream holds.

    publisher ─► server (on a core of its own) ─► client's streams
    (POST, or the service's queue)                (counts, looks closely at some)
         └───────────── orders from run ──────────────┘

scenario says what is measured, bench measures it once, run does so in rounds, report makes docs/benchmarks.md of it.
"""

from tests.benchmarks.fan_out.run import full as main

__all__ = ["main"]
