"""Holds the documentation true: settings, statuses, commands, links."""

import json
import re
from pathlib import Path
from typing import Any

import click
import pytest
import typer
from annotated_types import Ge, Gt, Le
from fastapi.routing import iter_route_contexts
from pydantic.fields import FieldInfo

from cli.main import app
from registry import errors
from registry.settings import PREFIX, Settings
from services.control.app import NOUNS
from services.control.auth import OPEN
from services.descriptions import Reason
from services.inference.instances import InstanceReader
from services.inference.signature import Field, Signature
from services.middleware.errors import body
from services.middleware.public import PUBLIC
from services.security.api_keys import PATTERN

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "bentos").rglob("README.md"))]


def commands(group: Any, path: str = "") -> dict[str, click.Command]:
    """Every command of the command line by its full name."""
    found: dict[str, click.Command] = {}
    for name, command in group.commands.items():
        inner = getattr(command, "commands", None)
        found |= commands(command, f"{path}{name} ") if inner else {f"{path}{name}": command}
    return found


COMMANDS = commands(typer.main.get_command(app))


def test_every_setting_is_documented_with_its_meaning() -> None:
    page = (ROOT / "docs/settings.md").read_text()
    for name, field in Settings.model_fields.items():
        assert f"| `{PREFIX}{name.upper()}` |" in page
        assert f"| {field.description} |" in page


def values_of(field: FieldInfo) -> str:
    """What a setting may be, as far as its type and bounds say."""
    bounds = {type(bound): bound for bound in field.metadata}
    low, high, above = (bounds.get(kind) for kind in (Ge, Le, Gt))
    if isinstance(low, Ge):
        return f"{low.ge} to {high.le}" if isinstance(high, Le) else f"{low.ge} or more"
    if isinstance(above, Gt):
        return f"more than {above.gt}"
    if field.annotation is bool:
        return "`true` or `false`"
    if isinstance(field.default, str) and "://" in field.default:
        return "a URL"
    if isinstance(field.default, str) and "/" in field.default and "~" not in field.default:
        return "a limit"
    return "a list" if field.default == [] else "text"


def test_every_setting_is_documented_with_its_default_and_what_it_may_be() -> None:
    page = (ROOT / "docs/settings.md").read_text()
    for name, field in Settings.model_fields.items():
        default = "none" if field.default in (None, []) else f"`{field.default}`"
        assert f"| `{PREFIX}{name.upper()}` | {default} | {values_of(field)} | {field.description} |" in page


def test_only_settings_that_exist_are_documented() -> None:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    mentioned = {name for page in PAGES for name in re.findall(rf"{PREFIX}[A-Z_]+[A-Z]", page.read_text())}
    assert mentioned <= known


def test_every_error_code_that_a_caller_may_meet_is_documented_with_its_status() -> None:
    page = (ROOT / "docs/http.md").read_text()
    kinds = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.PlatformError)
    ]
    for kind in (kind for kind in kinds if "status" in vars(kind)):
        if kind is not errors.PlatformError:
            assert re.search(rf"\| {kind.status} \|[^|]*`{kind.code}`", page), kind.code


def test_every_reason_for_no_description_is_documented() -> None:
    page = (ROOT / "docs/descriptions.md").read_text()
    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == [reason.value for reason in Reason]


def test_every_open_path_is_documented() -> None:
    page = (ROOT / "docs/http.md").read_text()
    assert all(f"`{path}`" in page for path in PUBLIC | OPEN.keys())


def test_every_address_of_the_control_plane_is_documented() -> None:
    page = (ROOT / "docs/http.md").read_text()
    for noun in NOUNS:
        for route in iter_route_contexts(noun.routes):
            for method in route.methods or ():
                assert f"| `{method} {route.path_format}` |" in page


def test_the_pattern_for_secret_scanners_is_the_one_that_keys_follow() -> None:
    assert f"`{PATTERN.pattern}`" in (ROOT / "docs/http.md").read_text()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_what_it_does_and_shows_an_example_of_itself(name: str) -> None:
    text = COMMANDS[name].help or ""
    assert re.search(rf"Example: modelport {name}\b", text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_in_the_documentation_exists(page: Path) -> None:
    for line in re.findall(r"^\$? ?modelport (.*)$|`modelport ([^`]*)`", page.read_text(), re.MULTILINE):
        words = [word for word in "".join(line).split() if re.fullmatch(r"[a-z]+", word)]
        assert words, line
        assert words[0] in COMMANDS or " ".join(words[:2]) in COMMANDS, line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_file_leads_to_one(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_every_make_target_in_the_readme_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"make ([a-z-]+)", (ROOT / "README.md").read_text())) <= targets


def test_the_error_in_the_readme_is_the_platforms_own() -> None:
    (shown,) = re.findall(r'^(\{"error".*?)\n```', (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    inputs = (Field(name="age", dtype="int64"), Field(name="plan", dtype="string"))
    read = InstanceReader(Signature(inputs=inputs, layout="frame", task="classification", outputs=(), example={}))
    with pytest.raises(errors.InvalidInput) as refused:
        read.rows({"plan": "pro"})
    assert json.loads(body(refused.value, json.loads(shown)["request_id"])) == json.loads(shown)


def test_every_decision_is_listed_and_short() -> None:
    folder = ROOT / "docs/decisions"
    index = (folder / "README.md").read_text()
    for page in sorted(folder.glob("0*.md")):
        assert f"({page.name})" in index
        assert len(page.read_text().splitlines()) <= 45
        assert re.findall(r"^## (.*)$", page.read_text(), re.MULTILINE)[:2] == ["Context", "Decision"]
