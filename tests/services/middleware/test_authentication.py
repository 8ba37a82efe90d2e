"""Who gets in: nobody without a key that is good for what is asked, whatever the path looks like."""

from datetime import timedelta

from registry import database
from registry.catalog import EndpointStatus
from registry.clock import now
from services.keys import create_key, replace_key
from services.middleware.public import PUBLIC_FOLDERS
from services.security.scopes import PREDICT
from tests.services.middleware.conftest import Hub

TRICKS = [
    *("//metrics", "/metrics/", "/metrics;x", "/METRICS", "/./metrics", "/livez/../metrics", "/%6detrics", "/%2fmetrics"),
    *("/metrics%00", "/metrics%2f", "/docs/../metrics", "/livez;/../metrics", "/livez/", "/livez%2f..%2fmetrics"),
    *("/livez%00", "/LIVEZ", "//livez", "/schema.json/", "/schema%2ejson", "/static_content/%2e%2e/metrics"),
    *("/api/predict/echo/", "/api/predict/ECHO", "/api//predict/echo", "/api/predict/%65cho", "/api/predict/echo%20"),
    *("/auth/login/", "/auth//login", "/auth/LOGIN", "//auth/login", "/auth/login%00", "/auth/login/../me", "/auth/", "/auth"),
    *("/API/predict/echo", "/api/predict/./echo", "/api/predict/x/../echo", "/docs/", "/docs%2fx", "", "*", "//"),
]  # fmt: skip


def test_no_spelling_of_a_path_opens_it(hub: Hub) -> None:
    for path in TRICKS:
        assert [hub.status_of(method, path) for method in ("GET", "POST", "HEAD")] == [401, 401, 401], path


def test_an_open_folder_leads_nowhere_else(hub: Hub) -> None:
    for rest in ("", "../../metrics", "%2e%2e/%2e%2e/metrics", "..%2f..%2fopenapi.py", "%00", "x" * 300, "x" * 9000):
        assert [hub.status_of("GET", f"{folder}{rest}") for folder in PUBLIC_FOLDERS] == [404, 404], rest


def test_a_key_comes_as_x_api_key_or_as_bearer_token(hub: Hub) -> None:
    bearer = {"Authorization": f"bearer {hub.key}"}

    assert hub.predict().status_code == hub.predict(key=None, headers=bearer).status_code == 200


def test_what_is_no_key_is_401_and_told_what_to_send(hub: Hub) -> None:
    for sent in ("Bearer", "Bearer ", "Basic bXA6bXA=", "mp_x", ""):
        answer = hub.predict(key=None, headers={"Authorization": sent})
        assert answer.status_code == 401 and answer.headers["www-authenticate"] == "Bearer", sent


def test_any_wrong_key_is_401(hub: Hub) -> None:
    for key in (
        "mp_live_x",
        "x",
        "\xfc\xf1",
        "a\0b",
        "'; DROP TABLE api_keys; --",
        "mp_" + "x" * 64_000,
        f"{hub.key}x",
    ):
        answer = hub.predict(key=None, headers=[(b"X-API-Key", key.encode("latin-1"))])
        assert answer.status_code == 401, key
        assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"', key


def test_a_key_whose_time_is_over_is_401(hub: Hub) -> None:
    past = now() - timedelta(seconds=1)

    for ended in ({"expires_at": past}, {"grace_until": past}, {"is_active": False}):
        assert hub.predict(hub.new_key("echo", **ended)).status_code == 401


def test_a_key_opens_its_endpoint_and_nothing_else(hub: Hub) -> None:
    hub.new_endpoint("other")
    key = hub.new_key("echo")

    assert hub.predict(key).status_code == 200
    assert hub.ask("POST", "/api/predict/other", key).status_code == 403
    assert hub.ask("GET", "/metrics", key).status_code == 403
    assert hub.ask("GET", "/metrics").status_code == 200
    assert hub.ask("POST", "/api/predict/nobody", key).status_code == 404


def test_scopes_say_what_a_key_may_do(hub: Hub) -> None:
    hub.new_endpoint("other")

    def answers(endpoint: str | None, scopes: str | None) -> list[int]:
        key = hub.new_key(endpoint, scopes=scopes)
        calls = (("POST", "/api/predict/echo"), ("POST", "/api/predict/other"), ("GET", "/metrics"))
        return [hub.ask(method, path, key).status_code for method, path in calls]

    assert answers(None, None) == [200, 200, 200]
    assert answers(None, "predict") == [200, 200, 403]
    assert answers(None, "metrics") == [403, 403, 200]
    assert answers(None, "predict:echo") == [200, 403, 403]
    assert answers(None, "metrics predict:echo predict:other") == [200, 200, 200]
    assert answers("echo", None) == [200, 403, 403]
    assert answers("echo", "metrics predict") == [200, 403, 200]
    assert answers("echo", "metrics") == [403, 403, 200]
    assert answers("echo", "from the future") == [401, 401, 401]


def test_scopes_hold_for_every_way_to_spell_an_endpoint(hub: Hub) -> None:
    number = hub.new_endpoint("other").id
    key = hub.new_key(None, scopes="predict:echo")

    assert hub.ask("POST", f"/api/predict/{number}", key).status_code == 403


def test_changed_scopes_and_a_lowered_role_are_heard_of(hub: Hub) -> None:
    key = hub.new_key(None, scopes="metrics predict")
    assert hub.ask("GET", "/metrics", key).status_code == hub.predict(key).status_code == 200

    _set("UPDATE api_keys SET scopes = 'predict' WHERE scopes = 'metrics predict'")
    hub.eventually(lambda: hub.ask("GET", "/metrics", key).status_code == 403)
    assert hub.predict(key).status_code == 200

    _set("UPDATE users SET role = 'viewer'")
    hub.eventually(lambda: hub.predict(key).status_code == 403)

    _set("UPDATE api_keys SET scopes = 'metrics predict' WHERE scopes = 'predict'")
    hub.eventually(lambda: hub.ask("GET", "/metrics", key).status_code == 200)
    assert hub.predict(key).status_code == 403, "a viewer looks only"


def _set(statement: str) -> None:
    with database.engine().begin() as connection:
        connection.exec_driver_sql(statement)


def test_a_rotated_key_works_beside_its_successor_until_its_grace_ends(hub: Hub) -> None:
    old = create_key("echo", "rotated", PREDICT)
    new = replace_key(old.key.key_id, timedelta(hours=1))
    hub.hears()
    assert hub.predict(old.text).status_code == hub.predict(new.text).status_code == 200
    assert hub.ask("GET", "/metrics", new.text).status_code == 403

    with database.session() as session:
        session.merge(old.key).grace_until = now() - timedelta(seconds=1)
    hub.hears()
    assert hub.predict(old.text).status_code == 401
    assert hub.predict(new.text).status_code == 200


def test_a_key_rotated_without_grace_ends_at_once(hub: Hub) -> None:
    old = create_key("echo", "leaked")
    new = replace_key(old.key.key_id, timedelta())
    hub.hears()

    assert (hub.predict(old.text).status_code, hub.predict(new.text).status_code) == (401, 200)


def test_an_inactive_endpoint_is_403_until_it_is_active_again(hub: Hub) -> None:
    hub.set_status("echo", EndpointStatus.INACTIVE)
    assert hub.predict().status_code == 403

    hub.set_status("echo", EndpointStatus.ACTIVE)
    assert hub.predict().status_code == 200


def test_a_credential_that_came_twice_is_refused(hub: Hub) -> None:
    twice = [("X-API-Key", hub.key), ("X-API-Key", hub.key)]

    assert hub.predict(key=None, headers=twice).status_code == 400


def test_a_websocket_is_closed_before_it_opens(hub: Hub) -> None:
    assert hub.websocket("/api/predict/echo") == [{"type": "websocket.close", "code": 1008}]
