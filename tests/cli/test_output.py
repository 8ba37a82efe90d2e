"""Tables for people, JSON for programs, colours only for terminals that want them."""

import json
import sys
from datetime import UTC, datetime

import pytest

from cli.output import colours, failure, print_fields, print_json, print_table

NOON = datetime(2026, 5, 1, 12, 30, tzinfo=UTC)


def test_a_table_is_as_wide_as_its_content(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([{"name": "churn", "used": NOON}, {"name": "a", "used": None}], ("name", "used"))
    assert capsys.readouterr().out.splitlines() == [
        "NAME   USED",
        "churn  2026-05-01 12:30",
        "a      -",
    ]


def test_json_carries_times_with_their_zone(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"used": NOON})
    assert json.loads(capsys.readouterr().out) == {"used": "2026-05-01T12:30:00+00:00"}


def test_a_name_can_neither_break_a_line_nor_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_fields({"name": "a\nb\x1b[2Jc"})
    assert capsys.readouterr().out == "name  a?b?[2Jc\n"


def test_colours_need_a_terminal_and_no_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert not colours()
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert colours()
    monkeypatch.setenv("NO_COLOR", "1")
    assert not colours()


def test_a_fault_of_ours_is_one_line_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert failure(ZeroDivisionError("division\nby zero")) == 1
    assert capsys.readouterr().err == "modelport: internal error, please report it: ZeroDivisionError: division\n"


def test_a_full_disk_is_no_internal_error(capsys: pytest.CaptureFixture[str]) -> None:
    failure(OSError(28, "No space left on device", "/data/x"))
    assert capsys.readouterr().err == "modelport: /data/x: no space left on device\n"


def test_debugging_shows_where_it_happened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELPORT_DEBUG", "true")
    with pytest.raises(ZeroDivisionError):
        failure(ZeroDivisionError())
