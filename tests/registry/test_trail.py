"""The audit chain as it is read: listed, sealed by a head, and verified in little memory."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import insert, text

from registry import audit, database, trail
from registry.audit import Action, AuditEntry
from registry.clock import now
from tests.registry.chains import append, problems_found


def test_the_list_is_filtered_and_goes_on_where_it_ended(churn: Any) -> None:
    with database.session() as session:
        first = trail.entries(session, limit=2)
        rest = trail.entries(session, before=first[-1].seq)
        assert [entry.seq for entry in [*first, *rest]] == [4, 3, 2, 1]
        assert [entry.action for entry in trail.entries(session, target="key:" + "k" * 12)] == [Action.KEY_CREATED]
        assert {entry.actor for entry in trail.entries(session, actor="user:local")} == {"user:local"}
        assert trail.entries(session, action=Action.KEY_REVOKED) == []
        assert len(trail.entries(session, since=rest[-1].created_at)) == 4
        assert [entry.seq for entry in trail.entries(session, since=first[0].created_at)] == [4]


def _write_without_a_head(count: int) -> None:
    """Entries as `record` signs them."""
    moment, previous, rows = now(), "", []
    row = {"actor": "user:ada", "action": "a:b:c", "target": "x", "detail": "d" * 200}
    for seq in range(1, count + 1):
        signed = row | {"seq": seq, "prev_hash": previous}
        previous = audit.digest(audit.entry_key(), signed | {"created_at": moment.isoformat()})
        rows.append(signed | {"created_at": moment, "hash": previous})
    with database.engine().begin() as connection:
        connection.execute(insert(AuditEntry), rows)


def test_a_chain_from_before_there_was_a_head_gets_one(empty: str, home: Path) -> None:
    home.mkdir()
    config = Config()
    config.set_main_option("script_location", str(database.MIGRATIONS))
    with database.engine().begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0006")
    _write_without_a_head(3)
    database.upgrade()
    assert problems_found() == []
    append(1)
    assert problems_found() == []


VERIFY = """
import resource
from registry import database, trail
with database.reading() as session:
    assert trail.head(session) is not None
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    told = []
    assert list(trail.verify(session, told.append)) == []
    print([told, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before])
"""


@pytest.mark.slow
def test_a_long_chain_is_verified_in_little_memory(home: Path) -> None:
    database.upgrade()
    _write_without_a_head(100_000)
    with database.session() as session:
        last_hash = trail.entries(session, limit=1)[0].hash
        head = {"hash": last_hash, "seal": audit.seal(100_000, last_hash)}
        session.execute(text("UPDATE audit_head SET entries = 100000, hash = :hash, seal = :seal"), head)
    told, kilobytes = json.loads(
        subprocess.run([sys.executable, "-c", VERIFY], check=True, stdout=subprocess.PIPE).stdout
    )
    assert told == list(range(10_000, 100_001, 10_000))
    assert kilobytes < 20_000, "the entries' texts alone take more than twice as much"
