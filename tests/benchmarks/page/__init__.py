"""The page in Chromium: how soon it shows something, how still it stands, what it costs.

    streamer demo (real)  ─►  opening (first row, first chart, layout shift), work (main thread), tabs
    a scripted stream     ─►  hour (memory)

demo and chromium start what is measured, figure compares it with its aim, run prints the table.
"""

from tests.benchmarks.page.run import main

__all__ = ["main"]
