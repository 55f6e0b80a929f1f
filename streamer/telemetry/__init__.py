"""Metrics for CloudWatch and Prometheus, traces, and structured logs.

A thread writes the lines, so that the event loop never blocks on stdout or stderr.

    catalogue ─► counters ─► report (distribution, emf) ─► writer ─► stdout      tracing ─► xray ─► daemon
                          └► prometheus (histogram) ─► GET /metrics                            └► otlp ─► collector
    logs ─► log_queue (line_rate) ─► writer ─► stderr
"""
