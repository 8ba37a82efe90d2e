"""The head of a connection's last request. Whose next one differs in the length of its body at most needs no parser."""

import re
from typing import NamedTuple, Self

from services.request import Header

_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,5})\r\n", re.IGNORECASE)
_NAME = b"content-length"


class Head(NamedTuple):
    """What was sent before and behind the digits of the length, and what the parser made of it."""

    before: bytes
    after: bytes
    url: bytes
    headers: list[Header]
    position: int  # of the length among them

    @classmethod
    def of(cls, sent: bytes, url: bytes, headers: list[Header]) -> Self | None:
        """The head of a request that was parsed, if `sent` is that request from its first byte to its last."""
        end = sent.find(_END) + len(_END)
        found = _LENGTH.search(sent, 0, end)
        if found is None or len(sent) != end + int(found[1]):
            return None
        position = [name for name, _ in headers].index(_NAME)
        return cls(sent[: found.start(1)], sent[found.end(1) : end], url, headers, position)

    def again(self, sent: bytes) -> tuple[list[Header], bytes] | None:
        """Headers and body, if `sent` is one whole request with this head; None for anything else."""
        before, after, _, headers, position = self
        if not sent.startswith(before):
            return None
        start = len(before)
        stop = sent.find(b"\r", start, start + 6)
        length, body = sent[start:stop], sent[stop + len(after) :]
        if stop < 0 or not sent.startswith(after, stop) or not length.isdigit() or int(length) != len(body):
            return None
        headers = headers.copy()
        headers[position] = (_NAME, length)
        return headers, body
