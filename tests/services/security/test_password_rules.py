"""What a new password must be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import InvalidInput
from services.security.password_rules import check_password

TYPED = st.characters(exclude_categories=["Cc", "Cs", "Cn"])


@pytest.mark.parametrize(
    "password",
    [
        "correct horse",
        "8 chars!",
        "пароль-длинный",
        "密码密码密码密码1",
        "x9" * 512,
        "ada likes snow",
        "🐎🔋📎🐎🔋📎🐎🔋",
    ],
)
def test_anything_long_enough_will_do(password: str) -> None:
    check_password(password, "ada")


@pytest.mark.parametrize(
    ("password", "wrong"),
    [
        ("", "too short"),
        ("seven77", "too short"),
        ("e\u0301" * 7, "too short"),  # seven characters, typed as fourteen
        ("x9" * 513, "too long"),
        ("correct\0horse", "can't be typed"),
        ("correct\nhorse", "can't be typed"),
        ("correct\ud800horse", "can't be typed"),
        ("Password123", "tried first"),
        ("ｐａｓｓｗｏｒｄ", "tried first"),  # full-width
        ("aaaaaaaaaa", "tried first"),
        ("12345678", "tried first"),
        ("hgfedcba", "tried first"),
        ("lovelace", "tried first"),
        ("Lovelace1815!", "tried first"),
        ("ecalevol", "tried first"),
        ("Modelport1", "tried first"),
    ],
)
def test_what_is_wrong_is_said_without_the_password(password: str, wrong: str) -> None:
    with pytest.raises(InvalidInput, match=wrong) as refused:
        check_password(password, "lovelace")
    assert not password or password not in refused.value.message


@given(st.text(TYPED, min_size=8, max_size=1024))
def test_no_character_is_asked_for(password: str) -> None:
    try:
        check_password(password, "ada")
    except InvalidInput as refused:
        assert "tried first" in refused.message or "too short" in refused.message or "be typed" in refused.message
