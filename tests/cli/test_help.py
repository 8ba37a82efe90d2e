"""Help, completion and usage errors; and what a command doesn't import, it doesn't make anybody wait for."""

import os
import subprocess
import sys
from importlib.metadata import version

import pytest
from typer.main import get_command

from cli.main import app
from tests.cli.terminal import Command

HEAVY = {"sqlmodel", "sqlalchemy", "pandas", "numpy", "bentoml", "sklearn", "tensorflow", "keras", "fastapi", "alembic"}
_NAME_IMPORTED = "; import sys; sys.stderr.write(' '.join(sys.modules))"


def leaves() -> list[list[str]]:
    """Every command by its words."""
    root = get_command(app)
    found = []
    for name, command in root.commands.items():  # type: ignore[attr-defined]
        inner = getattr(command, "commands", None)
        found.extend([[name, below] for below in inner] if inner else [[name]])
    return found


def imported_by(*arguments: str, home: str) -> set[str]:
    """The packages in memory once a command has ended."""
    script = f"from cli.main import app; app({list(arguments)!r}, standalone_mode=False){_NAME_IMPORTED}"
    environment = {**os.environ, "MODELPORT_HOME": home}
    command = [sys.executable, "-c", script]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in ended.stderr.split()}


@pytest.mark.parametrize("words", leaves(), ids=" ".join)
def test_each_command_explains_itself_with_an_example(modelport: Command, words: list[str]) -> None:
    done = modelport(*words, "--help")
    assert done.code == 0
    assert done.err == ""
    assert f"Example: modelport {' '.join(words)}" in " ".join(done.out.replace("│", " ").split())


@pytest.mark.parametrize("words", leaves(), ids=" ".join)
def test_no_command_takes_a_secret_as_an_argument(words: list[str]) -> None:
    command = get_command(app)
    for word in words:
        command = command.commands[word]  # type: ignore[attr-defined]
    names = {name for parameter in command.params for name in parameter.opts}
    assert not names & {"--password", "--api-key", "--key", "--secret", "--pepper", "--token"}


def test_help_imports_nothing_slow(home: os.PathLike[str]) -> None:
    assert not imported_by("--help", home=str(home)) & HEAVY


def test_listing_imports_no_framework(home: os.PathLike[str]) -> None:
    frameworks = {"bentoml", "sklearn", "tensorflow", "keras", "alembic", "pandas", "fastapi"}
    assert not imported_by("list", home=str(home)) & frameworks


def test_version(modelport: Command) -> None:
    assert modelport("--version").out == f"modelport {version('modelport')}\n"


@pytest.mark.parametrize(
    "arguments",
    [("nothing",), ("export",), ("list", "-o", "yaml"), ("serve", "--port", "0"), ("keys", "create", "--forever")],
    ids=" ".join,
)
def test_wrong_usage_is_exit_code_2_and_says_so_on_stderr(modelport: Command, arguments: tuple[str, ...]) -> None:
    done = modelport(*arguments)
    assert (done.code, done.out) == (2, "")
    assert "Usage: modelport" in done.err
    assert "Traceback" not in done.err


def test_the_shell_completes_commands() -> None:
    environment = {
        **os.environ,
        "_MODELPORT_COMPLETE": "complete_bash",
        "COMP_WORDS": "modelport ex",
        "COMP_CWORD": "1",
    }
    script = "import sys; sys.argv = ['modelport']; from cli.main import main; main()"
    ended = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert ended.stdout.split() == ["export"]
