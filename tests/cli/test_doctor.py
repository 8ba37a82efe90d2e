"""`doctor` says in a line each what is installed and what is wrong with it, and fails when something must be mended."""

import json
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from registry import accounts, catalog, database
from registry.catalog import Endpoint, EndpointStatus
from registry.settings import settings
from services.doctor import wal_reset
from services.keys import create_key, replace_key
from services.packaging.stores import path_of
from tests.cli.terminal import Command, Done
from tests.cli.test_help import imported_by


def findings(done: Done) -> dict[str, tuple[str, str]]:
    """State and text by part."""
    return {line["part"]: (line["state"], line["says"]) for line in json.loads(done.out)}


@pytest.fixture
def stored(churn: Endpoint) -> Endpoint:
    """An endpoint whose Bento is in BentoML's stores."""
    path_of("bentos", churn.bento).mkdir(parents=True)
    path_of("models", str(churn.model.tag)).mkdir(parents=True)
    return churn


def test_a_fresh_installation_has_nothing_to_be_mended(modelport: Command, home: Path) -> None:
    done = modelport("doctor", "-o", "json")
    assert (done.code, done.err) == (0, "")
    found = findings(done)
    assert list(found) == [
        "versions", "home", "registry", "pepper", "stores", "processor", "server", "sqlite", "tracking",
    ]  # fmt: skip
    assert found["registry"] == ("ok", "none yet; the first export makes it")
    assert "bentoml 1." in found["versions"][1] and "tensorflow 2." in found["versions"][1]
    assert not home.exists(), "and it has changed nothing"


def test_a_used_one(modelport: Command, stored: Endpoint) -> None:
    done = modelport("doctor")
    lines = [line.split(maxsplit=2) for line in done.out.splitlines()]
    assert done.code == 0
    assert ["registry", "ok", "SQLite, reachable, with the schema of this version"] in lines
    assert ["endpoint", "ok", "churn version 1, sklearn"] in lines
    assert settings().pepper_bytes().decode() not in done.out


def test_an_endpoint_without_its_model(modelport: Command, churn: Endpoint) -> None:
    done = modelport("doctor", "-o", "json")
    assert done.code == 1
    said = "churn version 1, sklearn: its Bento or its model is not in BentoML's stores; export it again"
    assert findings(done)["endpoint"] == ("wrong", said)


def test_an_endpoint_whose_model_broke_says_why_and_one_that_is_off_is_no_matter(
    modelport: Command, churn: Endpoint
) -> None:
    with database.session() as session:
        catalog.set_status(session, churn, EndpointStatus.ERROR, reason="file gone", actor="test")
    assert findings(modelport("doctor", "-o", "json"))["endpoint"][1].endswith(": file gone")
    modelport("deactivate", "churn")
    done = modelport("doctor", "-o", "json")
    assert done.code == 0 and "endpoint" not in findings(done)


def test_a_key_that_ends_soon_and_has_no_successor(modelport: Command, stored: Endpoint) -> None:
    soon = create_key("churn", "ci", lifetime=timedelta(days=13)).key
    replace_key(create_key("churn", "rotated", lifetime=timedelta(days=13)).key.key_id, timedelta(days=1))
    create_key(None, "later", lifetime=timedelta(days=15))
    done = modelport("doctor", "-o", "json")
    warnings = [line["says"] for line in json.loads(done.out) if line["part"] == "key"]
    assert done.code == 0
    assert [line.partition(" expires on ")[0] for line in warnings] == [
        f"{soon.key_id} (ci, churn)",
        f"{successor()} (rotated, churn)",
    ]
    assert warnings[0].endswith(f": modelport keys rotate {soon.key_id}")


def successor() -> str:
    """The id of the key that replaced another."""
    with database.reading() as session:
        return next(key.key_id for key in accounts.keys(session) if key.rotated_from is not None)


def test_a_pepper_that_others_can_read(modelport: Command, stored: Endpoint, home: Path) -> None:
    (home / "secrets" / "pepper").chmod(0o644)
    done = modelport("doctor", "-o", "json")
    assert done.code == 1
    assert "can be read by others: chmod 600" in findings(done)["pepper"][1]


def test_a_pepper_that_is_gone_and_a_home_open_to_others(modelport: Command, stored: Endpoint, home: Path) -> None:
    (home / "secrets" / "pepper").unlink()
    home.chmod(0o755)
    found = findings(modelport("doctor", "-o", "json"))
    assert found["pepper"][0] == "warning" and "restore it, or make new keys" in found["pepper"][1]
    assert found["home"] == ("warning", f"{home}, open to others too: chmod 700 it")


def test_a_schema_of_another_time(modelport: Command, stored: Endpoint, home: Path) -> None:
    database.dispose()
    with sqlite3.connect(home / "registry.db") as registry:
        registry.execute("UPDATE alembic_version SET version_num = '0001'")
    registry.close()
    done = modelport("doctor", "-o", "json")
    assert done.code == 1
    assert "run `modelport db upgrade`" in findings(done)["registry"][1]
    assert "endpoint" not in findings(done)


def test_a_server_that_is_away_is_named_without_its_password(
    modelport: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODELPORT_DATABASE_URL", "postgresql://me:hunter2@127.0.0.1:1/registry")
    settings.cache_clear()
    done = modelport("doctor", "-o", "json")
    assert done.code == 1
    assert "127.0.0.1:1/registry does not answer" in findings(done)["registry"][1]
    assert "MODELPORT_PEPPER is not set" in findings(done)["pepper"][1]
    assert "hunter2" not in done.out + done.err


def test_more_threads_than_cores(modelport: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELPORT_WORKERS", "2")
    monkeypatch.setenv("MODELPORT_THREADS", "500")
    settings.cache_clear()
    state, said = findings(modelport("doctor", "-o", "json"))["processor"]
    assert state == "warning"
    assert said.endswith("BLAS, OpenMP and TensorFlow 500, an ONNX graph 500")


def test_what_bentoml_would_report(modelport: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENTOML_DO_NOT_TRACK", "1")  # BentoML takes `true` alone
    assert findings(modelport("doctor", "-o", "json"))["tracking"][0] == "warning"


@pytest.mark.parametrize(
    ("release", "affected"),
    [
        ((3, 6, 23), False), ((3, 7, 0), True), ((3, 40, 1), True), ((3, 44, 5), True), ((3, 44, 6), False),
        ((3, 50, 6), True), ((3, 50, 7), False), ((3, 51, 2), True), ((3, 51, 3), False), ((3, 53, 0), False),
    ],
)  # fmt: skip
def test_which_sqlite_has_the_wal_reset_bug(release: tuple[int, ...], affected: bool) -> None:
    assert wal_reset(release) is affected


def test_it_imports_no_framework(stored: Endpoint, home: Path) -> None:
    assert not imported_by("doctor", home=str(home)) & {"tensorflow", "keras", "sklearn", "onnxruntime", "bentoml"}
