"""Help, completion and usage errors; and what a command doesn't import, it doesn't make anybody wait for."""

import os
import subprocess
import sys
from importlib.metadata import version

import pytest
from typer.main import get_command

from cli.main import app
from registry.catalog import Endpoint
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


def test_listing_imports_nothing_slow(churn: Endpoint, home: os.PathLike[str]) -> None:
    assert not imported_by("list", home=str(home)) & HEAVY


def test_version(modelport: Command) -> None:
    assert modelport("--version").out == f"modelport {version('modelport')}\n"


@pytest.mark.parametrize(
    ("line", "wrong", "command"),
    [
        ("nothing", "No such command 'nothing'", ""),
        ("keys nothing", "No such command 'nothing'", "keys "),
        ("export", "Missing argument 'MODEL'", "export "),
        ("export a b", "Got unexpected extra argument(s) (b)", "export "),
        ("list -o yaml", "Invalid value for '--output' / '-o': 'yaml' is not one of 'table', 'json'", "list "),
        ("serve --port 0", "Invalid value for '--port': Input should be greater than or equal to 1", "serve "),
        ("keys create --name", "Option '--name' requires an argument", "keys create "),
    ],
)
def test_wrong_usage_is_one_line_that_names_the_help_to_read(
    modelport: Command, line: str, wrong: str, command: str
) -> None:
    done = modelport(*line.split())
    assert done.code == 2
    assert done.line == f"modelport: {wrong}; see `modelport {command}--help`"


@pytest.mark.parametrize("words", leaves(), ids=" ".join)
def test_every_command_refuses_an_option_it_does_not_have(modelport: Command, words: list[str]) -> None:
    done = modelport(*words, "--zzz")
    assert done.code == 2
    assert done.line == f"modelport: No such option: --zzz; see `modelport {' '.join(words)} --help`"


@pytest.mark.parametrize("group", [(), ("keys",), ("users",), ("db",)], ids=" ".join)
def test_a_command_without_its_verb_shows_the_help(modelport: Command, group: tuple[str, ...]) -> None:
    done = modelport(*group)
    assert (done.code, done.err) == (2, "")
    assert "Usage: modelport" in done.out


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
