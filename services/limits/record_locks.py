"""POSIX record locks without giving up the interpreter lock when nobody else holds them, which is nearly always.

`fcntl.lockf` releases the interpreter lock around each system call; a thread that writes the request log takes it then,
and the request waits until it is given back. Where the C interface is as known (64-bit Linux), the lock is tried through
`ctypes.PyDLL`, which keeps the interpreter lock; only a lock that is held elsewhere is waited for in the ordinary way.
"""

import ctypes
import sys
from fcntl import F_SETLK, F_UNLCK, F_WRLCK, LOCK_EX, LOCK_UN, lockf


class _Flock(ctypes.Structure):
    """`struct flock` of fcntl(2) on 64-bit Linux."""

    _fields_ = (
        ("l_type", ctypes.c_short),
        ("l_whence", ctypes.c_short),
        ("l_start", ctypes.c_int64),
        ("l_len", ctypes.c_int64),
        ("l_pid", ctypes.c_int),
    )


_KNOWN = sys.platform == "linux" and ctypes.sizeof(ctypes.c_void_p) == 8
_fcntl = ctypes.PyDLL(None).fcntl if _KNOWN else None
_flock = _Flock(l_whence=0, l_len=8)  # one for all calls: the callers hold a mutex, and PyDLL the interpreter lock
_reference = ctypes.byref(_flock)


def lock(fd: int, start: int) -> None:
    """Lock the 8 bytes at `start`, waiting for any other process that holds them."""
    if _fcntl is not None:
        _flock.l_type, _flock.l_start = F_WRLCK, start
        if _fcntl(fd, F_SETLK, _reference) == 0:
            return
    lockf(fd, LOCK_EX, 8, start)


def unlock(fd: int, start: int) -> None:
    """Unlock the 8 bytes at `start`."""
    if _fcntl is not None:
        _flock.l_type, _flock.l_start = F_UNLCK, start
        if _fcntl(fd, F_SETLK, _reference) == 0:
            return
    lockf(fd, LOCK_UN, 8, start)
