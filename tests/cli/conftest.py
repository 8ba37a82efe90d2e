"""A registry to ask, and the command to ask it with."""

from pathlib import Path

import pytest

from registry import catalog, database
from registry.catalog import Endpoint, Model
from services.keys import create_key
from tests.cli.terminal import Command, in_this_process

SIGNATURE = {"inputs": [{"name": "age", "dtype": "int64", "shape": [], "nullable": False, "categories": None}]}


@pytest.fixture
def modelport(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """The command, in an empty home."""
    monkeypatch.setenv("BENTOML_HOME", str(home.with_name("bentoml")))
    return in_this_process(monkeypatch, capsys)


def add_endpoint(name: str) -> Endpoint:
    """Write an endpoint as `export` would, without a model behind it."""
    database.upgrade()
    with database.session() as session:
        bento = f"{name}:v{catalog.next_version(session, name)}"
        model = Model(
            name=name,
            version=catalog.next_version(session, name),
            framework="sklearn",
            sha256="0" * 64,
            source_sha256="",
            tag=bento,
            runtime="sklearn",
            signature=SIGNATURE,
            size_bytes=1,
            report={"bento": bento},
        )
        catalog.add_model(session, model, actor="test")
        path = f"/api/predict/{name}"
        return catalog.put_endpoint(session, name=name, path=path, model=model, bento=bento, actor="test")


@pytest.fixture
def churn(modelport: Command) -> Endpoint:
    """A registry with one endpoint and its first key."""
    endpoint = add_endpoint("churn")
    create_key("churn", "churn")
    return endpoint
