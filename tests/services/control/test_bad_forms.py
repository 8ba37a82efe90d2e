"""Bodies and fields that make no upload: each is refused with a clear line, and leaves nothing."""

import pickle
from pathlib import Path
from typing import Any

import pytest

from registry.settings import settings
from services.naming import shown
from services.uploads.form import Form
from tests.services.control.hostile import empty_home as empty_home
from tests.services.control.hostile import operator as operator
from tests.services.control.test_models import upload
from tests.services.middleware.conftest import Hub
from tests.services.uploads.samples import onnx_model

FIELDS: list[tuple[dict[str, Any], str]] = [
    ({"name": "../evil"}, "A model's name has"),
    ({"name": "123"}, "A model's name has"),
    ({"classes": "a,,b"}, "`classes` has an empty name"),
    ({"classes": "a,b,a"}, "or one twice"),
    ({"files": {"sample": ("rows.pkl", pickle.dumps([1]))}}, "A sample is a"),
    ({"files": {"other": ("x", b"x")}}, "not known here"),
]


def test_fields_that_do_not_fit(hub: Hub, operator: str) -> None:
    for fields, reason in FIELDS:
        refused = upload(hub, operator, onnx_model(), **fields)
        assert refused.status_code == 400 and reason in refused.json()["error"]["message"], refused.text


def multipart(*parts: tuple[str, bytes], end: bytes = b"--B--\r\n") -> bytes:
    """A body as no client would send it."""
    return b"".join(b"--B\r\n%s\r\n\r\n%s\r\n" % (head.encode(), content) for head, content in parts) + end


FILE = ('Content-Disposition: form-data; name="file"; filename="a.onnx"', b"x")


KIND = "multipart/form-data; boundary=B"


ODD: dict[str, tuple[str, bytes, int]] = {
    "no form": ("application/json", b"{}", 415),
    "no boundary": ("multipart/form-data", b"", 400),
    "an endless boundary": (f"multipart/form-data; boundary={'B' * 5000}", b"", 400),
    "no body": (KIND, b"", 400),
    "no file": (KIND, multipart(('Content-Disposition: form-data; name="name"', b"x")), 400),
    "two files": (KIND, multipart(FILE, FILE), 400),
    "no end": (KIND, multipart(FILE, end=b""), 400),
    "a part without a name": (KIND, multipart(("Content-Type: text/plain", b"x")), 400),
    "another boundary": (KIND, multipart(FILE).replace(b"--B", b"--C"), 400),
    "a long name": (KIND, multipart(FILE, ('Content-Disposition: form-data; name="name"', b"x" * 70_000)), 400),
    "a name that is no text": (KIND, multipart(FILE, ('Content-Disposition: form-data; name="name"', b"\xff")), 400),
    "many headers": (KIND, multipart(("\r\n".join(f"X-{n}: y" for n in range(10_000)), b"x")), 400),
    "an endless header": (KIND, multipart(("X: " + "y" * 1_000_000, b"x")), 400),
}


def test_a_body_that_is_no_such_form(hub: Hub, operator: str) -> None:
    for what, (kind, content, status) in ODD.items():
        headers = {"Authorization": f"Bearer {operator}", "Content-Type": kind}
        refused = hub.ask("POST", "/models/", None, headers=headers, content=content)
        assert refused.status_code == status, (what, refused.text)


def test_an_upload_over_the_limit(hub: Hub, operator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    most = settings().upload_max_bytes
    headers = {"Authorization": f"Bearer {operator}", "Content-Type": KIND, "Content-Length": str(most + 1)}
    refused = hub.ask("POST", "/models/", None, headers=headers, content=b"")

    assert refused.status_code == 413 and refused.json()["error"]["details"] == {"max_bytes": most}
    other = {"Authorization": f"Bearer {operator}", "Content-Length": str(settings().max_body_bytes + 1)}
    assert hub.ask("POST", "/api/export/1", None, headers=other, content=b"").status_code == 413


def test_a_client_who_leaves_in_the_middle(hub: Hub, operator: str) -> None:
    headers = {"authorization": f"Bearer {operator}", "content-type": KIND, "x-api-key": ""}
    body = multipart(FILE, end=b"")
    hub.raw(
        "/models/", [{"type": "http.request", "body": body, "more_body": True}, {"type": "http.disconnect"}], headers
    )


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\models\\churn.onnx", "churn.onnx"),
        ("<script>alert(1)</script>", "script_"),
        ("a\nb\x00c\u202ed", "a_b_c_d"),
        ("é" * 300, "é" * 100),
        ("..", "model"),
        ("", "model"),
    ],
)
def test_a_file_name_as_it_is_shown(name: str, told: str) -> None:
    assert shown(name, "model") == told


def test_a_file_is_never_held_in_memory(tmp_path: Path) -> None:
    import tracemalloc

    form = Form(KIND, tmp_path)
    form.feed(multipart((FILE[0], b""), end=b"").removesuffix(b"\r\n"))
    piece = bytes(1024**2)
    tracemalloc.start()
    for _ in range(32):
        form.feed(piece)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    form.feed(b"\r\n--B--\r\n")
    form.end()
    assert form.files["file"].size == 32 * 1024**2 and peak < 4 * 1024**2
    assert form.files["file"].path.stat().st_size == 32 * 1024**2
