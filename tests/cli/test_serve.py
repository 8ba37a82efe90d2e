"""`serve` checks what it can, then becomes the server process."""

import os
import re
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from registry import database, users
from registry.accounts import Role
from tests.cli.terminal import Command


@pytest.fixture
def became(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the process became: program, arguments, environment."""
    seen: list[Any] = []

    def execve(*what: Any) -> None:
        seen.extend(what)
        raise SystemExit(0)

    monkeypatch.setattr(os, "execve", execve)
    return seen


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_it_becomes_the_hub(modelport: Command, became: list[Any], home: Path) -> None:
    port = free_port()
    done = modelport("serve", "--port", port, "--workers", 2)
    program, arguments, environment = became
    assert program == sys.executable
    assert arguments[1:5] == ["-m", "bentoml", "serve", "services.platform:Platform"]
    assert (environment["MODELPORT_PORT"], environment["MODELPORT_WORKERS"]) == (str(port), "2")
    assert environment["MODELPORT_HOST"] == "127.0.0.1"
    serving, offered = done.err.splitlines()
    assert done.out == "" and serving.startswith(f"Serving on http://127.0.0.1:{port} (Ctrl-C stops it)")
    assert re.fullmatch(r"No admin can sign in yet: POST /auth/bootstrap .* by the token [A-Za-z0-9_-]{43}", offered)
    assert not any(offered[-43:] in str(part) for part in became), "neither arguments nor environment know it"
    assert (home / "registry.db").is_file()


def test_no_token_is_offered_where_an_admin_can_sign_in(modelport: Command, became: list[Any]) -> None:
    database.upgrade()
    with database.session() as session:
        users.create_user(session, username="ada", role=Role.ADMIN, password_hash="hash", actor="user:local")
    assert modelport("serve", "--port", free_port()).line.startswith("Serving on ")


def test_a_taken_port_is_refused_before_anything_starts(modelport: Command, became: list[Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        done = modelport("serve", "--port", port)
    assert done.code == 1
    assert done.line == (
        f"modelport: can't listen on 127.0.0.1:{port} (address already in use); choose another with --port"
    )
    assert became == []


def test_an_address_of_another_machine_is_refused(modelport: Command, became: list[Any]) -> None:
    assert "can't listen on 192.0.2.1" in modelport("serve", "--host", "192.0.2.1", "--port", free_port()).line


def test_debugging_is_refused_where_others_could_see_it(
    modelport: Command, became: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODELPORT_DEBUG", "1")
    done = modelport("serve", "--host", "0.0.0.0", "--port", free_port())
    assert done.code == 1
    assert (
        done.line
        == "modelport: MODELPORT_DEBUG: tracebacks are for this machine alone, and 0.0.0.0 is open to others: unset it"
    )
    assert became == []


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("MODELPORT_RATE_LIMIT", "many", "MODELPORT_RATE_LIMIT: 'many' is not a limit"),
        (
            "MODELPORT_UNAUTHENTICATED_RATE_LIMIT",
            "0/hour",
            "MODELPORT_UNAUTHENTICATED_RATE_LIMIT: the count of a limit",
        ),
        ("MODELPORT_SIGN_IN_RATE_LIMIT", "9/year", "MODELPORT_SIGN_IN_RATE_LIMIT: '9/year' is not a limit"),
        ("MODELPORT_USER_RATE_LIMIT", "1/2 days", "MODELPORT_USER_RATE_LIMIT: the window of a limit"),
        (
            "FORWARDED_ALLOW_IPS",
            "*",
            "FORWARDED_ALLOW_IPS is not read here: name the proxies in MODELPORT_TRUSTED_PROXIES",
        ),
    ],
)
def test_a_setting_that_cannot_be_honoured_stops_the_start_in_one_line(
    modelport: Command, became: list[Any], monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    done = modelport("serve", "--port", free_port())
    assert done.code == 1 and done.line.startswith(f"modelport: {said}")
    assert became == []


def test_a_host_that_is_no_address(modelport: Command, became: list[Any]) -> None:
    assert "can't listen on no.such.host.invalid" in modelport("serve", "--host", "no.such.host.invalid").line
