"""Synthetic weeks have the cycles, bursts and outages that they are said to have; a CSV is read or refused in one clear line."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bentos.traffic_forecaster.data import CAPACITY, IDLE_LATENCY_MS, MONDAY, bursts, generate, outages, read_csv
from bentos.traffic_forecaster.series import CHANNELS, DAY, MINUTES, NAMES, TIME, WEEK, conform, hour_of_week

seeds = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return generate(8, 7)


def write(frame: pd.DataFrame, path: Path) -> Path:
    """A CSV as a user has one."""
    frame.reset_index().to_csv(path, index=False)
    return path


def test_the_same_seed_draws_the_same_weeks(frame: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(generate(8, 7), frame)
    assert not generate(8, 8).equals(frame)


@given(weeks=st.integers(1, 3), seed=seeds)
@settings(max_examples=20, deadline=None)
def test_a_week_is_whole_and_within_what_a_link_can_carry(weeks: int, seed: int) -> None:
    drawn = generate(weeks, seed)
    assert list(drawn.columns) == NAMES and len(drawn) == weeks * WEEK
    assert (drawn.index[0], hour_of_week(drawn.index[0])) == (pd.Timestamp(MONDAY), 0)
    assert (np.diff(drawn.index) == np.timedelta64(MINUTES, "m")).all()
    assert drawn["bytes"].between(0, CAPACITY).all()
    assert (drawn["latency_ms"] > IDLE_LATENCY_MS / 2).all()
    assert all(drawn[channel.name].between(0, channel.maximum).all() for channel in CHANNELS)


def test_days_and_weeks_have_their_shape(frame: pd.DataFrame) -> None:
    times: Any = frame.index
    hour, weekday = times.hour, times.day_of_week
    typical: Any = frame.groupby([weekday, hour])["bytes"].median().unstack()
    for day in range(7):
        assert typical.loc[day, 4] < 0.5 * typical.loc[day, 20], "night is quiet"
    assert typical.loc[5:6, 10].max() < 0.6 * typical.loc[0:4, 10].min(), "nobody works at the weekend"
    assert typical.loc[6, 21] > 0.8 * typical.loc[2, 21], "people are at home"


def test_latency_rises_with_the_load(frame: pd.DataFrame) -> None:
    load = frame["bytes"] / CAPACITY
    assert frame["latency_ms"][load > 0.6].median() > 1.2 * frame["latency_ms"][load.between(0.05, 0.2)].median()


def test_bursts_and_outages_come_as_often_as_said() -> None:
    rng, weeks = np.random.default_rng(3), 200
    begun = np.diff((bursts(rng, weeks * WEEK) > 0).astype(int)) == 1
    assert 2.2 < begun.sum() / weeks / 7 < 3.2
    through = outages(rng, weeks * WEEK)
    assert 1.2 < (np.diff((through < 1).astype(int)) == 1).sum() / weeks < 1.8
    assert set(np.unique(through[through < 1] <= 0.05)) == {True}


def test_an_outage_shows_in_every_channel(frame: pd.DataFrame) -> None:
    times: Any = frame.index
    usual: Any = frame.groupby([times.day_of_week, times.time]).transform("median")
    out = frame["bytes"] < 0.15 * usual["bytes"]
    assert out.any()
    assert (frame["flows"][out] < 0.15 * usual["flows"][out]).all()
    assert (frame["latency_ms"][out] > 2 * usual["latency_ms"][out]).all()


def test_a_csv_comes_back_as_it_was_written(frame: pd.DataFrame, tmp_path: Path) -> None:
    path = write(frame.iloc[:, ::-1].assign(link="uplink 3"), tmp_path / "series.csv")
    pd.testing.assert_frame_equal(read_csv(path), frame, check_freq=False, check_index_type=False)


def test_an_offset_is_read_past(frame: pd.DataFrame) -> None:
    rows = frame.head(4).reset_index()
    rows[TIME] = [f"{time:%Y-%m-%dT%H:%M}+02:00" for time in rows[TIME]]
    assert conform(rows).index[0] == frame.index[0]


def test_missing_columns_are_all_named_at_once(frame: pd.DataFrame, tmp_path: Path) -> None:
    path = write(frame.drop(columns=["flows", "latency_ms"]), tmp_path / "series.csv")
    with pytest.raises(ValueError) as caught:
        read_csv(path)
    assert str(caught.value) == f"{path}: missing columns: flows, latency_ms"


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("bytes", -1, "bytes: expected 0 to 1e+15 bytes, row 4 has -1"),
        ("bytes", "much", "bytes: expected numbers"),
        ("flows", None, "flows: missing in 1 of 1400 rows"),
        ("flows", float("inf"), "flows: expected 0 to 1e+12 flows, row 4 has inf"),
        ("latency_ms", 1e9, "latency_ms: expected 0 to 8.64e+07 ms, row 4 has 1e+09"),
        (TIME, "noon", "time: expected times such as 2026-03-02T00:15"),
        (TIME, None, "time: "),
        (
            TIME,
            "2026-03-02 00:46",
            "time: expected a row every 15 minutes without a gap, found 2026-03-02 00:30:00 then",
        ),
    ],
)
def test_a_wrong_value_is_named(
    frame: pd.DataFrame, tmp_path: Path, column: str, value: str | float | None, said: str
) -> None:
    rows = frame.head(1400).reset_index().astype("object")
    rows.loc[3, column] = value
    rows.to_csv(tmp_path / "series.csv", index=False)
    with pytest.raises(ValueError, match=r"series\.csv: ") as caught:
        read_csv(tmp_path / "series.csv")
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_a_gap_and_a_short_series_are_named(frame: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="without a gap, found 2026-03-02 02:15:00 then 2026-03-02 02:45:00"):
        read_csv(write(frame.drop(index=frame.index[10]), tmp_path / "gap.csv"))
    with pytest.raises(ValueError, match=r"too short: expected 1344 rows \(14 days\) or more, not 1343"):
        read_csv(write(frame.head(14 * DAY - 1), tmp_path / "short.csv"))
    assert len(read_csv(write(frame.head(14 * DAY), tmp_path / "enough.csv"))) == 14 * DAY


@pytest.mark.parametrize("content", [b"", b"\x00\xff\xfe", b'a,b\n"1,2\n3,4,5\n1,2,3'])
def test_a_file_that_is_no_csv_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "series.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"series\.csv: ") as caught:
        read_csv(path)
    assert "\n" not in str(caught.value)


def test_the_readme_lists_the_channels() -> None:
    readme = (Path(__file__).parents[2] / "bentos/traffic_forecaster/README.md").read_text()
    rows = [f"| `{channel.name}` | {channel.unit} | {channel.description} |" for channel in CHANNELS]
    assert [row for row in rows if row not in readme] == []
