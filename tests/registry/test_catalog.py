from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event
from sqlmodel import Session, col, select

from registry import catalog, database, traffic
from registry.accounts import ApiKey
from registry.audit import AuditEntry
from registry.catalog import Endpoint, EndpointStatus, Model
from registry.clock import now
from registry.errors import Conflict, InvalidInput

ACTOR = "user:ada"


def _add(session: Session, name: str, tag: str) -> Model:
    version = catalog.next_version(session, name)
    digests: dict[str, Any] = {"sha256": "3" * 64, "source_sha256": "4" * 64}
    model = Model(
        name=name, version=version, framework="keras", tag=tag, runtime="onnx", signature={}, size_bytes=1, **digests
    )
    return catalog.add_model(session, model, actor=ACTOR)


def _actions(session: Session) -> list[str]:
    return list(session.exec(select(AuditEntry.action).order_by(col(AuditEntry.seq))))


def test_an_endpoint_is_found_by_name_and_by_id(churn: Any) -> None:
    with database.reading() as session:
        for name in ("churn", str(churn.endpoint.id)):
            found = catalog.find_endpoint(session, name)
            assert found is not None and found.path == "/api/predict/churn"
        for name in ("other", "999", str(2**31), "9" * 18, "9" * 40, "²", ""):
            assert catalog.find_endpoint(session, name) is None


def test_what_was_stored_comes_back(churn: Any) -> None:
    with database.reading() as session:
        [endpoint] = catalog.endpoints(session)
    assert endpoint.status is EndpointStatus.ACTIVE
    assert endpoint.model.signature == {"columns": ["age"]}
    assert endpoint.model.size_bytes == 5_000_000_000
    assert endpoint.created_at == churn.endpoint.created_at
    assert endpoint.created_at.tzinfo is not None


def test_a_list_of_endpoints_is_one_query(churn: Any) -> None:
    with database.session() as session:
        for name in ("zebra", "ant"):
            model = _add(session, name, f"{name}:a")
            catalog.put_endpoint(session, name=name, path=f"/api/predict/{name}", model=model, bento=name, actor=ACTOR)
    queries: list[str] = []
    with database.reading() as session:
        event.listen(session.connection(), "before_cursor_execute", lambda *call: queries.append(call[2]))
        found = [(endpoint.name, endpoint.model.name) for endpoint in catalog.endpoints(session)]
    assert found == [("ant", "ant"), ("churn", "churn"), ("zebra", "zebra")]
    assert len(queries) == 1


def test_an_endpoint_moves_to_a_new_version_and_works_again(churn: Any) -> None:
    with database.session() as session:
        catalog.set_status(session, churn.endpoint, EndpointStatus.ERROR, reason="file is gone", actor=ACTOR)
        catalog.set_limit(session, churn.endpoint, "5/minute", actor=ACTOR)
        model = _add(session, "churn", "churn:b")
        catalog.put_endpoint(
            session, name="churn", path="/api/predict/churn", model=model, bento="churn:2", actor=ACTOR
        )
    with database.reading() as session:
        [endpoint] = catalog.endpoints(session)
        assert (endpoint.id, endpoint.model.version, endpoint.bento) == (churn.endpoint.id, 2, "churn:2")
        assert (endpoint.status, endpoint.status_reason) == (EndpointStatus.ACTIVE, None)
        assert endpoint.rate_limit == "5/minute"
        assert _actions(session) == [
            "account:user:created",
            "catalog:model:added",
            "catalog:endpoint:created",
            "account:key:created",
            "endpoint:status:changed",
            "endpoint:limit:changed",
            "catalog:model:added",
            "endpoint:model:changed",
        ]


def test_an_address_belongs_to_one_endpoint(churn: Any) -> None:
    with pytest.raises(Conflict, match="already answers at /api/predict/churn"), database.session() as session:
        model = _add(session, "other", "other:a")
        catalog.put_endpoint(session, name="other", path="/api/predict/churn", model=model, bento="o", actor=ACTOR)
    with database.reading() as session:
        assert catalog.next_version(session, "other") == 1


def test_a_version_is_given_once(churn: Any) -> None:
    copy = Model(**churn.model.model_dump(exclude={"id"}))
    with pytest.raises(Conflict, match="Model churn already has a version 1"), database.session() as session:
        catalog.add_model(session, copy, actor=ACTOR)


@pytest.mark.slow
def test_processes_that_add_a_model_at_once_get_a_version_each(
    store: str, processes: Callable[[int, str], list[str]]
) -> None:
    processes(4, ADD_MODELS)
    with database.reading() as session:
        assert sorted(session.exec(select(Model.version))) == list(range(1, 41))


def test_a_number_is_no_name_for_an_endpoint(churn: Any) -> None:
    with pytest.raises(InvalidInput, match="would be taken for an id"), database.session() as session:
        catalog.put_endpoint(session, name="7", path="/7", model=churn.model, bento="x", actor=ACTOR)


def test_a_deleted_endpoint_takes_its_models_keys_and_requests_along(churn: Any) -> None:
    with database.session() as session:
        call: dict[str, Any] = {"method": "POST", "route": "/x", "status_code": 200, "response_time": 0.01}
        session.add(traffic.ApiRequest(request_id="r1", endpoint_id=churn.endpoint.id, timestamp=now(), **call))
        model = _add(session, "churn", "churn:b")
        catalog.put_endpoint(
            session, name="churn", path="/api/predict/churn", model=model, bento="churn:2", actor=ACTOR
        )
    with database.session() as session:
        endpoint = catalog.find_endpoint(session, "churn")
        assert endpoint is not None
        assert catalog.delete_endpoint(session, endpoint, actor=ACTOR) == (["churn:a", "churn:b"], ["churn:2"])
    with database.reading() as session:
        for table in (Endpoint, Model, ApiKey, traffic.ApiRequest):
            assert session.exec(select(table)).all() == []
        assert _actions(session)[-1] == "catalog:endpoint:deleted"


def test_a_deleted_endpoint_gives_up_the_bentos_of_every_version(churn: Any) -> None:
    with database.session() as session:
        for bento in ("churn:2", "churn:3"):
            model = _add(session, "churn", bento)
            model.report = {"bento": bento}
            catalog.put_endpoint(session, name="churn", path="/churn", model=model, bento=bento, actor=ACTOR)
    with database.session() as session:
        endpoint = catalog.find_endpoint(session, "churn")
        assert endpoint is not None
        assert catalog.delete_endpoint(session, endpoint, actor=ACTOR).bentos == ["churn:2", "churn:3"]


def test_what_another_endpoint_uses_is_kept(churn: Any) -> None:
    with database.session() as session:
        catalog.put_endpoint(session, name="twin", path="/twin", model=churn.model, bento="churn:1", actor=ACTOR)
        assert catalog.delete_endpoint(session, churn.endpoint, actor=ACTOR) == ([], [])
    with database.reading() as session:
        assert [endpoint.model.tag for endpoint in catalog.endpoints(session)] == ["churn:a"]


ADD_MODELS = """
from registry import catalog, database
for _ in range(10):
    with database.session() as session:
        model = catalog.Model(
            name="churn", version=catalog.next_version(session, "churn"), framework="keras", sha256="",
            source_sha256="", runtime="onnx", signature={}, size_bytes=1
        )
        catalog.add_model(session, model, actor="user:ada")
"""
