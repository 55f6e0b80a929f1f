"""What the commands share at a terminal: exit codes and errors, Ctrl-C, confirmation, tables, progress, safe text."""
