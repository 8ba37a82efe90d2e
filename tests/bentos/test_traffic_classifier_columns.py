"""A meter's CSV under its own names and units becomes the same flows; what is no flow in it is left out and counted."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bentos.traffic_classifier.columns import CICFLOWMETER, columns, port_classes
from bentos.traffic_classifier.data import generate
from bentos.traffic_classifier.features import FEATURES, LABEL, NAMES
from bentos.traffic_classifier.reading import read_csv

# The headers that CICFlowMeter has written: the data set of 2017 (with its blanks), that of 2018, version 4.
HEADERS = {
    "2017": {name: f" {source.column[0]}" for name, source in CICFLOWMETER.items()},
    "2018": {name: source.column[min(1, len(source.column) - 1)] for name, source in CICFLOWMETER.items()},
    "4": {
        **{name: source.column[0] for name, source in CICFLOWMETER.items()},
        "port_class": "Dst Port",
        "packets_up": "Total Fwd Packet",
        "packets_down": "Total Bwd packets",
        "bytes_up": "Total Length of Fwd Packet",
        "bytes_down": "Total Length of Bwd Packet",
    },
}
PORT = {"web": 443, "well_known": 22, "registered": 3478, "ephemeral": 50000}


def cicflowmeter(flows: pd.DataFrame, header: dict[str, str]) -> pd.DataFrame:
    """The flows as CICFlowMeter writes them: numbers for protocol and port, microseconds, 0 for what is undefined."""
    frame = flows.assign(
        protocol=flows["protocol"].map({"tcp": 6, "udp": 17}), port_class=flows["port_class"].map(PORT)
    )
    frame["duration_s"] = frame["duration_s"] * 1e6
    for name in NAMES:
        if name.endswith("_ms"):
            frame[name] = frame[name] * 1e3
    # It divides by the duration, so a flow of one packet has rates that are no numbers; no column of ours.
    rates: dict[str, Any] = {"Flow Byts/s": np.where(frame["duration_s"] > 0, 1.0, np.inf), "Flow Pkts/s": np.nan}
    return frame.fillna(0).rename(columns=header).assign(**rates)


@pytest.fixture(scope="module")
def flows() -> pd.DataFrame:
    return generate(400, 5)


def read(frame: pd.DataFrame, path: Path, told: list[str], mapping: str = "cicflowmeter") -> pd.DataFrame:
    """What is read of the frame as a CSV."""
    frame.to_csv(path, index=False)
    return read_csv(path, columns(mapping), told.append)


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_cicflowmeters_export_is_the_same_flows(flows: pd.DataFrame, header: dict[str, str], tmp_path: Path) -> None:
    told: list[str] = []
    found = read(cicflowmeter(flows, header).iloc[:, ::-1], tmp_path / "flows.csv", told)
    pd.testing.assert_frame_equal(found, flows, rtol=1e-12)
    assert told == [] and found["inter_arrival_mean_down_ms"].isna().any()


def test_rows_that_are_no_flows_are_left_out_and_counted(flows: pd.DataFrame, tmp_path: Path) -> None:
    header, told = HEADERS["2018"], list[str]()
    frame = cicflowmeter(flows, header).astype("object")
    frame.loc[0, "Protocol"] = 0
    frame.loc[1, "Flow Duration"] = -1
    frame.loc[2, "Fwd Pkt Len Mean"] = "NaN"
    frame.loc[3, "TotLen Bwd Pkts"] = "Infinity"
    frame.loc[4] = list(frame.columns)  # files glued together
    found = read(frame, tmp_path / "flows.csv", told)
    pd.testing.assert_frame_equal(found, flows.iloc[5:].reset_index(drop=True), rtol=1e-12)
    assert told == [
        "left out 5 of 400 rows for unusable values: protocol 2, duration_s 1, packet_size_mean_up 1, bytes_down 1"
    ]


def test_infinity_where_a_value_may_be_undefined_is_undefined(flows: pd.DataFrame, tmp_path: Path) -> None:
    frame = cicflowmeter(flows, HEADERS["2017"]).astype("object")
    frame.loc[0, " Bwd IAT Mean"] = "Infinity"
    found = read(frame, tmp_path / "flows.csv", [])
    assert len(found) == len(flows) and np.isnan(found["inter_arrival_mean_down_ms"][0])


def test_missing_columns_are_named_with_the_names_they_may_have(flows: pd.DataFrame, tmp_path: Path) -> None:
    frame = cicflowmeter(flows, HEADERS["2018"]).drop(columns=["TotLen Fwd Pkts", "Label"])
    with pytest.raises(ValueError) as caught:
        read(frame, tmp_path / "flows.csv", [])
    names = "Total Length of Fwd Packets or TotLen Fwd Pkts or Total Length of Fwd Packet"
    assert str(caught.value) == f"{tmp_path / 'flows.csv'}: missing columns: bytes_up ({names}), label (Label)"


def test_a_file_that_nobody_has_labelled_is_refused(flows: pd.DataFrame, tmp_path: Path) -> None:
    frame = cicflowmeter(flows, HEADERS["4"]).assign(Label="NeedManualLabel")
    with pytest.raises(ValueError, match="label: NeedManualLabel in every row: write there what each flow is$"):
        read(frame, tmp_path / "flows.csv", [])


def test_a_file_without_a_flow_is_refused(flows: pd.DataFrame, tmp_path: Path) -> None:
    frame = cicflowmeter(flows, HEADERS["4"])
    with pytest.raises(ValueError, match="no row is a flow; unusable values: protocol 400$"):
        read(frame.assign(Protocol=1), tmp_path / "flows.csv", [])
    with pytest.raises(ValueError, match="no row is a flow; unusable values: none, for there are no rows$"):
        read(frame.head(0), tmp_path / "flows.csv", [])


def test_a_mapping_of_your_own_names_columns_and_scales(flows: pd.DataFrame, tmp_path: Path) -> None:
    mapping = {"duration_s": {"column": "Dauer (ms)", "scale": 0.001}, "protocol": "Proto", "label": "app"}
    (tmp_path / "own.json").write_text(json.dumps(mapping))
    frame = flows.assign(protocol=flows["protocol"].str.upper(), duration_s=flows["duration_s"] * 1000)
    frame = frame.rename(columns={"duration_s": "Dauer (ms)", "protocol": "Proto", LABEL: "app"})
    found = read(frame, tmp_path / "flows.csv", [], str(tmp_path / "own.json"))
    pd.testing.assert_frame_equal(found, flows, rtol=1e-12)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "Invalid JSON"),
        ("[]", "Input should be an object"),
        ('{"durations": "x"}', "no column of a flow"),
        ('{"duration_s": 3}', "duration_s: Input should be an object"),
        ('{"duration_s": {"scale": 2}}', "Missing required field: duration_s.column"),
        ('{"duration_s": {"column": "x", "unit": "ms"}}', "Unknown field: duration_s.unit"),
        ('{"duration_s": {"column": "x", "scale": "ms"}}', "duration_s.scale: Input should be a valid number"),
    ],
)
def test_a_wrong_mapping_is_one_line(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "own.json").write_text(content)
    with pytest.raises(ValueError) as caught:
        columns(str(tmp_path / "own.json"))
    assert said in str(caught.value) and "own.json: " in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("port", "kind"),
    [(80, "web"), (8443, "web"), (0, "well_known"), (1023, "well_known"), (1024, "registered"), (49151, "registered"),
     (49152, "ephemeral"), (65535, "ephemeral"), (65536, None), (-1, None)],
)  # fmt: skip
def test_a_port_has_a_class(port: int, kind: str | None) -> None:
    found = port_classes(pd.Series([float(port)])).iloc[0]
    assert found == kind or (kind is None and pd.isna(found))


def test_every_column_has_a_place_in_cicflowmeters_export() -> None:
    assert list(CICFLOWMETER) == [*NAMES, LABEL]


def test_the_readme_documents_the_mapping() -> None:
    readme = (Path(__file__).parents[2] / "bentos/traffic_classifier/README.md").read_text()
    units = {feature.name: feature.unit for feature in FEATURES}
    rows = [
        f"| `{name}` | {', '.join(f'`{column}`' for column in source.column)} |"
        + (f" µs to {units[name]} |" if source.scale != 1 else "")
        for name, source in CICFLOWMETER.items()
    ]
    assert [row for row in rows if row not in readme] == []
