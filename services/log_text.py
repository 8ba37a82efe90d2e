"""What the platform logs, without what would forge a line of the log or steer the terminal that shows it.

A model's failure may quote what it was sent, and an endpoint or key is named by people.
"""

import logging
from textwrap import indent
from traceback import format_exception
from typing import Any

_OURS = "modelport"
_known = logging.getLogRecordFactory()


def install() -> None:
    """Have all records of the platform's loggers made so; those of others stay as they are."""
    logging.setLogRecordFactory(_make)


def plain(text: str) -> str:
    r"""The text with its control characters and line ends spelled out, as `\x1b` and `\n`."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def _make(*arguments: Any, **options: Any) -> logging.LogRecord:
    record = _known(*arguments, **options)
    if record.name.partition(".")[0] == _OURS:
        record.msg, record.args = plain(record.getMessage()), None
        if record.exc_info and record.exc_info[1] is not None:
            # Indented: whatever line a message contains, it can't be taken for one of the log's own.
            lines = "".join(format_exception(record.exc_info[1])).rstrip().split("\n")
            record.exc_text = indent("\n".join(map(plain, lines)), "  ")
    return record
