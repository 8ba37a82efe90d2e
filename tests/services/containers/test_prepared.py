"""A Bento as it goes into an image, and what of it the stores must hold."""

from pathlib import Path

import pytest
import yaml

from registry.errors import ExportError
from services.containers.prepared import prepared
from services.packaging import stores

IMAGE = {"base_image": "python:3.11-slim", "commands": ["apt-get update"]}


@pytest.fixture
def bento(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Bento and its model in BentoML's stores, both their owner's alone to read."""
    monkeypatch.setenv("BENTOML_HOME", str(home / "bentoml"))
    model, made = stores.path_of("models", "churn:v1"), stores.path_of("bentos", "churn:v1")
    for folder in (model, made):
        folder.mkdir(parents=True, mode=0o700)
    (model / "model.onnx").write_bytes(b"graph")
    (model / "model.onnx").chmod(0o600)
    write(made, {"services": [{"models": [{"tag": "churn:v1"}]}], "image": IMAGE})
    return made


def write(bento: Path, described: dict[str, object]) -> None:
    (bento / "bento.yaml").write_text(yaml.safe_dump(described))


def test_the_copy_is_on_the_base_that_was_asked_for_and_the_store_is_not_touched(bento: Path) -> None:
    before = (bento / "bento.yaml").read_text()
    with prepared("churn:v1", "registry.local/python:3.11") as made:
        image = yaml.safe_load((made / "bentos/churn/v1/bento.yaml").read_text())["image"]
    assert image["base_image"] == "registry.local/python:3.11"
    assert image["commands"][0] == "apt-get update"
    assert (bento / "bento.yaml").read_text() == before
    assert not made.exists()


def test_without_one_it_stays_on_bentomls(bento: Path) -> None:
    with prepared("churn:v1", None) as made:
        image = yaml.safe_load((made / "bentos/churn/v1/bento.yaml").read_text())["image"]
    assert image["base_image"] == "python:3.11-slim"


def test_every_user_may_read_it(bento: Path) -> None:
    with prepared("churn:v1", None) as made:
        files = list((made / "models").rglob("*"))
        assert [file.name for file in files if file.is_file()] == ["model.onnx"]
        assert all(file.stat().st_mode & 0o044 == 0o044 for file in files)
    assert stores.path_of("models", "churn:v1").joinpath("model.onnx").stat().st_mode & 0o777 == 0o600


def test_conda_and_cuda_decide_about_the_base_themselves(bento: Path) -> None:
    write(bento, {"models": [{"tag": "churn:v1"}], "docker": {"cuda_version": "12"}})
    with pytest.raises(ExportError, match="conda or CUDA options, which decide about its base image"):
        prepared("churn:v1", "base").__enter__()
    with prepared("churn:v1", None) as made:
        assert (made / "models/churn/v1/model.onnx").exists()


def test_a_model_of_hugging_face_is_bentomls_to_fetch(bento: Path) -> None:
    write(bento, {"models": [{"tag": "far:away", "registry": "huggingface"}], "image": IMAGE})
    with prepared("churn:v1", None) as made:
        assert not (made / "models").exists()
