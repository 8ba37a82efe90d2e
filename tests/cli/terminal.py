"""The `modelport` command as a user meets it: what it prints where, and its exit code; without a process of its own."""

import json
import signal
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from cli.main import main


class Done(NamedTuple):
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """The only line on stderr; nothing may stand on stdout then."""
        assert self.out == ""
        (line,) = self.err.splitlines()
        return line

    def json(self) -> Any:
        """What it printed, as JSON."""
        assert self.code == 0, self.err
        return json.loads(self.out)


Command = Callable[..., Done]


def in_this_process(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """The command with everything but a process of its own."""

    def modelport(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["modelport", *map(str, arguments)])
        capsys.readouterr()
        handler = signal.getsignal(signal.SIGTERM)
        try:
            main()
        except SystemExit as ended:
            printed = capsys.readouterr()
            return Done(int(ended.code or 0), printed.out, printed.err)
        finally:
            signal.signal(signal.SIGTERM, handler)
        raise AssertionError("the command did not exit")

    return modelport
