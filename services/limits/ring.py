"""The limit algorithm: an exact sliding log in 4096 bytes, whatever the limit.

A slot is 512 words of 64 bits: one state word, then a ring of 511 cells, oldest first from `tail`. A cell is
(microseconds << 16 | count): so many admissions, stamped with the latest of them. With N admissions allowed, the newest
cell takes up to g = ceil(N / 511) before the next one is opened. A call drops the cells that have left the window
(amortised O(1): each is dropped once) and is admitted if what is left, plus its cost, is at most N.

Bounds, on a clock of whole microseconds that is good for 8.9 years of uptime:
- never more than N admitted in any half-open interval of the window's length, since a stamp is never too early;
- a fresh subject may spend all N at once;
- N <= 511: g is 1 and this is the exact sliding log, nobody under the limit is refused;
- N > 511: stamps may be too late, but only the one cell astride the edge of the window holds units that should have
  gone. So at most g - 1 units (1 of 1,000; 19 of 10,000; 1,956 of 1,000,000: never over 0.2 %) come back late, each by
  at most the time in which the g admissions of its cell came: at an even pace 1/511 of the window, 0.12 s of a minute;
- a limit that rises and falls: g is that of the highest N within the window, and where cells had to be joined for it,
  at most 2(g - 1) units come back late (never over 0.4 %). Decision record 0002 says why no way of joining them does better.

Killed at any point, the slot stays right: a cell or the state changes by one aligned store, and cells are
written while the state does not name them. The state holds the sum of all cells but the newest, so extending the newest
is one store too. `_repack` alone needs several; it marks the state, and the next call counts anew (at worst too much).
A changed limit needs nothing: the log is the same for all limits. What a shorter window has dropped stays dropped.
"""

from typing import Protocol

from services.limits.rule import Decision, Limit

CELLS = 511
WORDS = CELLS + 1
_COUNT = 0xFFFF
_TEN_BITS = 0x3FF
_REPACKING = 1 << 63


class Words(Protocol):
    """The words of a slot: a memoryview of the file, or a list in tests."""

    def __getitem__(self, at: int, /) -> int: ...
    def __setitem__(self, at: int, value: int, /) -> None: ...


def decide(words: Words, limit: Limit, cost: int, now: int) -> Decision:
    """Admit and record a call of `cost` units at `now` (microseconds), or say when it would fit."""
    most = limit.count
    edge = now - limit.seconds * 1_000_000
    tail, length, older, newest = _live(words, now, edge)
    free = most - older - newest
    if cost > free:
        return _refuse(words, tail, length, limit, cost, free, edge)
    _admit(words, tail, length, older, newest, -(-most // CELLS), cost, now)
    return Decision(True, limit, free - cost, -((edge - (words[1 + tail] >> 16)) // 1_000_000), 0)


def _live(words: Words, now: int, edge: int) -> tuple[int, int, int, int]:
    """Drop the cells that left the window at `edge`; return tail, length, the sum of the older cells and the newest."""
    state = words[0]
    tail, length, older = state & _TEN_BITS, state >> 10 & _TEN_BITS, state >> 20
    if state >= _REPACKING or tail >= CELLS or length > CELLS:
        tail, length = tail % CELLS, min(length, CELLS)
        older = _sum(words, tail, length)
    if not length:
        return tail, 0, 0, 0
    newest = words[1 + (tail + length - 1) % CELLS]
    # A newest stamp from the future was written before a reboot, and so were all others.
    if not edge < newest >> 16 <= now:
        words[0] = 0
        return 0, 0, 0, 0
    while length > 1 and (cell := words[1 + tail]) >> 16 <= edge:
        tail, length, older = (tail + 1) % CELLS, length - 1, older - (cell & _COUNT)
    if older < 0:
        older = _sum(words, tail, length)
    changed = older << 20 | length << 10 | tail
    if changed != state:  # stored before any cell is written: a new one may lie where a dropped one was
        words[0] = changed
    return tail, length, older, newest & _COUNT


def _sum(words: Words, tail: int, length: int) -> int:
    """Count all cells but the newest, when the state can't be believed."""
    return sum(words[1 + (tail + i) % CELLS] & _COUNT for i in range(length - 1))


def _admit(words: Words, tail: int, length: int, older: int, newest: int, size: int, cost: int, now: int) -> None:
    """Record `cost` units: fill the newest cell up to `size`, then open cells for the rest."""
    if length and newest < size:
        taken = min(size - newest, cost)
        newest, cost = newest + taken, cost - taken
        words[1 + (tail + length - 1) % CELLS] = now << 16 | newest
        if not cost:
            return
    older += newest
    if length - (-cost // _COUNT) > CELLS:
        length = _repack(words, tail, length, older, size)
    while cost > _COUNT:
        words[1 + (tail + length) % CELLS] = now << 16 | _COUNT
        length, older, cost = length + 1, older + _COUNT, cost - _COUNT
    words[1 + (tail + length) % CELLS] = now << 16 | cost
    words[0] = older << 20 | length + 1 << 10 | tail


def _repack(words: Words, tail: int, length: int, older: int, size: int) -> int:
    """Join neighbours that hold less than twice `size` together; return how many cells are left.

    Needed only after a limit was raised, when the cells are too small for it. A joined cell takes the later stamp.
    Afterwards two neighbours hold at least twice `size`, and the newest, just filled, at least `size`: that is `size`
    a cell on average, so what is left of the limit fits into the cells that are free.
    """
    words[0] = _REPACKING | older << 20 | length << 10 | tail
    kept, stamp, held = 0, 0, 0
    for i in range(length):
        cell = words[1 + (tail + i) % CELLS]
        count = cell & _COUNT
        if i and held + count >= 2 * size:
            words[1 + (tail + kept) % CELLS] = stamp | held
            kept, held = kept + 1, 0
        stamp, held = cell - count, held + count
    words[1 + (tail + kept) % CELLS] = stamp | held
    return kept + 1


def _refuse(words: Words, tail: int, length: int, limit: Limit, cost: int, free: int, edge: int) -> Decision:
    """Say when enough cells will have left the window, whose older end is at `edge`, for `cost` to fit."""
    never = cost > limit.count
    missing = 1 if never else cost - free
    wait = 0
    while missing > 0 and length:
        cell = words[1 + tail]
        wait = -((edge - (cell >> 16)) // 1_000_000)
        tail, length, missing = (tail + 1) % CELLS, length - 1, missing - (cell & _COUNT)
    return Decision(False, limit, max(free, 0), wait, 0 if never else wait)
