"""`streamer completion`: prints a script with which a shell completes commands, options and their values.

The script runs `streamer` with a variable in its environment; then `cli` calls `words.complete` in place of a command.
"""
