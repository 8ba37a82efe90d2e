"""What a language model wrote, made fit to be shown."""

from services.descriptions.description import Failed, Reason

LONGEST = 600


def shown(written: object) -> str:
    """One line of at most LONGEST printable characters; Failed when that leaves nothing."""
    if not isinstance(written, str):
        raise Failed(Reason.GARBLED)
    # Split first: line ends and tabs part words. What else isn't printable could turn text around or steer a terminal.
    words = " ".join(written[: 10 * LONGEST].split())
    line = "".join(one for one in words if one.isprintable()).strip()
    if not line:
        raise Failed(Reason.GARBLED)
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1].rstrip()}…"
