"""Reads what a builder prints: its steps, and what it said last."""

import re
from collections import deque
from collections.abc import Callable, Iterable

_MARKS = (
    r"(?:\[\d+/\d+\] )?STEP (\d+)/(\d+): ",  # podman and buildah
    r"Step (\d+)/(\d+) : ",  # docker
    r"#\d+ \[(?:\S+ )?\s*(\d+)/(\d+)\] ",  # docker's BuildKit
)
_STEPS = [re.compile(mark + r"((?:FROM|RUN|COPY) .*)") for mark in _MARKS]  # the others take no time
_LEVEL = re.compile(r"(?:INFO|WARNING|ERROR|DEBUG):(?: |$)")
_BENTOML_REPEATS = "Encountered exception while trying to building image"
_LAST, _WIDTH = 8, 110  # lines, characters


def step_of(line: str) -> str | None:
    """`STEP 18/32: RUN apt-get …` as `18/32 RUN apt-get …`; None for any other line."""
    for pattern in _STEPS:
        if found := pattern.match(line):
            done, of, what = found.groups()
            words = " ".join(what.split())
            return f"{done}/{of} {words if len(words) <= _WIDTH else f'{words[:_WIDTH]}…'}"
    return None


def follow(output: Iterable[str], report: Callable[[str], None], everything: bool) -> list[str]:
    """Report each step, or every line; the last lines that the builder itself said."""
    last: deque[str] = deque(maxlen=_LAST)
    repeating, before = False, None
    for raw in output:
        line = _LEVEL.sub("", raw.rstrip(), count=1)
        repeating = repeating or line.startswith(_BENTOML_REPEATS)
        step = step_of(line)
        if everything:
            report(line)
        elif step and step != before:
            report(step)
        before = step or before
        if line.strip() and not repeating:
            last.append(line)
    return list(last)
