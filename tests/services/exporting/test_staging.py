"""What the stores hold agrees with the registry, whenever the process that changes them ends."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from services.packaging import stores
from services.packaging.staging import Staging
from tests.cli.conftest import add_endpoint

TAG = "churn:v1"


@pytest.fixture
def exports(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of exports under way, beside empty stores."""
    monkeypatch.setenv("BENTOML_HOME", str(empty_home.with_name("bentoml")))
    return empty_home / "exports"


def build(staging: Staging) -> None:
    """Put a model and a Bento where the children would."""
    (staging.folder / "bentoml" / "models").mkdir(exist_ok=True)
    for store in stores.STORES:
        built = staging.folder / "bentoml" / store / TAG.replace(":", "/")
        built.mkdir(parents=True)
        (built / "content").write_text(store)


def in_stores() -> list[str]:
    """The files of the stores."""
    return sorted(path.relative_to(stores.home()).as_posix() for path in stores.home().rglob("*") if path.is_file())


KEPT = ["bentos/churn/latest", "bentos/churn/v1/content", "models/churn/latest", "models/churn/v1/content"]


def test_what_was_written_down_stays(exports: Path) -> None:
    with Staging("churn") as staging:
        build(staging)
        staging.publish(TAG)
        add_endpoint("churn")
    assert in_stores() == KEPT
    assert list(exports.iterdir()) == []


def test_what_was_not_written_down_goes(exports: Path) -> None:
    with pytest.raises(ZeroDivisionError), Staging("churn") as staging:
        build(staging)
        staging.publish(TAG)
        raise ZeroDivisionError
    assert list(stores.home().glob("*/*")) == []
    assert list(exports.iterdir()) == []


@pytest.mark.parametrize("written", [True, False])
def test_the_next_export_settles_what_a_killed_one_left(exports: Path, written: bool) -> None:
    script = f"""
import os, signal
from services.packaging.staging import Staging
from tests.cli.conftest import add_endpoint
from tests.services.exporting.test_staging import build
staging = Staging("churn").__enter__()
build(staging)
staging.publish("{TAG}")
if {written}:
    add_endpoint("churn")
os.kill(os.getpid(), signal.SIGKILL)
"""
    root = Path(__file__).parents[3]
    ended = subprocess.run([sys.executable, "-c", script], cwd=root, env={**os.environ, "PYTHONPATH": str(root)})
    assert ended.returncode == -9
    assert sorted(path.name for path in exports.iterdir()) == [".churn", "churn"]
    Staging.recover()
    assert in_stores() == (KEPT if written else [])
    assert list(exports.iterdir()) == []


def test_an_export_under_way_is_left_alone(exports: Path) -> None:
    with Staging("churn") as staging:
        Staging.recover()
        assert staging.folder.is_dir()


def test_the_same_name_waits_and_another_does_not(exports: Path) -> None:
    order: list[str] = []

    def second() -> None:
        with Staging("churn"):
            order.append("second")

    with Staging("churn"):
        thread = threading.Thread(target=second)
        thread.start()
        with Staging("apples"):
            order.append("another")
        thread.join(0.2)
        order.append("first")
    thread.join(5)
    assert order == ["another", "first", "second"]


def test_an_older_latest_is_put_right_only_by_what_is_current(exports: Path) -> None:
    for tag in ("churn:v1", "churn:v2"):
        stores.path_of("bentos", tag).mkdir(parents=True)
        stores.make_latest(tag)
    latest = stores.home() / "bentos/churn/latest"
    assert latest.read_text() == "v2"
    stores.remove("churn:v1")
    assert latest.read_text() == "v2"
    stores.remove("churn:v2")
    assert not latest.parent.exists()
    stores.remove("churn:v2")  # again, which is no fault


def test_stores_on_another_disk_are_copied_to(exports: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.rename

    def rename(source: Path, target: Path) -> Path:
        if "exports" in source.parts:
            raise OSError(18, "Invalid cross-device link")
        return real(source, target)

    monkeypatch.setattr(Path, "rename", rename)
    with Staging("churn") as staging:
        build(staging)
        staging.publish(TAG)
        add_endpoint("churn")
    assert in_stores() == KEPT
