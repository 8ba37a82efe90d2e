"""`containerize` before a builder starts: what it finds, what it refuses. The image itself is tests/serving/test_container.py."""

import stat
from pathlib import Path

import pytest
import yaml

from registry.catalog import Endpoint
from services.packaging import stores
from tests.cli.terminal import Command

# Programs that speak as the real ones do; `docker` has no daemon to speak to.
WORKS = "#!/bin/sh\nexit 0\n"
NO_DAEMON = "#!/bin/sh\necho 'Cannot connect to the Docker daemon at unix:///run/d.sock.' >&2\nexit 1\n"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder in which programs are found; nothing is installed at first."""
    folder = tmp_path / "installed"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def install(folder: Path, name: str, script: str) -> None:
    """Put a program there."""
    (folder / name).write_text(script)
    (folder / name).chmod(stat.S_IRWXU)


@pytest.mark.parametrize(
    ("options", "programs", "said"),
    [
        (["nothing"], {}, "there is no endpoint 'nothing'; `modelport list` shows what there is"),
        (["churn"], {}, "nothing here builds images: install podman or buildah, or start docker's daemon"),
        (["churn"], {"docker": NO_DAEMON}, "nothing here builds images: install podman or buildah, or start docker's"),
        (["churn", "--backend", "podman"], {"docker": WORKS}, "podman is not installed: install it, or choose another"),
        (
            ["churn", "--backend", "docker"],
            {"docker": NO_DAEMON, "podman": WORKS},
            "docker does not work here: Cannot connect to the Docker daemon at unix:///run/d.sock.",
        ),
        (["churn", "--tag", "Churn:1"], {"podman": WORKS}, "'Churn:1' can't be an image's name: give `--tag` as NAME:"),
        (["churn", "--tag", "churn 1"], {"podman": WORKS}, "'churn 1' can't be an image's name"),
        (["churn", "--tag", "-churn"], {"podman": WORKS}, "'-churn' can't be an image's name"),
        (["churn", "--base", "a\nRUN b"], {"podman": WORKS}, "'a\\nRUN b' can't be a base image"),
        (["churn", "--base", ""], {"podman": WORKS}, "'' can't be a base image"),
        (["churn"], {"podman": WORKS}, "churn:v1 is not in BentoML's store of bentos: export the endpoint again"),
    ],
)
def test_what_can_not_be_built_is_one_line(
    modelport: Command, churn: Endpoint, installed: Path, options: list[str], programs: dict[str, str], said: str
) -> None:
    for name, script in programs.items():
        install(installed, name, script)
    done = modelport("containerize", *options)
    assert done.code == 1
    assert done.line.startswith(f"modelport: {said}")


def test_an_unknown_backend_is_wrong_usage(modelport: Command, churn: Endpoint) -> None:
    done = modelport("containerize", "churn", "--backend", "kaniko")
    assert done.code == 2
    assert "'kaniko' is not one of 'docker', 'podman', 'buildah'" in done.line


def test_a_model_that_is_gone_from_the_store_is_named(modelport: Command, churn: Endpoint, installed: Path) -> None:
    install(installed, "podman", WORKS)
    bento = stores.path_of("bentos", "churn:v1")
    bento.mkdir(parents=True)
    described = {"services": [{"models": [{"tag": "churn:v1"}]}], "image": {"base_image": "python:3.11-slim"}}
    (bento / "bento.yaml").write_text(yaml.safe_dump(described))
    said = modelport("containerize", "churn").line
    assert said == "modelport: churn:v1 is not in BentoML's store of models: export the endpoint again"
