"""The wire format, pure: what each event says (`events`) and how it becomes bytes (`encode`).

Specification: WHATWG HTML, 9.2 Server-sent events. The contract for clients is docs/events.md.
"""
