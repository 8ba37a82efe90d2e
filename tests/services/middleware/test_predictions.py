"""The direct path: which bodies and methods it takes, and that it answers with what the endpoint's handler made."""

import pytest

from registry.errors import UnsupportedMediaType
from services.middleware.predictions import check_json
from tests.services.middleware.conftest import Hub

ECHO = "/api/predict/echo"


def test_an_endpoint_answers_by_name_and_by_id(hub: Hub) -> None:
    endpoint = hub.new_endpoint("churn")

    for path in ("/api/predict/churn", f"/api/predict/{endpoint.id}"):
        assert hub.ask("POST", path, json={"x": 1}).json()["endpoint"] == "churn"


def test_the_answer_bears_the_id_of_its_request(hub: Hub) -> None:
    answer = hub.predict()

    assert answer.json()["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    "content_type",
    [
        *(
            None,
            b"",
            b"application/json",
            b"Application/JSON",
            b"application/json;charset=utf-8",
            b" application/json ",
        ),
        *(b'application/json; charset="UTF-8"', b"application/json; profile=x", b"application/json;"),
    ],
)
def test_json_by_any_of_its_names_is_read(content_type: bytes | None) -> None:
    check_json(content_type, None)
    check_json(content_type, b"identity")


@pytest.mark.parametrize(
    "content_type",
    [
        *(b"text/xml", b"application/jsonp", b"application/x-www-form-urlencoded", b"multipart/form-data; boundary=x"),
        *(b"application/json; charset=utf-16", b"application/json;charset=latin-1", b"\xff", b"application/json, a/b"),
    ],
)
def test_anything_else_is_415(content_type: bytes) -> None:
    with pytest.raises(UnsupportedMediaType):
        check_json(content_type, None)


def test_a_compressed_body_is_415() -> None:
    with pytest.raises(UnsupportedMediaType):
        check_json(b"application/json", b"gzip")


def test_only_post_predicts(hub: Hub) -> None:
    for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"):
        answer = hub.ask(method, ECHO)
        assert answer.status_code == 405 and answer.headers["allow"] == "POST", method


def test_a_body_in_pieces_is_put_together(hub: Hub) -> None:
    pieces = [{"type": "http.request", "body": part, "more_body": True} for part in (b'{"x"', b": ", b"1}")]
    sent = hub.raw(ECHO, [*pieces, {"type": "http.request", "body": b"", "more_body": False}])

    assert b'"body":"{\\"x\\": 1}"' in sent[1]["body"]
