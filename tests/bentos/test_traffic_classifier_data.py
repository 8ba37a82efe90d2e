"""The synthetic flows obey what a flow meter could measure, and a CSV of flows is read or refused in one clear line."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bentos.traffic_classifier.data import ACTIVE_TIMEOUT_S, MODELS, MTU, SMALLEST, generate
from bentos.traffic_classifier.features import CATEGORIES, CLASSES, FEATURES, LABEL, NAMES, conform
from bentos.traffic_classifier.reading import read_csv

seeds = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module")
def flows() -> pd.DataFrame:
    return generate(2000, 7)


def test_the_same_seed_draws_the_same_flows(flows: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(generate(2000, 7), flows)
    assert not generate(2000, 8).equals(flows)


def test_every_class_has_its_model() -> None:
    assert tuple(MODELS) == CLASSES


@given(rows=st.integers(1, 300), seed=seeds)
@settings(max_examples=30)
def test_classes_come_in_equal_shares_and_columns_conform(rows: int, seed: int) -> None:
    frame = generate(rows, seed)
    counts = frame[LABEL].value_counts()
    assert len(frame) == rows and list(frame.columns) == [*NAMES, LABEL]
    assert counts.max() - counts.min() <= 1 and len(counts) == min(rows, len(CLASSES))
    pd.testing.assert_frame_equal(conform(frame), frame[NAMES])


@given(seed=seeds)
@settings(max_examples=30)
def test_sizes_add_up(seed: int) -> None:
    frame = generate(500, seed)
    for side in ("up", "down"):
        sent = frame[frame[f"packets_{side}"] > 0]
        packets, mean, std = (sent[f"{name}_{side}"] for name in ("packets", "packet_size_mean", "packet_size_std"))
        assert ((sent[f"bytes_{side}"] - packets * mean).abs() <= 0.005 * packets + 0.5).all()
        assert mean.between(SMALLEST, MTU).all()
        assert (std**2 <= (mean - SMALLEST) * (MTU - mean) + 20).all(), (
            "wider than any packets within the limits can be"
        )
        assert (std[packets == 1] == 0).all()


@given(seed=seeds)
@settings(max_examples=30)
def test_gaps_fit_into_the_flow(seed: int) -> None:
    frame = generate(500, seed)
    for side in ("up", "down"):
        sent = frame[frame[f"packets_{side}"] > 1]
        gaps, mean = sent[f"packets_{side}"] - 1, sent[f"inter_arrival_mean_{side}_ms"]
        assert (gaps * mean <= 1000 * sent["duration_s"] + 1e-4 * gaps + 0.01).all()
        assert (sent[f"inter_arrival_std_{side}_ms"] <= mean * np.sqrt(gaps) + 1e-3 * np.sqrt(gaps)).all()
    assert frame["duration_s"].between(0, ACTIVE_TIMEOUT_S).all()
    assert (frame["duration_s"][frame["packets_up"] + frame["packets_down"] == 1] == 0).all()


@given(seed=seeds)
@settings(max_examples=30)
def test_a_value_is_missing_exactly_where_it_is_undefined(seed: int) -> None:
    frame = generate(500, seed)
    for side in ("up", "down"):
        packets = frame[f"packets_{side}"]
        for name, needed in (("packet_size_mean_{}", 1), ("packet_size_std_{}", 1)):
            assert (frame[name.format(side)].isna() == (packets < needed)).all()
        for name, needed in (("inter_arrival_mean_{}_ms", 2), ("inter_arrival_std_{}_ms", 2)):
            assert (frame[name.format(side)].isna() == (packets < needed)).all()


def test_some_flows_have_undefined_values(flows: pd.DataFrame) -> None:
    nullable = [feature.name for feature in FEATURES if feature.nullable]
    assert set(flows.columns[flows.isna().any()]) <= set(nullable)
    assert flows["inter_arrival_mean_down_ms"].isna().mean() > 0.005


def test_each_application_shows_its_reason(flows: pd.DataFrame) -> None:
    typical = flows.groupby(LABEL)[[*set(NAMES) - set(CATEGORIES)]].median().T
    assert typical["voip"]["inter_arrival_mean_up_ms"] == pytest.approx(20, abs=1.5)
    assert 60 <= typical["voip"]["packet_size_mean_up"] <= 202
    assert 1000 / 60 <= typical["gaming"]["inter_arrival_mean_down_ms"] <= 1000 / 20
    assert typical["streaming"]["bytes_down"] > 20 * typical["streaming"]["bytes_up"]
    assert typical["streaming"]["inter_arrival_std_down_ms"] > 10 * typical["streaming"]["inter_arrival_mean_down_ms"]
    assert typical["browsing"]["bytes_down"] < typical["file_transfer"]["bytes_down"] / 10
    bulk = flows[flows[LABEL] == "file_transfer"]
    assert 0.2 < (bulk["bytes_up"] > bulk["bytes_down"]).mean() < 0.45, "one in three is an upload"


def test_a_csv_comes_back_as_it_was_written(flows: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "flows.csv"
    flows.iloc[:, ::-1].assign(source_ip="10.0.0.1").to_csv(path, index=False)
    pd.testing.assert_frame_equal(read_csv(path), flows)


def test_labels_of_your_own_are_welcome(flows: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "flows.csv"
    flows.assign(label=range(len(flows))).to_csv(path, index=False)
    assert read_csv(path)[LABEL].tolist()[:2] == ["0", "1"]


def test_missing_columns_are_all_named_at_once(flows: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "flows.csv"
    flows.drop(columns=["bytes_up", LABEL]).to_csv(path, index=False)
    with pytest.raises(ValueError) as caught:
        read_csv(path)
    assert str(caught.value) == f"{path}: missing columns: bytes_up, label"


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("protocol", "sctp", "protocol: unknown value 'sctp', expected one of tcp, udp"),
        ("port_class", None, "port_class: unknown value 'nan'"),
        ("duration_s", "long", "duration_s: expected numbers"),
        ("duration_s", -1.0, "duration_s: expected 0 to 86400 s"),
        ("bytes_down", float("inf"), "bytes_down: expected 0 to"),
        ("packets_up", 0, "packets_up: expected 1 to"),
        ("packets_up", 1.5, "packets_up: expected whole numbers"),
        ("packet_size_mean_up", None, "packet_size_mean_up: missing in 1 of 20 rows"),
        (LABEL, None, "label: missing in 1 of 20 rows"),
    ],
)
def test_a_wrong_value_is_named(
    flows: pd.DataFrame, tmp_path: Path, column: str, value: str | float | None, said: str
) -> None:
    path, frame = tmp_path / "flows.csv", flows.head(20).astype("object")
    frame.loc[3, column] = value
    frame.to_csv(path, index=False)
    with pytest.raises(ValueError, match=r"flows\.csv: ") as caught:
        read_csv(path)
    assert said in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\x00\xff\xfe", b'a,b\n"1,2\n3,4,5\n1,2,3'])
def test_a_file_that_is_no_csv_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "flows.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"flows\.csv: ") as caught:
        read_csv(path)
    assert "\n" not in str(caught.value)


def test_a_missing_measurement_may_arrive_as_none(flows: pd.DataFrame) -> None:
    record = flows[NAMES].iloc[0].to_dict() | {"inter_arrival_mean_up_ms": None}
    row = conform(pd.DataFrame([record]))
    assert row.dtypes.equals(flows[NAMES].dtypes) and row["inter_arrival_mean_up_ms"].isna().all()


def test_the_readme_lists_the_features() -> None:
    readme = (Path(__file__).parents[2] / "bentos/traffic_classifier/README.md").read_text()
    rows = [f"| `{feature.name}` | {feature.kind} | {feature.unit} | {feature.description} |" for feature in FEATURES]
    assert [row for row in rows if row not in readme] == []
