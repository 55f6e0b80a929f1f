"""The servers that are measured. Each peer is a module to run, `python -m … PORT`, written as its users write it: GET
/stream is a stream, POST /publish an event for everybody. `start` starts them, nchan and the service."""
