"""`keys create|list|revoke|rotate`: a key's text is printed once and never kept."""

from pathlib import Path

import pytest

from registry.catalog import Endpoint
from services.security.api_keys import is_well_formed
from tests.cli.terminal import Command


def test_a_key_is_shown_once(modelport: Command, churn: Endpoint, home: Path) -> None:
    made = modelport("keys", "create", "--endpoint", "churn", "-o", "json").json()
    assert set(made) == {"id", "api_key"}
    assert is_well_formed(made["api_key"])
    assert made["id"] in made["api_key"]
    secret = made["api_key"].split("_")[3]
    assert secret not in modelport("keys", "list", "-o", "json").out
    assert not [file for file in home.rglob("*") if file.is_file() and secret.encode() in file.read_bytes()]


def test_the_table_prints_the_key_and_the_advice_apart(modelport: Command, churn: Endpoint) -> None:
    done = modelport("keys", "create")
    (fields_id, fields_key) = [line.split() for line in done.out.splitlines()]
    assert (fields_id[0], fields_key[0]) == ("id", "api_key")
    assert done.err == "The key is shown this once.\n"


def test_list_says_what_each_key_opens(modelport: Command, churn: Endpoint) -> None:
    modelport("keys", "create", "--name", "ci", "--expires-days", "30")
    first, ci = modelport("keys", "list", "-o", "json").json()
    assert (first["endpoint"], first["status"], first["expires_at"]) == ("churn", "active", None)
    assert (ci["endpoint"], ci["name"]) == (None, "ci")
    assert ci["expires_at"] > ci["created_at"]
    assert len(modelport("keys", "list", "--endpoint", "churn", "-o", "json").json()) == 1


def test_a_revoked_key_is_listed_as_such(modelport: Command, churn: Endpoint) -> None:
    key_id = modelport("keys", "list", "-o", "json").json()[0]["id"]
    assert modelport("keys", "revoke", key_id).line == f"{key_id} is revoked."
    assert modelport("keys", "list", "-o", "json").json()[0]["status"] == "revoked"
    assert modelport("keys", "rotate", key_id).line == "modelport: Only a key that is in use can be rotated"


@pytest.mark.parametrize(("grace", "status"), [("24", "rotated"), ("0", "expired")])
def test_a_rotated_key_works_on_for_a_while(modelport: Command, churn: Endpoint, grace: str, status: str) -> None:
    key_id = modelport("keys", "list", "-o", "json").json()[0]["id"]
    new = modelport("keys", "rotate", key_id, "--grace-hours", grace, "-o", "json").json()
    old, successor = modelport("keys", "list", "-o", "json").json()
    assert (old["status"], successor["status"]) == (status, "active")
    assert successor["id"] == new["id"]
    assert successor["endpoint"] == "churn"


def test_unknown_keys_and_endpoints_are_named(modelport: Command, churn: Endpoint) -> None:
    for command in ("revoke", "rotate"):
        done = modelport("keys", command, "nokey")
        assert (done.code, done.line) == (
            1,
            "modelport: there is no key 'nokey'; `modelport keys list` shows what there is",
        )
    for command in ("create", "list"):
        assert modelport("keys", command, "--endpoint", "nobody").line.startswith("modelport: there is no endpoint")
