"""What the platform does: export a model, guard and answer its requests, describe it."""

__version__ = "0.1.0"
