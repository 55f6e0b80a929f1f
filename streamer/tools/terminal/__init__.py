"""Shared by the commands: exit codes and errors, Ctrl-C, confirmation, tables, progress, printable text."""
