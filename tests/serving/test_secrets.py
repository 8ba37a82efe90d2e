"""No secret is told: each is made so that it can be searched for, used everywhere rightly and wrongly, and then sought.

Sought in what server and commands print, in every file of theirs, in every answer, and in their command lines.
"""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.serving.conftest import ROOT, WINE, Server, Store

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

MARK = "Zq7xMarker"
PASSWORD, NEW_PASSWORD, WRONG = (f"{MARK} {which} horse!" for which in ("right", "newer", "wrong"))
DATABASE = f"postgresql://someone:{MARK}Database@127.0.0.1:1/registry"
GIVEN = {"MODELPORT_PEPPER": f"{MARK}Pepper{'p' * 32}", "MODELPORT_JWT_KEYS": f"one:{MARK}Jwt{'j' * 32}"}
DEBUG = {"MODELPORT_DEBUG": "true", "BENTOML_DEBUG": "true", "SQLALCHEMY_WARN_20": "1"}


class Secrets:
    """What must not be found: the mark, and the secrets that were handed out."""

    def __init__(self) -> None:
        self.texts = {MARK}

    def learn(self, *texts: str) -> None:
        """Another secret; of a key or token its secret part alone, of whatever may be told of the rest."""
        for text in texts:
            key = re.fullmatch(r"mp_[a-z]+_[0-9A-Za-z]{12}_([0-9A-Za-z]{43})_[0-9A-Za-z]{6}", text)
            self.texts.add(key[1] if key else text)
            self.texts.update([text.rpartition(".")[2]] if text.count(".") == 2 else [])

    def found_in(self, told: str | bytes) -> set[str]:
        """Those that stand there."""
        content = told if isinstance(told, bytes) else told.encode()
        return {text for text in self.texts if text.encode() in content}


class Commands:
    """Runs commands on a home, and keeps all that they print."""

    def __init__(self, store: Store) -> None:
        self._environment = store.environment | GIVEN | DEBUG
        self.printed: list[str] = []

    def run(self, *arguments: str, given: str = "", **more: str) -> str:
        """One command; its output, which is kept for the search unless it is what hands a secret out."""
        done = subprocess.run(
            [sys.executable, "-m", "cli.main", *arguments],
            cwd=ROOT, env=self._environment | more, input=given, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        hands_out = arguments[:2] in (("keys", "create"), ("keys", "rotate")) and done.returncode == 0
        self.printed += [done.stderr] if hands_out else [done.stdout, done.stderr]
        return done.stdout


@pytest.fixture(scope="module")
def hub(serve: Callable[..., Server]) -> Iterator[Server]:
    """A hub that says all it can, with secrets of ours."""
    limits = dict.fromkeys(
        (
            "MODELPORT_RATE_LIMIT",
            "MODELPORT_USER_RATE_LIMIT",
            "MODELPORT_SIGN_IN_RATE_LIMIT",
            "MODELPORT_UNAUTHENTICATED_RATE_LIMIT",
        ),
        "9999/minute",
    )
    yield serve(**limits, **GIVEN, **DEBUG)


def test_no_secret_is_told_anywhere(hub: Server, row: dict[str, float]) -> None:
    answers: list[httpx.Response] = []
    secrets, commands = Secrets(), Commands(hub.store)
    (bootstrap,) = re.findall(r"by the token (\S+)$", hub.log_file.read_text(), re.MULTILINE)
    token, handed_out = people(hub, bootstrap, answers)
    secrets.learn(*handed_out, bootstrap)
    keys = on_the_command_line(commands)
    secrets.learn(*keys)

    everything_wrong(hub, answers, [*handed_out, *keys, PASSWORD, bootstrap])
    every_route(hub, token, keys[0], answers, row)
    answers += [hub.client.get(path, headers={"Authorization": f"Bearer {token}"}) for path in ("/metrics", "/docs")]
    running = [psutil.Process(hub.process.pid), *psutil.Process(hub.process.pid).children(recursive=True)]
    lines = [" ".join(process.cmdline()) for process in running]
    hub.stop()

    for answer in answers:
        assert not secrets.found_in(answer.text + str(answer.headers)), f"{answer.request.method} {answer.url}"
    for told in [*lines, *commands.printed]:
        assert not secrets.found_in(told), told
    logged = hub.log_file.read_text()
    assert logged.count(bootstrap) == 1, "printed once, for whoever started the server"
    assert not secrets.found_in(logged.replace(bootstrap, ""))
    assert files_with(secrets, hub.store.folder, besides=hub.log_file) == {}


def people(hub: Server, bootstrap: str, answers: list[httpx.Response]) -> tuple[str, list[str]]:
    """Everything that people do, and fail to do, with their passwords; an admin's access token, and all tokens."""

    def post(path: str, body: Any, token: str = "") -> httpx.Response:
        headers = {"X-API-Key": "", "Authorization": f"Bearer {token}"} if token else {"X-API-Key": ""}
        return hub.client.post(path, json=body, headers=headers)

    ada = {"username": "ada", "password": PASSWORD}
    answers.append(post("/auth/bootstrap", {"token": bootstrap, **ada}))
    assert answers[-1].status_code == 201, answers[-1].text
    first = post("/auth/login", ada).json()
    second = post("/auth/refresh", {"refresh_token": first["refresh_token"]}).json()
    third = post("/auth/login", ada).json()
    answers += [
        post("/auth/login", {**ada, "password": WRONG}),
        post("/auth/login", {"username": PASSWORD, "password": "ada"}),
        post("/auth/login", {**ada, "extra": PASSWORD}),
        post("/auth/bootstrap", {"token": bootstrap, "username": "eve", "password": PASSWORD}),
        post("/auth/refresh", {"refresh_token": third["access_token"]}),
        post("/auth/password", {"current_password": WRONG, "new_password": NEW_PASSWORD}, third["access_token"]),
        post("/auth/password", {"current_password": PASSWORD, "new_password": NEW_PASSWORD}, third["access_token"]),
        post("/auth/password", {"current_password": NEW_PASSWORD, "new_password": MARK * 200}, third["access_token"]),
    ]
    last = post("/auth/login", {**ada, "password": NEW_PASSWORD}).json()
    made = [one[name] for one in (first, second, third, last) for name in ("access_token", "refresh_token")]
    return last["access_token"], made


def on_the_command_line(commands: Commands) -> list[str]:
    """Every command that is handed a secret, hands one out or may fail with one; the keys that were made."""
    create = ("users", "create", "bob", "--role", "user", "--password-stdin")
    for given in (MARK * 200, PASSWORD, PASSWORD):
        commands.run(*create, given=given)
    commands.run("users", "passwd", "bob", "--password-stdin", given=NEW_PASSWORD)
    commands.run("users", "passwd", "nobody", "--password-stdin", given=NEW_PASSWORD)
    made = json.loads(commands.run("keys", "create", "-o", "json"))
    rotated = json.loads(commands.run("keys", "rotate", made["id"], "-o", "json"))
    for arguments in (("rotate", made["api_key"]), ("revoke", rotated["api_key"]), ("list",)):
        commands.run("keys", *arguments)
    for arguments in (
        ("users", "list"),
        ("audit", "list"),
        ("audit", "verify"),
        ("list",),
        ("show", "wine"),
        ("doctor",),
    ):
        commands.run(*arguments)
        commands.run(*arguments, MODELPORT_DATABASE_URL=DATABASE)
    commands.run("list", MODELPORT_PEPPER=f"{MARK}short")
    commands.run("users", "list", MODELPORT_JWT_KEYS=f"{MARK}:short")
    return [rotated["api_key"], made["api_key"]]


def everything_wrong(hub: Server, answers: list[httpx.Response], texts: list[str]) -> None:
    """Each secret in each wrong place of a request."""
    for text in texts:
        for headers in (
            {"X-API-Key": f"{text}x"},
            {"Authorization": f"Bearer {text}x"},
            {"Authorization": f"Basic {text}"},
        ):
            answers += [
                hub.client.request(method, path, headers=headers)
                for method, path in (("POST", WINE), ("GET", "/auth/me"))
            ]
        for path in (f"/{text}", f"/api/predict/{text}", f"/auth/sessions/{text}", f"/auth/me?token={text}"):
            answers.append(hub.client.get(path))
        # As the name of a field it would be told back: `unknown_fields` says to the caller what they called it.
        for body in (
            text,
            f'{{"username": "{text}"',
            json.dumps({"username": [text]}),
            json.dumps({"instances": [text]}),
        ):
            answers += [hub.client.post(path, content=body) for path in ("/auth/login", "/auth/refresh", WINE)]


def every_route(hub: Server, token: str, key: str, answers: list[httpx.Response], row: dict[str, float]) -> None:
    """Every route of the document, with a right token or key, and a body of secrets that fits nothing."""
    document = hub.client.get("/openapi.json")
    answers += [document, hub.predict(row, key)]
    ends_the_session = ("/auth/logout", "/auth/logout-all")
    for path, item in document.json()["paths"].items():
        for method in item:
            if path not in ends_the_session:
                headers = {"Authorization": f"Bearer {token}"}
                answers.append(
                    hub.client.request(method, path, headers=headers, json={"x": PASSWORD, "password": [NEW_PASSWORD]})
                )


def files_with(secrets: Secrets, folder: Path, besides: Path) -> dict[str, set[str]]:
    """The files below a folder in which a secret stands."""
    ours = {besides, folder / "key"}  # the log was read already; the other is this test's own
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink() and path not in ours]
    assert any(path.name == "registry.db" for path in files)
    return {str(path): found for path in files if (found := secrets.found_in(path.read_bytes()))}
