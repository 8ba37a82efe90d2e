"""`audit list|verify`: who changed what, and whether anybody has touched the record of it."""

import json
import sqlite3
from pathlib import Path

import pytest

from registry import audit, database
from registry.audit import Action
from registry.catalog import Endpoint
from tests.cli.terminal import Command


def _tamper(home: Path, *statements: str) -> None:
    with sqlite3.connect(home / "registry.db") as connection:
        for name in ("entries_no_update", "entries_no_delete", "head_no_delete"):
            connection.execute(f"DROP TRIGGER audit_{name}")
        for statement in statements:
            connection.execute(statement)
    connection.close()


def test_the_newest_change_is_first(modelport: Command, churn: Endpoint) -> None:
    modelport("deactivate", "churn")
    newest, *_, oldest = modelport("audit", "list", "-o", "json").json()
    assert (newest["action"], newest["actor"], newest["target"]) == (
        "endpoint:status:changed",
        "user:local",
        "endpoint:churn",
    )
    assert newest["detail"]["after"] == "inactive" and oldest["seq"] == 1
    assert modelport("audit", "list").out.splitlines()[1].split()[0] == str(newest["seq"])


def test_a_list_goes_on_where_it_ended(modelport: Command, churn: Endpoint) -> None:
    first = modelport("audit", "list", "--last", "2", "-o", "json")
    assert [entry["seq"] for entry in json.loads(first.out)] == [4, 3]
    assert first.err == "There are more: --before 3\n"
    rest = modelport("audit", "list", "--last", "2", "--before", "3", "-o", "json")
    assert [entry["seq"] for entry in rest.json()] == [2, 1] and rest.err == ""


def test_the_list_is_filtered(modelport: Command, churn: Endpoint) -> None:
    def seqs(*words: str) -> list[int]:
        return [entry["seq"] for entry in modelport("audit", "list", *words, "-o", "json").json()]

    assert seqs("--target", "endpoint:churn", "--actor", "test") == [2]
    assert seqs("--action", "account:key:created") == [4]
    assert seqs("--since", "2020-01-01") == [4, 3, 2, 1]
    assert seqs("--since", "2120-01-01T00:00:00+02:00") == []
    assert modelport("audit", "list", "--actor", "nobody").line == "Nothing was changed."


@pytest.mark.parametrize(("option", "value"), [("--since", "yesterday"), ("--action", "account:key:eaten")])
def test_a_filter_that_means_nothing_is_wrong_usage(
    modelport: Command, churn: Endpoint, option: str, value: str
) -> None:
    done = modelport("audit", "list", option, value)
    assert done.code == 2 and option in done.line and value in done.line


def test_what_somebody_named_cannot_steer_the_terminal(modelport: Command, churn: Endpoint) -> None:
    with database.session() as session:
        name = "a\x1b[2J\nb\u202e"
        audit.record(session, actor=name, action=Action.KEY_CREATED, target=name, detail={"name": name})
    shown = modelport("audit", "list", "--last", "1").out
    assert "a?[2J?b?" in shown and all(line.isprintable() for line in shown.splitlines()) and shown.count("\n") == 2


def test_a_chain_that_holds(modelport: Command, churn: Endpoint) -> None:
    done = modelport("audit", "verify")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("4 entries, the chain holds, head ")


def test_every_problem_is_a_line_that_names_the_entry(modelport: Command, churn: Endpoint, home: Path) -> None:
    _tamper(home, "UPDATE audit_entries SET actor = 'eve' WHERE seq = 2", "DELETE FROM audit_entries WHERE seq = 4")
    done = modelport("audit", "verify")
    assert done.code == 1
    assert done.out.splitlines() == ["entry 2: was edited", "head: entries 4 to 4 are missing at the end"]
    assert done.err == "The chain does not hold: 2 problems.\n"


def test_there_is_nothing_to_read_without_a_registry(modelport: Command) -> None:
    for command in ("list", "verify"):
        assert "There is no registry" in modelport("audit", command).line
