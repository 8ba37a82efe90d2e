"""Where your CSV has the columns of `features.py`: under which names, in which units. CICFlowMeter's stand here.

A meter's export is no clean table. Its rows that are no TCP or UDP flow, or whose values can't be (NaN, Infinity, a
negative time, the header once more), are left out and counted; what it writes as 0 and is undefined becomes missing.
"""

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, TypeAdapter, ValidationError

from bentos.traffic_classifier.features import FEATURES, LABEL, NAMES, PORTS, Feature
from services.invalid import explain

UNLABELLED = {"NeedManualLabel", "No Label"}  # what CICFlowMeter writes where a person is to write the class
WEB = (80, 443, 8080, 8443)


class Source(BaseModel):
    """One of these columns (blanks around names and their case don't matter), times `scale`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: tuple[str, ...]
    scale: float = 1.0


def _source(*names: str, scale: float = 1.0) -> Source:
    return Source(column=names, scale=scale)


US_TO_S, US_TO_MS = 1e-6, 1e-3

# In order: the data sets of 2017 and 2018, and version 4 where it differs from both.
CICFLOWMETER = {
    "protocol": _source("Protocol"),
    "port_class": _source("Destination Port", "Dst Port"),
    "duration_s": _source("Flow Duration", scale=US_TO_S),
    "packets_up": _source("Total Fwd Packets", "Tot Fwd Pkts", "Total Fwd Packet"),
    "packets_down": _source("Total Backward Packets", "Tot Bwd Pkts", "Total Bwd packets"),
    "bytes_up": _source("Total Length of Fwd Packets", "TotLen Fwd Pkts", "Total Length of Fwd Packet"),
    "bytes_down": _source("Total Length of Bwd Packets", "TotLen Bwd Pkts", "Total Length of Bwd Packet"),
    "packet_size_mean_up": _source("Fwd Packet Length Mean", "Fwd Pkt Len Mean"),
    "packet_size_mean_down": _source("Bwd Packet Length Mean", "Bwd Pkt Len Mean"),
    "packet_size_std_up": _source("Fwd Packet Length Std", "Fwd Pkt Len Std"),
    "packet_size_std_down": _source("Bwd Packet Length Std", "Bwd Pkt Len Std"),
    "inter_arrival_mean_up_ms": _source("Fwd IAT Mean", scale=US_TO_MS),
    "inter_arrival_mean_down_ms": _source("Bwd IAT Mean", scale=US_TO_MS),
    "inter_arrival_std_up_ms": _source("Fwd IAT Std", scale=US_TO_MS),
    "inter_arrival_std_down_ms": _source("Bwd IAT Std", scale=US_TO_MS),
    LABEL: _source("Label"),
}


def _one_column(value: Any) -> Any:
    found = {"column": value} if isinstance(value, str) else value
    named = found.get("column") if isinstance(found, dict) else None
    return found | {"column": (named,)} if isinstance(named, str) else found


def _known(name: str) -> str:
    if name not in (*NAMES, LABEL):
        raise ValueError("no column of a flow")
    return name


_FILE = TypeAdapter(dict[Annotated[str, AfterValidator(_known)], Annotated[Source, BeforeValidator(_one_column)]])


def columns(named: str) -> dict[str, Source]:
    """The mapping of that name: `cicflowmeter`, or a JSON file's; ValueError says in one line what is wrong with it."""
    if named == "cicflowmeter":
        return CICFLOWMETER
    if not Path(named).is_file():
        raise ValueError(f"{named}: expected cicflowmeter or a JSON file")
    try:
        read = _FILE.validate_json(Path(named).read_bytes())
    except ValidationError as error:
        raise ValueError(f"{named}: {explain(error).message}") from None
    return {name: read.get(name, _source(name)) for name in (*NAMES, LABEL)}


def translate(frame: pd.DataFrame, mapping: dict[str, Source]) -> tuple[pd.DataFrame, dict[str, int]]:
    """The flows of a frame under our names and in our units, and how many rows were left out because of which column.

    ValueError names the columns that are missing, or says that nobody has named the flows' classes yet.
    """
    given = {_plain(str(name)): name for name in reversed(frame.columns)}
    found = {name: _find(given, source) for name, source in mapping.items()}
    missing = [f"{name} ({' or '.join(mapping[name].column)})" for name, column in found.items() if column is None]
    if missing:
        raise ValueError(f"missing columns: {', '.join(missing)}")
    values = {feature.name: _values(frame[found[feature.name]], feature, mapping) for feature in FEATURES}
    flows = _undefined(pd.DataFrame(values)).assign(**{LABEL: frame[found[LABEL]]})
    fits = pd.DataFrame({feature.name: _fits(flows[feature.name], feature) for feature in FEATURES})
    left_out = (~fits).idxmax(axis=1)[~fits.all(axis=1)].value_counts(sort=False)
    flows = flows[fits.all(axis=1)]
    if len(flows) and set(flows[LABEL].astype("str")) <= UNLABELLED:
        raise ValueError(f"{LABEL}: {flows[LABEL].iloc[0]} in every row: write there what each flow is")
    return flows, {str(name): int(count) for name, count in left_out.items()}


def _plain(name: str) -> str:
    return " ".join(name.split()).lower()


def _find(given: dict[str, str], source: Source) -> str | None:
    return next((given[_plain(name)] for name in source.column if _plain(name) in given), None)


def _values(column: "pd.Series[Any]", feature: Feature, mapping: dict[str, Source]) -> Any:
    """One column in our units; NaN for what can't be read."""
    text = column.astype("str").str.strip().str.lower()
    if feature.name == "protocol":
        numbers = pd.to_numeric(text, errors="coerce").map({6: "tcp", 17: "udp"})
        return text.where(text.isin(feature.values), numbers)
    if feature.name == "port_class":
        return text.where(text.isin(PORTS), port_classes(pd.to_numeric(text, errors="coerce")))
    return pd.to_numeric(column, errors="coerce").replace([np.inf, -np.inf], np.nan) * mapping[feature.name].scale


def port_classes(ports: "pd.Series[Any]") -> "pd.Series[Any]":
    """The class of each port; NaN for what is no port."""
    kinds = np.select([ports.isin(WEB), ports.between(0, 1023), ports.between(1024, 49151)], PORTS[:3], PORTS[3])
    return pd.Series(kinds, index=ports.index, dtype="object").where(ports.between(0, 65535))


def _undefined(flows: pd.DataFrame) -> pd.DataFrame:
    """Missing where so few packets have no size or no gap, whatever a meter writes there."""
    for side in ("up", "down"):
        packets = flows[f"packets_{side}"]
        sizes = [f"packet_size_{kind}_{side}" for kind in ("mean", "std")]
        gaps = [f"inter_arrival_{kind}_{side}_ms" for kind in ("mean", "std")]
        flows.loc[packets < 1, sizes] = np.nan
        flows.loc[packets < 2, gaps] = np.nan
    return flows


def _fits(column: "pd.Series[Any]", feature: Feature) -> "pd.Series[bool]":
    """Whether each value may be that feature's."""
    if feature.kind == "category":
        return column.notna()
    whole = (column == np.floor(column)) if feature.kind == "integer" else True
    return (column.between(feature.minimum, feature.maximum) & whole) | (column.isna() & feature.nullable)
