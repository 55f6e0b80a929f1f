"""Soak: does the memory of the service stay flat while changes, corrections and deletions, and streams, come and go?

    publisher ─► service's queue ─► service ◄─► churn: streams of many filters, resumes, slow readers, snapshots
                          run samples its resident memory and the status' `memory`

It stands for two hours at 200 changes a second, and is shortened by its rate: bounds by count are reached by as many
changes, and bounds by time are set shorter. fan_out.story makes the changes, visits the streams, client opens them,
verdict says whether it stayed flat, run runs it.
"""

from tests.benchmarks.soak.run import main

__all__ = ["main"]
