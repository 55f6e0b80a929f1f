"""What the service says of itself: a catalogue of metrics, what is counted and measured by it, its lines for
CloudWatch, traces, and structured logs.

    counters, lags ─► report (distribution, emf) ─► outlet ─► stdout        tracing (xray) ─► daemon, by UDP
    logs (line_rate) ─► log_queue ─► stderr
"""
