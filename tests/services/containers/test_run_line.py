"""The line that runs an image: beside the registry that holds its keys, and with no secret in it."""

import itertools
import os
import shlex
from pathlib import Path

import pytest

from registry.settings import settings
from services.containers.backends import Backend
from services.containers.run_line import run_line


def words(backend: Backend = Backend.PODMAN) -> list[str]:
    """The line's words, by the settings as they are now."""
    settings.cache_clear()
    return shlex.split(run_line(backend, "churn:v1", "churn"))


def after(option: str, line: list[str]) -> list[str]:
    """The values of an option."""
    return [value for name, value in itertools.pairwise(line) if name == option]


def test_beside_an_embedded_registry_it_is_the_owner_of_the_folder(empty_home: Path) -> None:
    line = words()
    assert line[:3] == ["podman", "run", "--rm"]
    assert after("-v", line) == [f"{empty_home}:/registry:z"]
    assert after("-e", line) == ["BENTOML_HOME=/tmp/bentoml", "MODELPORT_HOME=/registry"]
    assert after("--user", line) == [f"{empty_home.stat().st_uid}:{empty_home.stat().st_gid}"]
    assert line[-3:] == ["churn:v1", "--timeout-graceful-shutdown", "20"]


def test_it_listens_where_the_hub_would(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert after("-p", words()) == ["127.0.0.1:3000:3000"]
    monkeypatch.setenv("MODELPORT_HOST", "::1")
    monkeypatch.setenv("MODELPORT_PORT", "8080")
    assert after("-p", words()) == ["[::1]:8080:3000"]


def test_a_sqlite_file_elsewhere_is_shared_too(
    empty_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODELPORT_DATABASE_URL", f"sqlite:///{tmp_path}/data/keys.db")
    line = words()
    assert after("-v", line) == [f"{empty_home}:/registry:z", f"{tmp_path}/data:/database:z"]
    assert "MODELPORT_DATABASE_URL=sqlite:////database/keys.db" in after("-e", line)


def test_secrets_go_by_name(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = {
        "MODELPORT_DATABASE_URL": "postgresql://ada:secret@db/modelport",
        "MODELPORT_PEPPER": "secret" * 6,
        "MODELPORT_JWT_KEYS": f"one:{'secret' * 6}",
    }
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    line = words()
    assert after("-e", line) == ["BENTOML_HOME=/tmp/bentoml", "MODELPORT_HOME=/tmp/modelport", *secrets]
    assert "secret" not in " ".join(line)
    assert not after("-v", line) and not after("--user", line)


def test_what_stands_in_the_env_file_is_taken_from_there(empty_home: Path) -> None:
    Path(".env").write_text(f"MODELPORT_PEPPER={'secret' * 6}\n")
    line = words()
    assert after("--env-file", line) == [".env"]
    assert "MODELPORT_PEPPER" not in after("-e", line), "the environment's would be the empty one"
    assert "secret" not in " ".join(line)


@pytest.mark.parametrize(
    ("backend", "user", "program", "mapped"),
    [
        (Backend.PODMAN, 1000, "podman", ["keep-id"]),
        (Backend.BUILDAH, 1000, "podman", ["keep-id"]),
        (Backend.DOCKER, 1000, "docker", []),
        (Backend.PODMAN, 0, "podman", []),
    ],
)
def test_who_runs_it(
    empty_home: Path, monkeypatch: pytest.MonkeyPatch, backend: Backend, user: int, program: str, mapped: list[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    line = words(backend)
    assert line[0] == program
    assert after("--userns", line) == mapped
