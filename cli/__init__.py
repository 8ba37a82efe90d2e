"""The `modelport` command: each command parses, calls, prints. Everything else is imported inside the commands."""
