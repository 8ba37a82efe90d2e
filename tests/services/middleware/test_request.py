"""Request ids: UUIDs of version 7, never twice, in the order of their making."""

import uuid
from time import sleep, time

from services.request import request_uuid


def test_an_id_is_a_uuid_of_version_7_with_the_time_in_front() -> None:
    before = int(time() * 1000)
    for text in (request_uuid() for _ in range(1000)):
        made = uuid.UUID(text)
        assert made.version == 7 and made.variant == uuid.RFC_4122 and made.hex == text
        assert before <= made.int >> 80 <= time() * 1000


def test_ids_are_unique_and_all_their_random_bits_vary() -> None:
    made = {uuid.UUID(request_uuid()).int for _ in range(100_000)}
    random_bits = 0xFFF << 64 | (1 << 62) - 1

    assert len(made) == 100_000
    ones = zeros = 0
    for value in made:
        ones, zeros = ones | value, zeros | ~value
    assert ones & zeros & random_bits == random_bits


def test_ids_sort_by_time() -> None:
    ids = []
    for _ in range(5):
        ids.append(request_uuid())
        sleep(0.002)

    assert ids == sorted(ids)
