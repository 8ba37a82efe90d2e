"""The walkthrough says what the endpoint answers, and draws it."""

import json
from pathlib import Path

import pytest
import typer
from PIL import Image
from typer.testing import CliRunner, Result

from bentos.resource_optimizer.bodies import EXAMPLE
from bentos.resource_optimizer.report import main


def run(*arguments: object) -> Result:
    app = typer.Typer()
    app.command()(main)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_the_example_is_a_table_and_the_readme_shows_it() -> None:
    done = run()
    assert done.exit_code == 0
    readme = (Path(__file__).parents[2] / "bentos/resource_optimizer/README.md").read_text()
    assert f"```\n{done.stdout}```\n" in readme


def test_a_request_of_your_own_is_planned_and_drawn(tmp_path: Path) -> None:
    (tmp_path / "request.json").write_text(json.dumps({**EXAMPLE, "link_capacity_bps": 2_000_000_000}))
    done = run("--request", tmp_path / "request.json", "--out", tmp_path / "plots")
    assert done.exit_code == 0 and "of 2000.0 Mbit/s used" in done.stdout
    with Image.open(tmp_path / "plots" / "allocation.png") as picture:
        assert picture.format == "PNG" and len(picture.convert("RGB").getcolors(10**6) or ()) > 50


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "No such file"),
        ("{", "Invalid JSON"),
        ("{}", "Missing required fields"),
        (json.dumps({**EXAMPLE, "link_capacity_bps": 1}), "The guarantee of voip"),
    ],
)
def test_a_wrong_request_is_one_line_and_exit_code_2(tmp_path: Path, text: str | None, said: str) -> None:
    path = tmp_path / "request.json"
    if text is not None:
        path.write_text(text)
    done = run("--request", path)
    assert (done.exit_code, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ") and said in line
