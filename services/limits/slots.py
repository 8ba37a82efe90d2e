"""A file of 4096-byte slots that all processes of a machine map and lock one by one.

The locks are POSIX record locks: the kernel frees them when their holder dies, even by SIGKILL, and a forked child has
its own. Their trap is that a process loses them all when it closes any descriptor of the file, and every mmap has one;
so a file is opened once per process and never closed. Another is that they don't part the threads of a process, and the
kernel may take two threads that wait for a deadlock; so one mutex lets a process hold or await one slot at a time.
(Open file description locks have neither trap, but are shared with forked children and unknown to macOS's Python.)
Nothing else in a serving process may open the file. It needs a local file system, best in memory (/run, /dev/shm):
on a disk, a write may have to wait for the kernel's write-back.
"""

import os
from fcntl import LOCK_EX, LOCK_NB, LOCK_UN, lockf
from mmap import mmap
from pathlib import Path
from threading import Lock

SLOT = 4096
SEGMENT = 8192 * SLOT  # mapped at once; the file is sparse, so this costs nothing until slots are used
MAX_SLOTS = 2**31
_WORD = 8
WORDS = SLOT // _WORD
_GROWTH = MAX_SLOTS * SLOT  # a byte beyond all slots, locked while the file grows
_NUMBERS = _GROWTH + 1  # and one for each number that a process may take

_mutex = Lock()
_files: dict[tuple[int, int], "Slots"] = {}
os.register_at_fork(before=_mutex.acquire, after_in_parent=_mutex.release, after_in_child=_mutex.release)


def open_slots(path: Path) -> "Slots":
    """Return the process's one view of the file, creating the file if it is missing."""
    with _mutex:
        known = _known(path)
        if known is None:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            stat = os.fstat(fd)
            known = _files.setdefault((stat.st_dev, stat.st_ino), Slots(fd))
        return known


def _known(path: Path) -> "Slots | None":
    """The view of a file that is open already: to open it once more would mean to close it, and lose all its locks."""
    try:
        stat = os.stat(path)
    except FileNotFoundError:
        return None
    return _files.get((stat.st_dev, stat.st_ino))


class Slots:
    """The slots of one open file; get it from `open_slots`."""

    def __init__(self, fd: int) -> None:
        """Take over the descriptor."""
        self._fd = fd
        self._segments: dict[int, memoryview[int]] = {}
        self._slots: dict[int, memoryview[int]] = {}
        self._taken: set[int] = set()

    def acquire(self, slot: int) -> "memoryview[int]":
        """Lock a slot against all threads and processes and return its 512 words; `release` must follow."""
        if not 0 <= slot < MAX_SLOTS:
            raise ValueError(f"a slot must be 0 to {MAX_SLOTS - 1}, not {slot}")
        _mutex.acquire()
        try:
            lockf(self._fd, LOCK_EX, _WORD, slot * SLOT)
            words = self._slots.get(slot)
            return self._open(slot) if words is None else words
        except BaseException:
            self.release(slot)
            raise

    def release(self, slot: int) -> None:
        """Unlock a slot."""
        try:
            lockf(self._fd, LOCK_UN, _WORD, slot * SLOT)
        finally:
            _mutex.release()

    def take(self, number: int) -> bool:
        """Take a number until it is given back or the process ends; False when anybody has it. Some slot is locked."""
        if number in self._taken:
            return False
        try:
            lockf(self._fd, LOCK_EX | LOCK_NB, 1, _NUMBERS + number)
        except OSError:
            return False
        self._taken.add(number)
        return True

    def give_back(self, number: int) -> None:
        """Give a number back that was just taken."""
        self._taken.remove(number)
        lockf(self._fd, LOCK_UN, 1, _NUMBERS + number)

    def _open(self, slot: int) -> "memoryview[int]":
        """Map a slot that this process has not used before; the slot is locked."""
        number, offset = divmod(slot * SLOT, SEGMENT)
        if number not in self._segments:
            self._grow((number + 1) * SEGMENT)
            self._segments[number] = memoryview(mmap(self._fd, SEGMENT, offset=number * SEGMENT)).cast("Q")
        if hasattr(os, "posix_fallocate"):  # so that a full disk is an OSError here, not a SIGBUS at the first store
            os.posix_fallocate(self._fd, slot * SLOT, SLOT)
        words = self._segments[number][offset // _WORD : (offset + SLOT) // _WORD]
        self._slots[slot] = words
        return words

    def _grow(self, size: int) -> None:
        """Make the file at least that long; locked, since two that grow it at once could shrink it."""
        lockf(self._fd, LOCK_EX, 1, _GROWTH)
        try:
            if os.fstat(self._fd).st_size < size:
                os.ftruncate(self._fd, size)
        finally:
            lockf(self._fd, LOCK_UN, 1, _GROWTH)
