"""A hand-written service takes uploads through BentoML's own route, inside the same layers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bentoml
import pytest
from starlette.types import Message

from registry.catalog import EndpointStatus
from registry.settings import settings
from services.guarded import GuardedService
from tests.services.middleware.conftest import Hub, new_key

LIMIT = 5000
FORM = {"content-type": "multipart/form-data; boundary=cut"}


class Uploads:
    """Tells the size of a file."""

    @bentoml.api  # type: ignore[untyped-decorator]
    def size(self, file: Path) -> int:
        """How many bytes."""
        content = file.read_bytes()
        if content.startswith(b"bomb"):
            raise RuntimeError(f"can't read {content!r} in {file}")
        return len(content)


@pytest.fixture(scope="module")
def service() -> Any:
    """The service as BentoML knows it."""
    return bentoml.service(service_class=GuardedService, name="uploads")(Uploads)


@pytest.fixture
def uploads(service: Any, registry: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The running service, by itself, with a small limit for bodies."""
    monkeypatch.setenv("MODELPORT_MAX_BODY_BYTES", str(LIMIT))
    settings.cache_clear()
    served = Hub(service.to_asgi(), None, new_key())
    yield served
    served.stop()


def pieces(body: bytes) -> list[Message]:
    """A body in pieces of which nobody knows how many there are."""
    sent: list[Message] = [
        {"type": "http.request", "body": body[at : at + 500], "more_body": True} for at in range(0, len(body), 500)
    ]
    return [*sent, {"type": "http.request", "body": b"", "more_body": False}]


def form(size: int) -> bytes:
    """A file of that size as a form."""
    head = b'--cut\r\nContent-Disposition: form-data; name="file"; filename="x.bin"\r\n\r\n'
    return head + b"x" * size + b"\r\n--cut--\r\n"


def test_a_file_is_taken_declared_or_in_pieces(uploads: Hub) -> None:
    assert uploads.ask("POST", "/size", files={"file": b"x" * 1000}).text == "1000"
    assert uploads.raw("/size", pieces(form(1000)), FORM)[0]["status"] == 200


def test_a_file_over_the_limit_is_413_and_ends_the_connection(uploads: Hub) -> None:
    assert uploads.ask("POST", "/size", files={"file": b"x" * LIMIT}).status_code == 413

    sent = uploads.raw("/size", pieces(form(50 * LIMIT)), FORM)
    assert sent[0]["status"] == 413 and dict(sent[0]["headers"])[b"connection"] == b"close"
    assert b"PAYLOAD_TOO_LARGE" in sent[1]["body"]


def test_what_bentoml_refuses_has_our_body_and_tells_nothing(uploads: Hub) -> None:
    nothing = uploads.ask("POST", "/size", files={"other": b"4111"})
    broken = uploads.ask("POST", "/size", content=b"--cut\r\n4111", headers=FORM)
    failed = uploads.ask("POST", "/size", files={"file": ("my.bin", b"bomb 4111")})

    assert [answer.status_code for answer in (nothing, broken, failed)] == [400, 400, 500]
    for answer in (nothing, broken, failed):
        assert answer.json().keys() == {"error", "request_id"}
        assert not any(word in answer.text for word in ("4111", "bomb", "my.bin", "/tmp", "Error:", "Traceback"))


def test_a_client_that_leaves_in_the_middle_is_not_logged(uploads: Hub) -> None:
    assert uploads.raw("/size", pieces(form(1000))[:-1], FORM) == []
    uploads.ask("POST", "/size", files={"file": b"x"})
    uploads.eventually(uploads.log)

    assert [row.status_code for row in uploads.log()] == [200]


def test_another_endpoints_key_opens_nothing_of_it(uploads: Hub) -> None:
    key = uploads.new_key("echo")

    assert uploads.ask("POST", "/size", key, files={"file": b"x"}).status_code == 403
    assert uploads.ask("GET", "/schema.json", key).status_code == 403
    assert uploads.ask("POST", "/size", None, files={"file": b"x"}).status_code == 401


def test_all_routes_are_its_endpoints_own_once_it_is_exported(uploads: Hub) -> None:
    uploads.new_endpoint("uploads", import_path="service:Uploads", signature={"routes": [{"path": "/other"}]})
    key = uploads.new_key("uploads")
    assert uploads.ask("POST", "/size", key, files={"file": b"x"}).status_code == 200

    uploads.set_status("uploads", EndpointStatus.INACTIVE)
    assert uploads.ask("POST", "/size", key, files={"file": b"x"}).status_code == 403
