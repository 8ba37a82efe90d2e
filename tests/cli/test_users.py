"""`users create|list|disable|enable|role|passwd`: who may sign in; a password is typed or piped, never an argument."""

import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from registry import database, users
from services.security.passwords import verify_password
from tests.cli.terminal import Command, Done

HORSE = "correct horse née"


@pytest.fixture
def piped(modelport: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command with something on its standard input."""

    def run(given: bytes | str, *arguments: object) -> Done:
        bytes_given = given.encode() if isinstance(given, str) else given
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(bytes_given)))
        return modelport(*arguments)

    return run


def fits(username: str, password: str) -> bool:
    """Whether that is the user's password."""
    with database.reading() as session:
        return verify_password(users.existing_user(session, username).password_hash, password)[0]


def test_the_first_admin_is_the_first_thing_there_is(piped: Command, home: Path) -> None:
    done = piped(
        f"{HORSE}\nmore\n", "users", "create", "Ada", "--role", "admin", "--email", "Ada@x.org", "--password-stdin"
        , "-o", "json"
    )  # fmt: skip
    made = done.json()
    assert (made["username"], made["role"], made["status"], made["email"]) == ("ada", "admin", "active", "ada@x.org")
    assert fits("ada", HORSE)
    with database.reading() as session:
        assert users.admin_exists(session)
    assert not [file for file in home.rglob("*") if file.is_file() and HORSE.encode() in file.read_bytes()]


@pytest.fixture
def ada(piped: Command) -> None:
    """The first admin."""
    assert piped(HORSE, "users", "create", "ada", "--role", "admin", "--password-stdin").code == 0


def test_users_are_listed_without_their_hashes(modelport: Command, piped: Command, ada: None) -> None:
    piped(HORSE, "users", "create", "bob", "--password-stdin")
    listed = modelport("users", "list", "-o", "json").json()
    assert [(user["username"], user["role"]) for user in listed] == [("ada", "admin"), ("bob", "user")]
    assert "argon2" not in modelport("users", "list", "-o", "json").out
    assert modelport("users", "list", "--role", "user").out.splitlines()[1].startswith("bob")
    assert modelport("users", "list", "--role", "viewer").line == "No users yet: `modelport users create` makes one."


def test_a_user_is_disabled_enabled_and_given_another_role(modelport: Command, piped: Command, ada: None) -> None:
    piped(HORSE, "users", "create", "bob", "--password-stdin")
    assert modelport("users", "disable", "BOB").line == "bob is disabled."
    assert modelport("users", "list", "-o", "json").json()[1]["status"] == "disabled"
    assert modelport("users", "enable", "bob").line == "bob is active."
    assert modelport("users", "role", "bob", "operator").line == "bob has the role operator."
    bob = modelport("users", "list", "-o", "json").json()[1]
    assert (bob["status"], bob["role"]) == ("active", "operator")


def test_a_password_is_replaced(piped: Command, ada: None) -> None:
    assert piped("another horse\r\n", "users", "passwd", "ada", "--password-stdin").line == "ada has a new password."
    assert fits("ada", "another horse") and not fits("ada", HORSE)


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        (("disable", "ada"), "ada is the last admin who can sign in: make another one first"),
        (("role", "ada", "viewer"), "ada is the last admin who can sign in: make another one first"),
        (("disable", "eve"), "there is no user 'eve'; `modelport users list` shows who there is"),
        (("passwd", "eve", "--password-stdin"), "there is no user 'eve'; `modelport users list` shows who there is"),
        (("create", "ada", "--password-stdin"), "The username ada is taken"),
        (("create", "local", "--password-stdin"), "The username local is taken"),
        (("create", "bob", "--email", "bob", "--password-stdin"), "An e-mail address has the form name@example.org"),
    ],
)
def test_what_cannot_be_done_is_one_line(piped: Command, ada: None, words: tuple[str, ...], wrong: str) -> None:
    done = piped(HORSE, "users", *words)
    assert (done.code, done.line) == (1, f"modelport: {wrong}")


@pytest.mark.parametrize(
    "given", ["", "\n", "short\n", "password123\n", "bob12345\n", "x" * 20_000, b"\xff\xfe\n", "nul\0 in it\n"]
)
def test_a_password_that_is_refused_makes_no_user(
    modelport: Command, piped: Command, ada: None, given: bytes | str
) -> None:
    done = piped(given, "users", "create", "bob", "--password-stdin")
    assert done.code == 1
    assert done.line.startswith("modelport: The password ")
    assert len(modelport("users", "list", "-o", "json").json()) == 1


def test_without_a_terminal_the_password_must_be_piped(piped: Command) -> None:
    done = piped(HORSE, "users", "create", "ada")
    assert done.code == 2
    assert done.line == (
        "modelport: There is no terminal to ask for the password: use --password-stdin; "
        "see `modelport users create --help`"
    )


@pytest.mark.parametrize(("second", "code"), [(HORSE, 0), ("correct hearse", 1)])
def test_a_terminal_is_asked_twice_and_shows_nothing(home: Path, second: str, code: int) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "cli.main", "users", "create", "ada"]
    started = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True, cwd=Path(__file__).parents[2]
    )
    os.close(theirs)
    shown = _read_until(ours, b"Password: ")
    os.write(ours, f"{HORSE}\n".encode())
    shown += _read_until(ours, b"Again: ")
    os.write(ours, f"{second}\n".encode())
    shown += _read_until(ours, None)
    assert started.wait(timeout=60) == code
    os.close(ours)
    assert b"horse" not in shown and b"hearse" not in shown
    assert (b"The passwords differ" in shown) == (code == 1)


def _read_until(terminal: int, text: bytes | None) -> bytes:
    """What the terminal shows up to that text, or up to the end."""
    shown = b""
    while text is None or not shown.endswith(text):
        try:
            part = os.read(terminal, 1024)
        except OSError:  # Linux: the other side is closed
            part = b""
        if not part:
            assert text is None, shown
            break
        shown += part
    return shown
