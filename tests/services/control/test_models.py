"""Uploading, listing, showing and deleting models."""

import json
from pathlib import Path
from typing import Any

import httpx

from registry import database
from registry.accounts import Role
from registry.catalog import Model, put_endpoint
from registry.settings import settings
from tests.services.middleware.conftest import ACTOR, Hub
from tests.services.uploads.samples import onnx_model

ROUTES = [("GET", "/models/"), ("GET", "/models"), ("POST", "/models/"), ("POST", "/models")]
ROUTES += [("GET", "/models/1"), ("DELETE", "/models/1")]
WRITING = [route for route in ROUTES if route[0] != "GET"]


def upload(hub: Hub, token: str, content: bytes, name: str | None = None, **more: Any) -> httpx.Response:
    """Upload a file that a client calls `sums.onnx`."""
    data = {key: value for key, value in {"name": name, "classes": more.pop("classes", None)}.items() if value}
    files = {"file": (more.pop("file_name", "sums.onnx"), content), **more.pop("files", {})}
    return hub.as_user("POST", "/models/", token, files=files, data=data, **more)


def kept() -> list[str]:
    """The files that the platform keeps, whatever for."""
    return sorted(path.name for path in (settings().home / "uploads").rglob("*") if path.is_file())


def test_an_uploaded_model_is_a_row_with_a_file_and_not_yet_an_endpoint(hub: Hub, operator: str) -> None:
    made = upload(hub, operator, onnx_model())

    assert made.status_code == 201, made.text
    model = made.json()
    assert made.headers["location"] == f"/models/{model['id']}"
    assert (model["name"], model["version"], model["framework"]) == ("sums", 1, "onnx")
    assert (model["uploaded"], model["exported"], model["endpoints"], model["report"]) == (True, False, [], {})
    assert model["signature"]["inputs"][0]["shape"] == [4] and model["file_name"] == "sums.onnx"
    assert model["sha256"] in kept()
    assert hub.as_user("GET", f"/models/{model['id']}", operator).json() == model
    assert hub.as_user("POST", "/api/predict/sums", operator, json={"x": [1, 2, 3, 4]}).status_code == 404


def test_the_same_file_again_changes_nothing_and_another_is_the_next_version(hub: Hub, operator: str) -> None:
    first, again = upload(hub, operator, onnx_model()), upload(hub, operator, onnx_model(), file_name="other/sums.bin")
    other = upload(hub, operator, onnx_model(3.0))

    assert [answer.status_code for answer in (first, again, other)] == [201, 200, 201]
    assert (first.json()["id"], other.json()["version"]) == (again.json()["id"], 2)
    assert len([name for name in kept() if len(name) == 64]) == 2


def test_the_same_file_again_names_the_endpoints_that_serve_it(hub: Hub, operator: str) -> None:
    first = upload(hub, operator, onnx_model()).json()
    with database.session() as session:
        model = session.get_one(Model, first["id"])
        put_endpoint(session, name="sums", path="/api/predict/sums", model=model, bento="sums:1", actor=ACTOR)
    again = upload(hub, operator, onnx_model())

    assert (again.status_code, again.json()["endpoints"]) == (200, ["sums"])
    assert again.json() == hub.as_user("GET", f"/models/{first['id']}", operator).json()


def test_models_are_listed_by_name_and_framework_a_page_at_a_time(hub: Hub, operator: str) -> None:
    for name, weight in (("one", 1.0), ("two", 2.0), ("two", 3.0)):
        assert upload(hub, operator, onnx_model(weight), name).status_code == 201

    def listed(query: str) -> Any:
        return hub.as_user("GET", f"/models/?{query}", operator).json()

    page = listed("limit=2&sort=created_at")
    assert [(row["name"], row["version"]) for row in page["items"]] == [("echo", 1), ("one", 1)]
    rest = listed(f"sort=created_at&cursor={page['next_cursor']}")
    assert [row["name"] for row in rest["items"]] == ["two", "two"] and rest["next_cursor"] is None
    assert [row["version"] for row in listed("name=two&sort=-created_at")["items"]] == [2, 1]
    assert [row["name"] for row in listed("framework=sklearn")["items"]] == ["echo"]
    assert listed("name=echo")["items"][0]["endpoints"] == ["echo"]
    assert hub.as_user("GET", "/models", operator).json() == hub.as_user("GET", "/models/", operator).json()


def test_a_deleted_model_takes_its_file_along_unless_another_needs_it(hub: Hub, operator: str) -> None:
    one, two = (upload(hub, operator, onnx_model(), name).json() for name in ("one", "two"))
    file = one["sha256"]

    assert hub.as_user("DELETE", f"/models/{one['id']}", operator).status_code == 204
    assert file in kept()
    assert hub.as_user("DELETE", f"/models/{two['id']}", operator).status_code == 204
    assert file not in kept()
    assert hub.as_user("DELETE", f"/models/{two['id']}", operator).status_code == 404


def test_a_model_that_is_served_is_not_deleted(hub: Hub, operator: str) -> None:
    (echo,) = hub.as_user("GET", "/models/?name=echo", operator).json()["items"]
    refused = hub.as_user("DELETE", f"/models/{echo['id']}", operator)

    assert refused.status_code == 409 and refused.json()["error"]["details"] == {"endpoint": "echo"}


def test_who_may_do_what(hub: Hub) -> None:
    tokens = {role: hub.new_user(role.value, role) for role in Role}
    for method, path in ROUTES:
        assert hub.ask(method, path, None).status_code == 401, path
        assert hub.ask(method, path).status_code == 403, path
        for role in (Role.VIEWER, Role.USER):
            status = hub.as_user(method, path, tokens[role]).status_code
            assert (status == 403) == ((method, path) in WRITING), (role, method, path, status)
    for role in (Role.OPERATOR, Role.ADMIN):
        assert upload(hub, tokens[role], onnx_model(), role.value).status_code == 201


def test_an_upload_is_audited_with_its_user(hub: Hub, operator: str) -> None:
    from sqlmodel import select

    from registry import database
    from registry.audit import AuditEntry

    model = upload(hub, operator, onnx_model()).json()
    hub.as_user("DELETE", f"/models/{model['id']}", operator)
    with database.reading() as session:
        entries = session.exec(select(AuditEntry).where(AuditEntry.target == "model:sums@1")).all()
    assert [(entry.actor, entry.action) for entry in entries] == [
        ("user:olga", "catalog:model:added"),
        ("user:olga", "catalog:model:deleted"),
    ]
    assert json.loads(entries[0].detail)["sha256"] == model["sha256"]


def test_a_sample_and_classes_shape_the_signature(hub: Hub, operator: str) -> None:
    sample: dict[str, Any] = {"sample": ("rows.csv", b"a,b,c,d\n1,2,3,4\n5,6,7,8\n")}
    made = upload(hub, operator, onnx_model(), files=sample)

    assert made.status_code == 201, made.text
    assert made.json()["signature"]["example"] is not None and len([name for name in kept() if len(name) == 64]) == 2
    hub.as_user("DELETE", f"/models/{made.json()['id']}", operator)
    assert [name for name in kept() if len(name) == 64] == []


def test_what_is_left_of_an_upload_that_was_killed_goes_at_the_next_start(hub: Hub, operator: str) -> None:
    from services.uploads.kept import Change

    upload(hub, operator, onnx_model())
    uploads: Path = settings().home / "uploads"
    left = uploads / "changes" / "0123456789abcdef"
    left.mkdir()
    (left / "upload").write_bytes(b"half a model")
    (left / "claimed").write_text("\n".join(["f" * 64, *(name for name in kept() if len(name) == 64)]))
    (uploads / ("f" * 64)).write_bytes(b"kept, but its row was never written")
    (uploads / ("e" * 64)).write_bytes(b"nobody claimed this")

    Change.recover()
    assert not left.exists() and not (uploads / ("f" * 64)).exists()
    assert len([name for name in kept() if len(name) == 64]) == 2, "the model's own, and what nobody claimed"
