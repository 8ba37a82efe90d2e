"""What builders print becomes a line a step, or their last words."""

import pytest

from services.containers.steps import follow, step_of


@pytest.mark.parametrize(
    ("line", "step"),
    [
        ("STEP 18/32: RUN apt-get update", "18/32 RUN apt-get update"),
        ("[1/2] STEP 3/9: COPY . ./", "3/9 COPY . ./"),
        ("Step 2/7 : FROM python:3.11-slim", "2/7 FROM python:3.11-slim"),
        ("#9 [base-container  5/14] RUN chmod +x   entry.sh", "5/14 RUN chmod +x entry.sh"),
        ("#9 [ 5/14] COPY . ./", "5/14 COPY . ./"),
        ("STEP 2/32: ENV LANG=C.UTF-8", None),
        ("#9 DONE 0.3s", None),
        ("Installed 61 packages in 2s", None),
    ],
)
def test_steps_of_every_builder(line: str, step: str | None) -> None:
    assert step_of(line) == step


def test_a_long_step_is_cut() -> None:
    step = step_of(f"STEP 1/2: RUN {'x' * 500}")
    assert step is not None and len(step) < 120 and step.endswith("…")


FAILED = """\
INFO: STEP 1/2: RUN false
INFO: STEP 1/2: RUN false
INFO: it went wrong
ERROR:
Encountered exception while trying to building image: it went wrong
Traceback (most recent call last):
"""


def test_the_last_words_are_the_builders_and_not_what_bentoml_makes_of_them() -> None:
    told: list[str] = []
    last = follow(FAILED.splitlines(keepends=True), told.append, everything=False)
    assert told == ["1/2 RUN false"]
    assert last == ["STEP 1/2: RUN false", "STEP 1/2: RUN false", "it went wrong"]


def test_everything_is_told_where_that_is_wanted() -> None:
    told: list[str] = []
    follow(FAILED.splitlines(keepends=True), told.append, everything=True)
    assert len(told) == len(FAILED.splitlines())
