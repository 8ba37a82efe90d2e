"""How many requests each subject has under way at this moment, exact over all worker processes of one machine.

A slot holds a word for each worker: the generation that it was written in, and a count. A worker has its number for as
long as it lives, by a lock that the kernel frees with it. Slot 0 names each number's generation of now; the next owner
of a number begins another one, so that what a killed worker left in any slot counts no more.
"""

import random
from pathlib import Path

from services.limits.slots import WORDS, open_slots

_COUNT = 0xFFFFFFFF
_BITS = 32
_generations = random.SystemRandom()


class InFlight:
    """Counts per slot, from 1 on, in a file that every process of the machine may share."""

    def __init__(self, path: Path) -> None:
        """Open the file, creating it if it is missing, and take a worker's number until the process ends."""
        self._slots = open_slots(path)
        self._workers = self._slots.acquire(0)  # how many numbers were ever taken, then the generation of each
        try:
            self._number = next(number for number in range(1, WORDS) if self._slots.take(number))
            self._generation = _generations.randrange(1, 1 << (_BITS - 1))
            self._workers[self._number] = self._generation
            self._workers[0] = max(self._workers[0], self._number)
        finally:
            self._slots.release(0)

    def enter(self, slot: int, most: int) -> bool:
        """Count one more, unless there are `most` already."""
        words = self._slots.acquire(slot)
        try:
            if self._total(words) >= most:
                self._forget_the_dead(words)
                if self._total(words) >= most:
                    return False
            words[self._number] = self._generation << _BITS | self._count(words, self._number) + 1
            return True
        finally:
            self._slots.release(slot)

    def leave(self, slot: int) -> None:
        """Count one less: of one that this worker let enter."""
        words = self._slots.acquire(slot)
        try:
            words[self._number] -= 1
        finally:
            self._slots.release(slot)

    def _total(self, words: "memoryview[int]") -> int:
        return sum(self._count(words, number) for number in range(1, self._workers[0] + 1))

    def _count(self, words: "memoryview[int]", number: int) -> int:
        word = words[number]
        return word & _COUNT if word >> _BITS == self._workers[number] else 0

    def _forget_the_dead(self, words: "memoryview[int]") -> None:
        """End the generation of every counted worker whose number is free to take."""
        for number in range(1, self._workers[0] + 1):
            if self._count(words, number) and self._slots.take(number):
                self._workers[number] = 0
                self._slots.give_back(number)
