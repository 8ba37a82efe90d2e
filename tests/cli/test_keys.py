"""`keys create|list|show|rotate|revoke`: a key's text is printed once and never kept."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from registry.catalog import Endpoint
from services.security.api_keys import is_well_formed
from tests.cli.terminal import Command


def test_a_key_is_shown_once(modelport: Command, churn: Endpoint, home: Path) -> None:
    made = modelport("keys", "create", "--endpoint", "churn", "-o", "json").json()
    assert set(made) == {"id", "api_key", "expires_at"}
    assert is_well_formed(made["api_key"])
    assert made["id"] in made["api_key"]
    secret = made["api_key"].split("_")[3]
    assert secret not in modelport("keys", "list", "-o", "json").out
    assert not [file for file in home.rglob("*") if file.is_file() and secret.encode() in file.read_bytes()]


def test_the_table_prints_the_key_and_the_advice_apart(modelport: Command, churn: Endpoint) -> None:
    done = modelport("keys", "create")
    assert [line.split()[0] for line in done.out.splitlines()] == ["id", "api_key", "expires_at"]
    assert done.err == "The key is shown this once.\n"


def test_list_says_what_each_key_opens(modelport: Command, churn: Endpoint) -> None:
    modelport("keys", "create", "--name", "ci", "--expires-days", "30")
    first, ci = modelport("keys", "list", "-o", "json").json()
    assert (first["endpoint"], first["status"], first["scopes"]) == ("churn", "active", "predict")
    assert (ci["endpoint"], ci["name"], ci["scopes"]) == (None, "ci", "metrics predict")
    assert days(ci) == 30
    assert len(modelport("keys", "list", "--endpoint", "churn", "-o", "json").json()) == 1


def days(key: dict[str, Any]) -> int:
    """How long a listed key lives."""
    life = datetime.fromisoformat(key["expires_at"]) - datetime.fromisoformat(key["created_at"])
    return round(life / timedelta(days=1))


def test_a_key_lives_for_90_days_and_for_ever_only_when_that_is_asked_for(modelport: Command, churn: Endpoint) -> None:
    modelport("keys", "create", "--never-expires")
    first, eternal = modelport("keys", "list", "-o", "json").json()
    assert days(first) == 90 and eternal["expires_at"] is None
    assert modelport("keys", "create", "--expires-days", "366").code == 2


def test_a_key_is_made_for_what_its_scopes_say(modelport: Command, churn: Endpoint) -> None:
    def scopes(*words: str) -> str:
        made = modelport("keys", "create", *words, "-o", "json").json()
        return str(modelport("keys", "show", made["id"], "-o", "json").json()["scopes"])

    assert scopes("--endpoint", "churn", "--scope", "predict", "--scope", "metrics") == "metrics predict"
    assert scopes("--scope", "metrics") == "metrics"
    assert scopes("--scope", "predict:churn", "--scope", "predict:churn") == "predict:churn"


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ("--scope everything", 2, "'everything' is no scope: there are predict, predict:<endpoint> and metrics"),
        ("--scope predict:", 2, "'predict:' names no endpoint"),
        ("--scope predict:nobody", 1, "there is no endpoint 'nobody'"),
        ("--endpoint churn --scope predict:churn", 1, "A key of one endpoint has the scope predict, without a name"),
    ],
)
def test_scopes_that_mean_nothing_are_refused(
    modelport: Command, churn: Endpoint, words: str, code: int, says: str
) -> None:
    done = modelport("keys", "create", *words.split())
    assert done.code == code and says in done.line


@pytest.mark.parametrize("grace", ["8d", "169h", "1", "-1h", "soon", ""])
def test_a_grace_period_is_a_span_of_at_most_a_week(modelport: Command, churn: Endpoint, grace: str) -> None:
    key_id = modelport("keys", "list", "-o", "json").json()[0]["id"]
    done = modelport("keys", "rotate", key_id, "--grace", grace)
    assert done.code == 2 and "--grace" in done.line
    assert len(modelport("keys", "list", "-o", "json").json()) == 1


def test_show_tells_of_one_key_and_where_it_came_from(modelport: Command, churn: Endpoint) -> None:
    old = modelport("keys", "list", "-o", "json").json()[0]
    new = modelport("keys", "rotate", old["id"], "-o", "json").json()
    shown = modelport("keys", "show", new["id"], "-o", "json").json()
    assert (shown["rotated_from"], shown["status"], shown["user"]) == (old["id"], "active", "local")
    before = modelport("keys", "show", old["id"], "-o", "json").json()
    assert before["grace_until"] == before["expires_at"] < old["expires_at"]
    assert "rotated" in modelport("keys", "show", old["id"]).out


def test_a_key_in_its_grace_period_can_be_ended_at_once(modelport: Command, churn: Endpoint) -> None:
    key_id = modelport("keys", "list", "-o", "json").json()[0]["id"]
    modelport("keys", "rotate", key_id)
    modelport("keys", "revoke", key_id)
    assert modelport("keys", "show", key_id, "-o", "json").json()["status"] == "revoked"


def test_every_change_of_a_key_is_audited(modelport: Command, churn: Endpoint) -> None:
    key_id = modelport("keys", "list", "-o", "json").json()[0]["id"]
    modelport("keys", "rotate", key_id)
    modelport("keys", "revoke", key_id)
    entries = modelport("audit", "list", "--target", f"key:{key_id}", "-o", "json").json()
    assert [entry["action"].rpartition(":")[2] for entry in entries] == ["revoked", "rotated", "created"]
    assert entries[2]["detail"]["scopes"] == "predict"


def test_a_revoked_key_is_listed_as_such(modelport: Command, churn: Endpoint) -> None:
    key_id = modelport("keys", "list", "-o", "json").json()[0]["id"]
    assert modelport("keys", "revoke", key_id).line == f"{key_id} is revoked."
    assert modelport("keys", "list", "-o", "json").json()[0]["status"] == "revoked"
    assert modelport("keys", "rotate", key_id).line == "modelport: Only a key that is in use can be rotated"


@pytest.mark.parametrize(
    ("grace", "status"), [("24h", "rotated"), ("7d", "rotated"), ("30m", "rotated"), ("0", "expired")]
)
def test_a_rotated_key_works_on_for_a_while(modelport: Command, churn: Endpoint, grace: str, status: str) -> None:
    key_id = modelport("keys", "list", "-o", "json").json()[0]["id"]
    new = modelport("keys", "rotate", key_id, "--grace", grace, "-o", "json").json()
    old, successor = modelport("keys", "list", "-o", "json").json()
    assert (old["status"], successor["status"]) == (status, "active")
    assert successor["id"] == new["id"]
    assert successor["endpoint"] == "churn"


def test_unknown_keys_and_endpoints_are_named(modelport: Command, churn: Endpoint) -> None:
    for command in ("revoke", "rotate", "show"):
        done = modelport("keys", command, "nokey")
        assert (done.code, done.line) == (
            1,
            "modelport: there is no key 'nokey'; `modelport keys list` shows what there is",
        )
    for command in ("create", "list"):
        assert modelport("keys", command, "--endpoint", "nobody").line.startswith("modelport: there is no endpoint")
