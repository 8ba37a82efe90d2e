"""What the platform does: export a model, guard and answer its requests, describe it."""
