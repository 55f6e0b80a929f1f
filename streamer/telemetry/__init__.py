"""What the service says of itself: a catalogue of metrics, the counters kept by it, lag per hop, structured logs."""
