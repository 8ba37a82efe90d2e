"""The OpenAPI document of a whole hub tells the truth: schemathesis looks for an answer that it doesn't describe.

By hand, against any server of yours: `schemathesis run http://127.0.0.1:3000/openapi.json --checks all`.
"""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from registry import users
from registry.accounts import Role
from services.security.passwords import hash_password
from tests.serving.conftest import ROOT, Server, Store, free_port
from tests.serving.varied import PATHS, export_all

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

CONFIG = ROOT / "tests" / "serving" / "schemathesis.toml"
LIMITS = ("RATE_LIMIT", "USER_RATE_LIMIT", "SIGN_IN_RATE_LIMIT", "UNAUTHENTICATED_RATE_LIMIT")


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A hub with an endpoint of each kind and the admin `ada`, whom no limit stops."""
    store, port = Store(tmp_path_factory.mktemp("varied")), free_port()
    export_all(store)
    with store.session() as session:
        secret = hash_password("correct horse battery")
        users.create_user(session, username="ada", role=Role.ADMIN, password_hash=secret, actor="user:test")
    command = [sys.executable, "-m", "cli.main", "serve", "--port", str(port), "--workers", "2"]
    limits = {f"MODELPORT_{name}": "1000000/minute" for name in LIMITS}
    server = Server(store, "", command, port, store.folder / "server.log", **limits)
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.stop()


@pytest.mark.parametrize(("who", "examples"), [("", 4), ("ada", 20)])
def test_no_answer_contradicts_the_document(hub: Server, who: str, examples: int) -> None:
    assert hub.client.get("/openapi.json").json()["paths"].keys() >= PATHS
    checked = schemathesis(hub, who, "--checks", "all", "--max-examples", str(examples))

    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "Traceback" not in hub.log_file.read_text()


def schemathesis(hub: Server, who: str, *options: str) -> "subprocess.CompletedProcess[str]":
    """Run it on a hub as that user, or as nobody."""
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run", f"{hub.url}/openapi.json"]
    environment = hub.store.environment | {"FUZZ_AS": who, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    return subprocess.run(
        [*command, "--no-color", *options], cwd=hub.store.folder, env=environment, capture_output=True, text=True
    )
