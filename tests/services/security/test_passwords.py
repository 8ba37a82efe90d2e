"""Passwords: argon2id for new ones, bcrypt only read, and the same work whoever is asked for."""

import unicodedata

import bcrypt
import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import VerifyMismatchError
from hypothesis import given, settings
from hypothesis import strategies as st

from services.security import passwords
from services.security.passwords import hash_password, verify_password

HORSE = "correct horse"


def old_hash(password: bytes, prefix: bytes = b"2b") -> str:
    """What an older platform would have stored, at bcrypt's lowest cost."""
    return bcrypt.hashpw(password[:72], bcrypt.gensalt(4, prefix)).decode()


def test_a_password_fits_its_own_hash_and_no_other() -> None:
    stored = hash_password(HORSE)
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert HORSE not in stored and hash_password(HORSE) != stored
    assert verify_password(stored, HORSE) == (True, None)
    assert verify_password(stored, "correct horsf") == (False, None)


@settings(max_examples=5)
@given(st.text(max_size=40))
def test_a_password_is_the_same_however_its_characters_are_composed(password: str) -> None:
    stored = hash_password(unicodedata.normalize("NFD", password))
    assert verify_password(stored, unicodedata.normalize("NFC", password)) == (True, None)


@pytest.mark.parametrize("prefix", [b"2a", b"2b"])
@pytest.mark.parametrize("password", [HORSE, "", "née \N{SNOWMAN}", "x" * 72, "é" * 50])
def test_a_bcrypt_hash_is_verified_and_replaced(password: str, prefix: bytes) -> None:
    matches, rehash = verify_password(old_hash(password.encode(), prefix), password)
    assert matches and rehash is not None
    assert verify_password(rehash, password) == (True, None)
    assert verify_password(old_hash(password.encode(), prefix), "y" + password) == (False, None)


def test_bcrypt_read_72_bytes_and_its_replacement_reads_all() -> None:
    matches, rehash = verify_password(old_hash(b"x" * 80), "x" * 72 + "whatever")
    assert matches
    assert verify_password(rehash, "x" * 80) == (False, None)


def test_a_nul_does_not_hide_the_rest_of_a_password_from_bcrypt() -> None:
    assert verify_password(old_hash(b"secret"), "secret\0") == (False, None)
    assert verify_password(old_hash(b"secret\0more"), "secret\0more") == (False, None)


def test_a_hash_with_other_parameters_is_replaced_once_it_fits() -> None:
    weaker = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(HORSE)
    assert verify_password(weaker, "wrong") == (False, None)
    matches, rehash = verify_password(weaker, HORSE)
    assert matches and rehash is not None and rehash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_nobody_has_no_password() -> None:
    assert verify_password(None, HORSE) == (False, None)
    assert verify_password(None, "") == (False, None)


def test_nobodys_hash_costs_what_a_real_one_does() -> None:
    nobodys = passwords._nobodys_hash()
    assert extract_parameters(nobodys) == extract_parameters(hash_password(HORSE))
    with pytest.raises(VerifyMismatchError):  # it was computed, not refused as malformed
        PasswordHasher().verify(nobodys, HORSE)


@pytest.mark.parametrize(
    "stored", ["", HORSE, "$argon2id$v=19$", "$2b$31$" + "a" * 53, "$2b$04$short", "$2y$04$" + "a" * 53]
)
def test_what_is_no_hash_fits_nothing(stored: str) -> None:
    assert verify_password(stored, HORSE) == (False, None)


@pytest.mark.parametrize("strange", ["\ud800", "\0", "x" * 100_000])
def test_strange_input_is_a_wrong_password(strange: str) -> None:
    assert verify_password(hash_password(HORSE), strange) == (False, None)
    assert verify_password(old_hash(b"secret"), strange) == (False, None)
