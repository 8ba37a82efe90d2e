"""Exports asked for over HTTP, and what people change about endpoints that stand."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlmodel import select

from registry import database, users
from registry.accounts import ApiKey, Role
from registry.audit import AuditEntry
from registry.catalog import Model
from registry.errors import Forbidden
from registry.export_jobs import MOST_QUEUED, ExportJob, JobStatus
from registry.settings import settings
from registry.uploads import Parts, add_upload
from services.jobs import work
from services.jobs.runner import Runner
from services.jobs.work import lock_path
from services.packaging import stores
from services.packaging.locks import lock, unlock
from services.uploads.kept import path_of
from tests.services.middleware.conftest import ACTOR, SIGNATURE, Hub, endpoint_named
from tests.services.uploads.samples import onnx_model

ROUTES = {
    ("POST", "/api/export/1"): Role.OPERATOR,
    ("GET", "/api/jobs/1"): Role.VIEWER,
    ("PUT", "/api/exports/echo/status"): Role.OPERATOR,
    ("PUT", "/api/exports/echo/limits"): Role.OPERATOR,
    ("POST", "/api/exports/echo/regenerate-key"): Role.OPERATOR,
    ("DELETE", "/api/exports/none"): Role.OPERATOR,
}
READERS = {Role.VIEWER, Role.USER}


@contextmanager
def nobody_works() -> Iterator[None]:
    """Hold the lock that whoever does exports holds: what is queued stays so."""
    held = lock(lock_path(), wait=True)
    try:
        yield
    finally:
        unlock(lock_path(), held)


def uploaded(name: str) -> int:
    """The id of a model that was uploaded."""
    content = onnx_model()
    digest = hashlib.sha256(content).hexdigest()
    path_of(digest).parent.mkdir(exist_ok=True)
    path_of(digest).write_bytes(content)
    parts = Parts(file_name=f"{name}.onnx", format="onnx", size=len(content)).model_dump(mode="json")
    row = Model(
        name=name, version=0, framework="onnx", sha256=digest, source_sha256="", runtime="onnx", signature=SIGNATURE,
        size_bytes=len(content), upload=digest, upload_parts=parts,
    )  # fmt: skip
    with database.session() as session:
        model, _ = add_upload(session, row, actor=ACTOR)
        assert model.id is not None
        return model.id


def succeed(job_id: int) -> None:
    """Do as the process does that has just exported `echo`."""
    with database.session() as session:
        work.Asked(job_id).written(session, endpoint_named(session, "echo"), True)


def test_who_may_do_what(hub: Hub) -> None:
    tokens = {role: hub.new_user(role.value, role) for role in Role}
    for (method, path), least in ROUTES.items():
        assert hub.ask(method, path, None).status_code == 401, path
        assert hub.ask(method, path).status_code == 403, path
        for role in READERS:
            status = hub.as_user(method, path, tokens[role]).status_code
            assert (status == 403) == (least is Role.OPERATOR), (role, method, path, status)
        for role in set(Role) - READERS:
            assert hub.as_user(method, path, tokens[role]).status_code not in (401, 403), (role, path)


def test_an_export_is_queued_once_however_often_it_is_asked_for_under_one_name(hub: Hub, operator: str) -> None:
    model = uploaded("churn")
    with nobody_works():
        headers = {"Authorization": f"Bearer {operator}", "Idempotency-Key": "one"}
        first, again = (
            hub.ask("POST", f"/api/export/{model}", None, headers=headers, json={"compile": False}) for _ in range(2)
        )
        other = hub.ask("POST", f"/api/export/{model}", None, headers=headers, json={})
        job = hub.as_user("GET", first.headers["location"], operator)

    assert (first.status_code, first.json()["status"], first.json()["progress"]) == (202, "queued", [])
    assert first.headers["location"] == first.json()["location"] == f"/api/jobs/{first.json()['job_id']}"
    assert again.json() == first.json() and again.headers["idempotency-replayed"] == "true"
    assert other.status_code == 422
    assert (job.json()["status"], job.json()["endpoint"], job.json()["result"]) == ("queued", "churn", None)
    assert job.headers["retry-after"] == "2"


def test_an_answer_given_again_starts_no_process(hub: Hub, operator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Runner] = []

    def wake(runner: Runner) -> None:
        started.append(runner)

    monkeypatch.setattr(Runner, "wake", wake)
    headers = {"Authorization": f"Bearer {operator}", "Idempotency-Key": "one"}
    path = f"/api/export/{uploaded('churn')}"
    answers = [hub.ask("POST", path, None, headers=headers, json={}).status_code for _ in range(2)]

    assert answers == [202, 202] and len(started) == 1


@pytest.mark.slow
def test_too_many_exports_wait(hub: Hub, operator: str) -> None:
    model = uploaded("churn")
    with nobody_works():
        answers = [hub.as_user("POST", f"/api/export/{model}", operator) for _ in range(MOST_QUEUED + 1)]
        kept = hub.as_user("DELETE", f"/models/{model}", operator)

    assert [answer.status_code for answer in answers] == [202] * MOST_QUEUED + [503]
    assert answers[-1].headers["retry-after"] == "30"
    assert kept.status_code == 409 and "is being exported" in kept.json()["error"]["message"]


def test_what_can_not_be_exported(hub: Hub, operator: str) -> None:
    (echo,) = hub.as_user("GET", "/models/?name=echo", operator).json()["items"]
    gone = uploaded("gone")
    path_of(hub.as_user("GET", f"/models/{gone}", operator).json()["sha256"]).unlink()
    asked: list[tuple[Any, dict[str, Any], int]] = [
        (echo["id"], {}, 409), (gone, {}, 409), (999, {}, 404), (gone, {"name": "../x"}, 400), (gone, {"name": "12"}, 400),
        (gone, {"rate_limit": "many"}, 400), (gone, {"compile": "yes"}, 400), (gone, {"more": 1}, 400), ("x", {}, 400),
    ]  # fmt: skip
    for model, body, status in asked:
        answer = hub.as_user("POST", f"/api/export/{model}", operator, json=body)
        assert answer.status_code == status, (model, body, answer.text)


def test_the_key_goes_once_to_who_asked_and_did_not_exist_before(hub: Hub, operator: str) -> None:
    others = [hub.new_user("otto", Role.OPERATOR), hub.new_user("vera", Role.VIEWER)]
    model = uploaded("churn")
    with nobody_works():
        job = hub.as_user("POST", f"/api/export/{model}", operator, json={"name": "echo"}).json()
        succeed(job["job_id"])

    with database.reading() as session:
        assert session.exec(select(ApiKey.name).where(ApiKey.name == "echo")).all() == []
    seen = [hub.as_user("GET", job["location"], token).json() for token in (*others, operator, operator)]
    keys = [one["result"].pop("api_key") for one in seen]
    assert keys[:2] == [None, None] and keys[3] is None
    assert seen[0] == seen[3] and seen[0]["result"]["endpoint"] == "echo" and seen[0]["status"] == "succeeded"
    hub.hears()
    assert hub.predict(keys[2]).status_code == 200
    with database.reading() as session:
        key = session.exec(select(ApiKey).where(ApiKey.name == "echo")).one()
        assert (key.user.username, key.scopes) == ("olga", "predict") and key.expires_at is not None
        assert keys[2] not in str([row.model_dump() for row in session.exec(select(ExportJob))])
        entry = session.exec(select(AuditEntry).where(AuditEntry.target == f"key:{key.key_id}")).one()
        assert (entry.actor, entry.action) == ("user:olga", "account:key:created")


def test_an_export_of_somebody_who_is_gone_meanwhile_is_refused(hub: Hub, operator: str) -> None:
    with nobody_works():
        job = hub.as_user("POST", f"/api/export/{uploaded('churn')}", operator).json()["job_id"]
        with database.session() as session:
            users.set_active(session, users.existing_user(session, "olga"), False, actor=ACTOR)
        with pytest.raises(Forbidden, match="is gone"):
            work.Asked(job).begin()


@pytest.mark.slow
def test_a_job_whose_process_was_killed_has_failed(hub: Hub, operator: str) -> None:
    with nobody_works():
        job = hub.as_user("POST", f"/api/export/{uploaded('churn')}", operator).json()
        with database.session() as session:
            session.get_one(ExportJob, job["job_id"]).status = JobStatus.RUNNING
    hub.eventually(lambda: hub.as_user("GET", job["location"], operator).json()["status"] == "failed")
    told = hub.as_user("GET", job["location"], operator).json()
    assert told["error"] == work.ENDED and told["finished_at"]


def test_a_job_that_failed_names_no_folder_of_the_server(hub: Hub, operator: str) -> None:
    with nobody_works():
        job = hub.as_user("POST", f"/api/export/{uploaded('churn')}", operator).json()
        with database.session() as session:
            session.get_one(ExportJob, job["job_id"]).status = JobStatus.RUNNING
        work._fail(job["job_id"], f"can't use {stores.home()}/models; {settings().home}/uploads/x is no model")
        told = hub.as_user("GET", job["location"], operator).json()
    assert told["error"] == "can't use …/models; …/uploads/x is no model"


def test_an_endpoint_is_switched_off_and_on(hub: Hub, operator: str) -> None:
    off = {"status": "inactive", "reason": "retraining"}
    answer = hub.as_user("PUT", "/api/exports/echo/status", operator, json=off).json()
    assert (answer["status"], answer["status_reason"]) == ("inactive", "retraining")
    hub.hears()
    assert hub.predict().status_code == 403
    hub.as_user("PUT", "/api/exports/echo/status", operator, json={"status": "active"})
    hub.hears()
    assert hub.predict().status_code == 200
    for bad in ({"status": "error"}, {}, {"status": "inactive", "reason": "a\nb"}, {"status": "inactive", "by": "me"}):
        assert hub.as_user("PUT", "/api/exports/echo/status", operator, json=bad).status_code == 400
    assert hub.as_user("PUT", "/api/exports/none/status", operator, json=off).status_code == 404


def test_an_endpoints_limit_is_changed(hub: Hub, operator: str) -> None:
    key = hub.new_key("echo")
    answer = hub.as_user("PUT", "/api/exports/echo/limits", operator, json={"rate_limit": "1 per 2 hours"})
    assert answer.json()["rate_limit"].startswith("1/"), answer.text
    hub.hears()
    assert {hub.predict(key).status_code for _ in range(4)} == {200, 429}
    assert hub.as_user("PUT", "/api/exports/echo/limits", operator, json={"rate_limit": "often"}).status_code == 400
    reset = hub.as_user("PUT", "/api/exports/echo/limits", operator, json={"rate_limit": None})
    assert reset.json()["rate_limit"] == "100/minute"


def test_an_endpoints_own_key_is_replaced_and_no_other(hub: Hub, operator: str) -> None:
    path = "/api/exports/echo/regenerate-key"
    users_own = hub.new_key("echo")
    first = hub.as_user("POST", path, operator).json()
    second = hub.as_user("POST", path, operator, json={"grace": "1h"}).json()
    hub.hears()
    assert [hub.predict(key["api_key"]).status_code for key in (first, second)] == [200, 200]
    headers = {"Authorization": f"Bearer {operator}", "Idempotency-Key": "third"}
    third, again = (hub.ask("POST", path, None, headers=headers, json={}) for _ in range(2))
    hub.hears()

    assert third.content == again.content and third.json()["replaced"] == [first["key_id"], second["key_id"]]
    keys = (first["api_key"], second["api_key"], third.json()["api_key"], users_own)
    assert [hub.predict(key).status_code for key in keys] == [401, 401, 200, 200]
    assert hub.as_user("POST", path, operator, json={"grace": "169h"}).status_code == 400
    assert hub.as_user("POST", path.replace("echo", "none"), operator).status_code == 404


def test_a_deleted_endpoint_answers_no_more_and_its_upload_stays(hub: Hub, operator: str) -> None:
    waiting = uploaded("echo")
    assert hub.as_user("DELETE", "/api/exports/echo", operator).status_code == 204
    hub.hears()
    assert hub.predict().status_code == 404
    assert hub.as_user("GET", "/models/?name=echo", operator).json()["items"][0]["id"] == waiting
    assert hub.as_user("DELETE", "/api/exports/echo", operator).status_code == 404
    with database.reading() as session:
        entry = session.exec(select(AuditEntry).where(AuditEntry.action == "catalog:endpoint:deleted")).one()
    assert entry.actor == "user:olga"
