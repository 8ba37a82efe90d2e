"""Exports asked for over HTTP: queued in the registry, done one at a time by a process of their own on each machine."""
