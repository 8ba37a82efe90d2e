"""Locks between processes of one machine, which the kernel releases when their holder ends in any way."""

import fcntl
import os
from pathlib import Path


def lock(path: Path, wait: bool) -> int | None:
    """Lock a file, making it if need be; None when another process holds it and this one doesn't wait."""
    while True:
        handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None
        if path.exists() and path.stat().st_ino == os.fstat(handle).st_ino:
            return handle
        os.close(handle)  # its last holder has removed it meanwhile


def unlock(path: Path, handle: int | None) -> None:
    """Remove a file that this process has locked, and with it the lock."""
    path.unlink(missing_ok=True)
    if handle is not None:
        os.close(handle)
