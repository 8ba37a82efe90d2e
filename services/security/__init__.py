"""Credentials as pure functions: no HTTP, no SQL."""
