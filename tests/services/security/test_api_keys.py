"""Keys: their shape, their checksum, and that only a keyed hash is kept."""

from hashlib import blake2b

from hypothesis import given
from hypothesis import strategies as st

from services.security.api_keys import PATTERN, PREFIX, KeyHasher, checksum, is_well_formed, mint

PEPPER = b"p" * 32
CHECKSUM = "12pt1s"  # written once, so that keys in use stay well-formed


def test_a_key_names_product_and_environment_and_carries_its_public_id() -> None:
    key = mint("live", PEPPER)
    product, environment, key_id, secret, check = key.text.split("_")

    assert (f"{product}_", environment, key_id) == (PREFIX, "live", key.key_id)
    assert (len(key_id), len(secret), len(check)) == (12, 43, 6)
    assert PATTERN.fullmatch(key.text) and is_well_formed(key.text)


def test_every_key_is_another() -> None:
    keys = [mint("test", PEPPER) for _ in range(500)]

    for part in ("key_id", "text", "key_hash"):
        assert len({getattr(key, part) for key in keys}) == 500


def test_what_is_kept_is_the_whole_keys_hash_under_the_pepper() -> None:
    key = mint("live", PEPPER)

    assert key.key_hash == blake2b(key.text.encode(), key=PEPPER, digest_size=32).hexdigest()
    assert KeyHasher(b"q" * 32)(key.text.encode()).hex() != key.key_hash
    assert key.text.split("_")[3] not in key.key_hash


@given(st.integers(0, 68), st.sampled_from("0aZ_-"))
def test_a_single_wrong_character_is_noticed(at: int, character: str) -> None:
    text = mint("live", PEPPER).text
    wrong = text[:at] + character + text[at + 1 :]

    assert is_well_formed(wrong) == (wrong == text)


def test_what_has_another_shape_is_no_key() -> None:
    key = mint("live", PEPPER).text

    for text in ("", "mp_", "mp_live_x_y_z", f"{key}\n", f" {key}", key.upper(), key.replace("_live_", "_l1ve_")):
        assert not is_well_formed(text)


def test_the_checksum_stays_as_it_is() -> None:
    assert [checksum(body) for body in ("", "mp_live_3kTq9fWz0aBc_secret")] == ["000000", CHECKSUM]
    assert len(checksum("x" * 1000)) == 6


@given(st.binary(min_size=32, max_size=64), st.binary(max_size=300))
def test_the_hash_is_the_standards_keyed_one_for_any_pepper_and_any_bytes(pepper: bytes, credential: bytes) -> None:
    hasher = KeyHasher(pepper)

    assert hasher(credential) == hasher(credential) == blake2b(credential, key=pepper, digest_size=32).digest()


def test_no_byte_of_a_long_pepper_is_ignored() -> None:
    peppers = [b"p" * 200, b"p" * 199 + b"q", b"q" + b"p" * 199, b"p" * 64]
    assert len({KeyHasher(pepper)(b"key") for pepper in peppers}) == 4


def test_of_the_same_entropy_comes_the_same_key() -> None:
    keys = [mint("live", PEPPER, bytes([one]) * 64) for one in (0, 1, 255)]

    assert keys == [mint("live", PEPPER, bytes([one]) * 64) for one in (0, 1, 255)]
    assert len({key.key_id for key in keys}) == len({key.text.split("_")[3] for key in keys}) == 3
    assert all(is_well_formed(key.text) for key in keys)
