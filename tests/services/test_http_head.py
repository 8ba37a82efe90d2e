"""A head that is sent again is recognised, whatever the length of the body; nothing else is taken for it."""

from hypothesis import given
from hypothesis import strategies as st

from services.http_head import Head

BEFORE, AFTER = b"POST /p HTTP/1.1\r\nHost: x\r\ncontent-LENGTH: ", b"\r\nX-API-Key: k\r\n\r\n"
HEADERS = [(b"host", b"x"), (b"content-length", b"2"), (b"x-api-key", b"k")]
bodies = st.binary(max_size=300)


def sent(body: bytes) -> bytes:
    """A request with that body."""
    return BEFORE + b"%d" % len(body) + AFTER + body


def the_head() -> Head:
    """The head of such requests."""
    found = Head.of(sent(b"{}"), b"/p", HEADERS)
    assert found is not None
    return found


@given(bodies)
def test_the_same_head_with_another_body_has_that_body_and_its_length(body: bytes) -> None:
    assert the_head().again(sent(body)) == (
        [(b"host", b"x"), (b"content-length", b"%d" % len(body)), (b"x-api-key", b"k")],
        body,
    )
    assert HEADERS[1] == (b"content-length", b"2"), "the head itself is left as it was"


@given(bodies, st.data())
def test_any_other_chunk_is_not_taken(body: bytes, data: st.DataObject) -> None:
    whole, at = sent(body), data.draw(st.integers(0, len(sent(body)) - 1))
    head_end = len(whole) - len(body)
    changed = bytearray(whole)
    changed[min(at, head_end - 1)] ^= data.draw(st.integers(1, 255))
    assert the_head().again(whole[:at]) is None, "cut off"
    assert the_head().again(whole + whole) is None, "two at once"
    assert the_head().again(bytes(changed)) is None, "another head"


@given(st.sampled_from([b"+2", b"-2", b" 2", b"2 ", b"0x2", b"", b"2\r\nContent-Length: 2", b"000002", b"\xb2"]))
def test_a_length_that_is_no_plain_number_is_not_taken(length: bytes) -> None:
    assert the_head().again(BEFORE + length + AFTER + b"{}") is None


def test_only_a_whole_request_becomes_a_head() -> None:
    for part in (sent(b"{}")[:-1], sent(b"{}") + b" ", b"{}", b"", sent(b"{}").replace(b"content-LENGTH", b"X")):
        assert Head.of(part, b"/p", HEADERS) is None
