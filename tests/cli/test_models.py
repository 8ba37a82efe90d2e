"""`list`, `show`, `activate`, `deactivate`, `delete`: data on stdout, prose on stderr."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlmodel import select

from registry import database
from registry.audit import Action, AuditEntry
from registry.catalog import Endpoint
from services.packaging import stores
from tests.cli.conftest import add_endpoint
from tests.cli.terminal import Command

LISTED = {
    "endpoint", "status", "model", "version", "framework", "runtime", "bento",
    "created_at", "last_used_at", "total_requests",
}  # fmt: skip


def test_an_empty_list_is_an_empty_array_and_makes_no_registry(modelport: Command, home: Path) -> None:
    assert modelport("list", "-o", "json").json() == []
    assert modelport("list").line == "No endpoints yet: `modelport export MODEL` makes one."
    assert not home.exists()


def test_list_names_every_endpoint(modelport: Command, churn: Endpoint) -> None:
    add_endpoint("apples")
    apples, listed = modelport("list", "-o", "json").json()
    assert set(listed) == LISTED
    assert (listed["endpoint"], listed["status"], listed["version"]) == ("churn", "active", "1")
    assert apples["endpoint"] == "apples"
    table = modelport("list").out.splitlines()
    assert table[0].split()[:2] == ["ENDPOINT", "STATUS"]
    assert [row.split()[0] for row in table[1:]] == ["apples", "churn"]


def test_a_list_may_be_cut_off(churn: Endpoint, home: Path) -> None:
    for number in range(60):
        add_endpoint(f"e{number}")
    command = f"'{sys.executable}' -m cli.main list -o json | head -1"
    ended = subprocess.run(["bash", "-c", command], env={**os.environ}, capture_output=True, text=True)
    assert ended.stdout == "[\n"
    assert ended.stderr == ""


def test_show_knows_an_endpoint_by_name_and_by_id(modelport: Command, churn: Endpoint) -> None:
    shown = modelport("show", "churn", "-o", "json").json()
    assert shown == modelport("show", churn.id, "-o", "json").json()
    assert shown["url"] == "http://127.0.0.1:3000/api/predict/churn"
    assert shown["rate_limit"] == "100/minute"
    assert shown["signature"]["inputs"][0]["name"] == "age"
    assert "age   int64" in modelport("show", "churn").out


def test_what_is_not_there_is_named_with_a_way_to_find_it(modelport: Command, churn: Endpoint) -> None:
    for command in ("show", "activate", "deactivate", "delete"):
        done = modelport(command, "../churn")
        assert done.code == 1
        assert done.line == "modelport: there is no endpoint '../churn'; `modelport list` shows what there is"


def test_an_endpoint_is_switched_off_and_on(modelport: Command, churn: Endpoint) -> None:
    assert modelport("deactivate", "churn").line == "churn is inactive."
    assert modelport("list", "-o", "json").json()[0]["status"] == "inactive"
    assert modelport("activate", "churn").line == "churn is active."
    assert modelport("activate", "churn").code == 0  # again, and nothing is written down of it
    with database.reading() as session:
        changes = session.exec(select(AuditEntry).where(AuditEntry.action == Action.STATUS_CHANGED)).all()
    assert len(changes) == 2


@pytest.mark.parametrize(("answer", "code", "left"), [("n\n", 1, 1), ("", 1, 1), ("\n", 1, 1), ("y\n", 0, 0)])
def test_delete_asks_first(
    modelport: Command, churn: Endpoint, monkeypatch: pytest.MonkeyPatch, answer: str, code: int, left: int
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
    done = modelport("delete", "churn")
    assert (done.code, done.out) == (code, "")
    assert done.err.startswith("Delete the endpoint churn with its keys, its log and its model? [y/N]: ")
    assert len(modelport("list", "-o", "json").json()) == left


def test_delete_removes_every_version_from_the_stores(modelport: Command, churn: Endpoint) -> None:
    add_endpoint("churn")
    for tag in ("churn:v1", "churn:v2", "churned:v1"):
        for store in stores.STORES:
            stores.path_of(store, tag).mkdir(parents=True)
        stores.make_latest(tag)
    assert modelport("delete", "churn", "--yes").line == "churn is deleted."
    assert modelport("list", "-o", "json").json() == []
    for store in stores.STORES:
        assert [path.name for path in (stores.home() / store).iterdir()] == ["churned"]
