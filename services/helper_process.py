"""Starts a Python process that serves its parent over a socket, its standard input, and ends when that is closed."""

import os
import socket
import subprocess
import sys
from pathlib import Path

_FOLDER = str(Path(__file__).resolve().parent.parent)


def start(module: str) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """`python -m module`, which finds what this process finds, and our end of the socket."""
    ours, theirs = socket.socketpair()
    paths = os.pathsep.join(filter(None, (_FOLDER, os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": paths}
    with theirs:
        try:
            return subprocess.Popen([sys.executable, "-m", module], stdin=theirs.fileno(), env=environment), ours
        except BaseException:
            ours.close()
            raise
