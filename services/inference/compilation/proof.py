"""The parity proof: the compiled model must answer every row as the original does, or it is not served."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from services.inference.compilation import Precision
from services.inference.compilation.answers import Answer, answers
from services.inference.instances import Row
from services.inference.runtimes import Runtime

TOLERANCE = 1e-5
"""How far a number may be off, as a fraction of the larger of itself and of what this output usually is (a probability: 1).

float32 carries 24 bits, 6e-8 of a number; sums over hundreds of terms stay within 1e-5, and an answer with five right
digits is the same answer. Labels have no tolerance.
"""

_ALONE = 5  # rows that are also asked one by one: a graph may be right for a batch and wrong for a row


@dataclass(frozen=True)
class Proof:
    """What a comparison showed; `max_difference` is relative, as TOLERANCE is. `reason` is one line, empty when it passed."""

    rows: int
    labels_equal: bool
    max_difference: float | None
    tolerance: float
    precision: Precision
    passed: bool
    reason: str = ""

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return asdict(self)


def prove(original: Runtime, compiled: Runtime, rows: Sequence[Row], precision: Precision, seen: int) -> Proof:
    """Compare both on all rows, of which the first `seen` are the sample's and show how large each output usually is."""
    return compare(answers(original, rows), compiled, rows, precision, seen)


def compare(
    wanted: Sequence[Answer | None], compiled: Runtime, rows: Sequence[Row], precision: Precision, seen: int
) -> Proof:
    """The same against what the original already answered. A row that it fails on itself shows nothing, and isn't counted."""
    alone = [answer for row in rows[:_ALONE] for answer in answers(compiled, [row])]
    got = answers(compiled, rows) + alone
    pairs = list(zip([*wanted, *wanted[:_ALONE]], got, [*rows, *rows[:_ALONE]], strict=True))
    count = sum(want is not None for want in wanted)
    if not count:
        return Proof(0, False, None, TOLERANCE, precision, False, "the original answers no row")
    unequal = next((reason for want, have, row in pairs if (reason := _unequal(want, have, row))), "")
    if unequal:
        return Proof(count, False, None, TOLERANCE, precision, False, unequal)
    usual = _usual(wanted[:seen])
    off = [_off(want, have, usual) for want, have, _ in pairs]
    worst = int(np.argmax(off))
    passed = off[worst] <= TOLERANCE
    reason = "" if passed else f"its numbers are off by {off[worst]:.1e}, at most for {shown(pairs[worst][2])}"
    return Proof(count, True, off[worst], TOLERANCE, precision, passed, reason)


def _unequal(want: Answer | None, have: Answer | None, row: Row) -> str:
    """In one line what differs beyond numbers; empty when nothing does."""
    if want is None:
        return ""
    if have is None:
        return f"it fails on {shown(row)}"
    if want.labels != have.labels:
        (_, wanted), (_, got) = next(
            (pair for pair in zip(want.labels, have.labels, strict=False) if pair[0] != pair[1]),
            ((None, "?"), (None, "?")),
        )
        return f"it answers {got!r} instead of {wanted!r} for {shown(row)}"
    if want.numbers.shape != have.numbers.shape:
        return f"it answers {have.numbers.size} numbers instead of {want.numbers.size} for {shown(row)}"
    return ""


def _usual(seen: Sequence[Answer | None]) -> Any:
    """The mean magnitude of each number over the sample; of all of them where rows have different numbers of them."""
    known = [np.abs(answer.numbers) for answer in seen if answer is not None]
    if len({numbers.shape for numbers in known}) == 1:
        return np.mean(known, axis=0)
    return np.mean(np.concatenate(known)) if known else 0.0


def _off(want: Answer | None, have: Answer | None, usual: Any) -> float:
    if want is None or have is None or not want.numbers.size:
        return 0.0
    measure = np.maximum(np.maximum(np.abs(want.numbers), usual), want.units)
    difference = np.abs(want.numbers - have.numbers)
    return float(np.max(np.divide(difference, measure, out=np.zeros_like(difference), where=difference > 0)))


def shown(row: Row) -> str:
    """A row as one short piece of text."""
    text = ", ".join(f"{value:.9g}" if isinstance(value, float) else repr(value) for value in row)
    return f"[{text if len(text) <= 120 else text[:117] + '...'}]"
