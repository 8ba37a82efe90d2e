"""`modelport demo`: trains the traffic classifier, exports it, serves it, and says how to call it."""


def demo() -> None:
    """Train an example, export it and serve it, ready to be called.

    Example: modelport demo
    """
