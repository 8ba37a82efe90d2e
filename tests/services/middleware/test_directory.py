"""A worker hears of every change, and one row that can't be read takes nothing else down."""

import pytest
from sqlalchemy import text

from registry import catalog, database
from services.directory import Directory
from tests.services.middleware.conftest import Hub, endpoint_named, new_endpoint, new_key


def execute(*statements: str) -> None:
    """Change the registry behind the platform's back, in one transaction."""
    with database.session() as session:
        for statement in statements:
            session.connection().execute(text(statement))


def test_a_new_endpoint_and_a_new_key_are_heard_of(hub: Hub) -> None:
    new_endpoint("churn")
    key = new_key("churn")

    hub.eventually(lambda: hub.ask("POST", "/api/predict/churn", key, json={}).status_code == 200)


def test_a_deleted_endpoint_is_gone_with_its_keys(hub: Hub) -> None:
    key = hub.new_key("echo")
    with database.session() as session:
        catalog.delete_endpoint(session, endpoint_named(session, "echo"), actor="user:test")

    hub.eventually(lambda: hub.predict(key).status_code == 401)
    assert hub.predict().status_code == 404


def test_whoever_holds_a_key_must_be_active(hub: Hub) -> None:
    execute("UPDATE users SET is_active = false")
    hub.eventually(lambda: hub.predict().status_code == 401)

    execute("UPDATE users SET is_active = true")
    hub.eventually(lambda: hub.predict().status_code == 200)


@pytest.mark.parametrize(
    "damage", ["SET rate_limit = 'whenever'", "SET status = 'odd'", "SET path = path || 'x', rate_limit = '0/minute'"]
)
def test_a_row_that_cant_be_read_takes_no_other_down(hub: Hub, damage: str) -> None:
    new_endpoint("bad")
    execute(f"UPDATE endpoints {damage} WHERE name = 'bad'")
    new_endpoint("good")
    key = new_key("good")

    hub.eventually(lambda: hub.ask("POST", "/api/predict/good", key, json={}).status_code == 200)
    assert hub.predict().status_code == 200


def test_a_limit_that_cant_be_read_is_the_default(hub: Hub) -> None:
    execute("UPDATE endpoints SET rate_limit = 'whenever'")
    hub.hears()

    assert hub.predict(hub.new_key("echo")).headers["x-ratelimit-limit"] == "100"


def test_a_key_that_cant_be_read_takes_no_other_down(hub: Hub) -> None:
    new_key("echo", key_hash="not hexadecimal")

    assert hub.predict(hub.new_key("echo")).status_code == 200


def test_a_key_whose_row_number_goes_to_another_key_is_dead(hub: Hub) -> None:
    old, new = hub.new_key("echo"), hub.new_key("echo")
    rows = "(SELECT id FROM api_keys WHERE name = 'test' ORDER BY id DESC LIMIT 1)"
    execute(
        f"CREATE TEMPORARY TABLE newest AS SELECT * FROM api_keys WHERE id = {rows}",
        f"DELETE FROM api_keys WHERE id = {rows}",
        "DELETE FROM api_keys WHERE id = (SELECT max(id) FROM api_keys WHERE name = 'test')",
        "UPDATE newest SET id = (SELECT max(id) + 1 FROM api_keys WHERE name = 'test')",
        "INSERT INTO api_keys SELECT * FROM newest",
    )
    hub.hears()

    assert hub.predict(new).status_code == 200 and hub.predict(old).status_code == 401


def test_of_two_services_with_the_same_route_the_older_one_answers(registry: object) -> None:
    signature = {"routes": [{"path": "/shared"}, {"path": "/own"}]}
    older = new_endpoint("older", import_path="service:A", signature=signature)
    newer = new_endpoint("newer", import_path="service:B", signature={"routes": [{"path": "/shared"}]})
    directory = Directory()
    directory.start()
    assert directory.paths["/shared"].id == older.id

    with database.session() as session:
        catalog.delete_endpoint(session, endpoint_named(session, "older"), actor="user:test")
    directory.start()
    assert directory.paths["/shared"].id == newer.id and "/own" not in directory.paths


def test_a_listener_that_fails_keeps_no_key_from_being_heard_of(registry: object) -> None:
    directory = Directory()
    heard: list[int] = []
    directory.listen(lambda: 1 / 0)
    directory.listen(lambda: heard.append(1))
    key = new_key("echo")
    directory.start()

    assert heard and directory.key(key.encode()) is not None


def test_one_models_server_takes_only_that_models_keys(registry: object) -> None:
    new_endpoint("other")
    directory = Directory(only="echo")
    directory.start()

    assert [entry.name for entry in directory.endpoints.values()] == ["echo"]
    assert directory.alone is not None and directory.alone.name == "echo" and Directory().alone is None
