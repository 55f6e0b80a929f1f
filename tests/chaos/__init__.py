"""The gate: real containers, real faults, and an account of every version that was written.

    seed ─► plan ─► faults ───────────────────────────────┐ (each has its time, its target and its bounds)
                                                           ▼
    writer ─► table ─► mapping ─► shards ─► relay ─► topic ─► queues ─► injector ─► `streamer serve` ×3 ─► clients ×8
      │                                                                               │ status          │
      └─► writes ─────────────────────────────► accounting ◄──────────── modes ◄──────┘    shown ◄──────┘
                                                    └─► verdict ─► report (terminal) and page (HTML)

`plan`, `kinds`, `answers`, `index`, `messages`, `story`, `accounting` and `page` are pure; `gate` puts all in motion.
"""
