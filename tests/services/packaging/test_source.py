"""What is staged of a hand-written service: its folder, and what it includes of the package that the folder is part of."""

from pathlib import Path

import pytest

from services.packaging.source import stage_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder `shop/prices` of a package beside `shop/stock`, in a project with other things."""
    for name in ("shop/__init__.py", "shop/prices/__init__.py", "shop/prices/service.py", "shop/prices/.secret"):
        write(tmp_path / "project" / name)
    for name in ("shop/stock/__init__.py", "shop/stock/service.py", "shop/stock/train.py", "notes.py"):
        write(tmp_path / "project" / name)
    return tmp_path / "project" / "shop" / "prices"


def write(path: Path, text: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def staged(folder: Path, *include: str) -> set[str]:
    """The files that an export of the folder stages, but for its own at the top."""
    lines = "".join(f'\n  - "{pattern}"' for pattern in include)
    write(folder / "bentofile.yaml", f"service: x:Y\ninclude:{lines or ' []'}")
    target = folder.parents[2] / "staged"
    stage_folder(folder, target)
    assert (target / "service.py").is_file() and not (target / ".secret").exists()
    return {str(path.relative_to(target)) for path in target.rglob("*/*") if path.is_file()}


def test_what_is_included_by_its_full_name_is_staged_by_that_name(folder: Path) -> None:
    assert staged(folder, "shop/__init__.py", "shop/prices/*.py", "shop/stock/service.py") == {
        "shop/__init__.py",
        "shop/prices/__init__.py",
        "shop/prices/service.py",
        "shop/stock/service.py",
    }


def test_nothing_else_is(folder: Path) -> None:
    assert staged(folder) == set()
    assert staged(folder, "*.py", "other/*.py", "shop/../*.py", "../notes.py", "shop/none.py") == set()


def test_a_folder_that_is_no_part_of_a_package_is_staged_alone(folder: Path) -> None:
    (folder.parent / "__init__.py").unlink()
    assert staged(folder, "shop/stock/*.py") == set()


@pytest.mark.parametrize("text", ["", "- a", "include: 3", "include: [", "\x00"])
def test_what_is_wrong_with_a_bentofile_is_for_the_build_to_say(folder: Path, tmp_path: Path, text: str) -> None:
    write(folder / "bentofile.yaml", text)
    stage_folder(folder, tmp_path / "staged")
    assert (tmp_path / "staged" / "service.py").is_file()
