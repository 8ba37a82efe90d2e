"""Hostile uploads: each is refused with a clear line, and leaves nothing on the disk or in the registry."""

from pathlib import Path

import pytest

from registry import database
from registry.accounts import Role
from registry.catalog import Model
from registry.settings import settings
from services.uploads import admission
from tests.services.control.hostile import HOSTILE, REAL, SLOW
from tests.services.control.hostile import empty_home as empty_home
from tests.services.control.hostile import operator as operator
from tests.services.control.test_models import upload
from tests.services.middleware.conftest import Hub
from tests.services.uploads.samples import onnx_model, pickled

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


@pytest.mark.slow
def test_real_files_are_taken_whatever_they_are_called(hub: Hub, tmp_path: Path) -> None:
    token = hub.new_user("olga", Role.OPERATOR)
    for kind, make in REAL.items():
        folder = tmp_path / kind
        folder.mkdir()
        made = upload(hub, token, make(folder), name=kind.replace("_", "-"), file_name="model.bin")
        assert made.status_code == 201, (kind, made.text)
        with database.reading() as session:
            assert (session.get_one(Model, made.json()["id"]).upload_parts or {})["format"] == kind


@pytest.mark.slow
@pytest.mark.parametrize("what", [*HOSTILE, *SLOW])
def test_a_hostile_file(hub: Hub, operator: str, tmp_path: Path, what: str) -> None:
    import re

    file_name, make, reason = (HOSTILE | SLOW)[what]
    refused = upload(hub, operator, make(tmp_path), file_name=file_name)

    error = refused.json()["error"]
    assert (refused.status_code, error["code"]) == (400, "INVALID_INPUT"), refused.text
    assert re.search(reason, error["message"]), error["message"]
    assert not (tmp_path / "marker").exists()
    assert str(settings().home) not in refused.text and "Traceback" not in refused.text


def test_a_pickle_is_refused_whatever_it_is_called(hub: Hub, operator: str, tmp_path: Path) -> None:
    refused = upload(hub, operator, pickled(tmp_path / "marker"), file_name="model.onnx")

    assert refused.status_code == 400 and refused.json()["error"]["message"].startswith("The file is a pickle")
    assert not (tmp_path / "marker").exists()


def test_a_model_that_takes_too_long_is_ended(hub: Hub, operator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "SECONDS", 0.01)
    refused = upload(hub, operator, onnx_model())
    assert refused.status_code == 400 and "took more than 0.01 s" in refused.json()["error"]["message"]
