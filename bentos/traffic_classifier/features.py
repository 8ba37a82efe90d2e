"""The columns of a flow: the one place where names, units and limits are stated; data, training and service follow it.

A flow is everything seen with one 5-tuple (addresses, ports, protocol), both directions together. "Up" is from the side that
sent the first packet, "down" is towards it. Sizes are IP packet lengths, headers included.
"""

from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

LABEL = "label"
CLASSES = ("browsing", "file_transfer", "gaming", "streaming", "voip")


class Feature(NamedTuple):
    """One column: a number has limits, a category has values; nullable means it can be undefined for a flow."""

    name: str
    kind: Literal["integer", "number", "category"]
    unit: str
    description: str
    minimum: float = 0
    maximum: float = 0
    nullable: bool = False
    values: tuple[str, ...] = ()


# The upper limits only keep out nonsense: a day, 10 TB, the longest IP packet.
DAY_S, DAY_MS, PACKETS, BYTES, SIZE = 86_400, 86_400_000, 10**9, 10**13, 65_535
PORTS = ("web", "well_known", "registered", "ephemeral")  # 80, 443, 8080, 8443; else to 1023; to 49151; above

FEATURES = (
    Feature("protocol", "category", "-", "transport protocol", values=("tcp", "udp")),
    Feature("port_class", "category", "-", "responder's port, see PORTS", values=PORTS),
    Feature("duration_s", "number", "s", "first to last packet", 0, DAY_S),
    Feature("packets_up", "integer", "packets", "packets sent by the initiator", 1, PACKETS),
    Feature("packets_down", "integer", "packets", "packets sent by the responder", 0, PACKETS),
    Feature("bytes_up", "integer", "bytes", "bytes sent by the initiator", 0, BYTES),
    Feature("bytes_down", "integer", "bytes", "bytes sent by the responder", 0, BYTES),
    Feature("packet_size_mean_up", "number", "bytes", "mean packet size", 0, SIZE),
    Feature("packet_size_mean_down", "number", "bytes", "mean packet size, undefined at 0 packets", 0, SIZE, True),
    Feature("packet_size_std_up", "number", "bytes", "spread of packet size", 0, SIZE),
    Feature("packet_size_std_down", "number", "bytes", "spread of packet size, undefined at 0 packets", 0, SIZE, True),
    Feature("inter_arrival_mean_up_ms", "number", "ms", "mean gap, undefined below 2 packets", 0, DAY_MS, True),
    Feature("inter_arrival_mean_down_ms", "number", "ms", "mean gap, undefined below 2 packets", 0, DAY_MS, True),
    Feature(
        "inter_arrival_std_up_ms", "number", "ms", "spread of the gaps, undefined below 2 packets", 0, DAY_MS, True
    ),
    Feature(
        "inter_arrival_std_down_ms", "number", "ms", "spread of the gaps, undefined below 2 packets", 0, DAY_MS, True
    ),
)
NAMES = [feature.name for feature in FEATURES]
NUMERIC = [feature.name for feature in FEATURES if feature.kind != "category"]
CATEGORIES = {feature.name: list(feature.values) for feature in FEATURES if feature.kind == "category"}


def conform(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the feature columns of `frame`, shape (n, 15), in order, checked and with their types; ValueError names the fault."""
    missing = [name for name in NAMES if name not in frame.columns]
    if missing:
        raise ValueError(f"missing columns: {', '.join(missing)}")
    return pd.DataFrame({feature.name: _column(frame[feature.name], feature) for feature in FEATURES})


def _column(column: pd.Series, feature: Feature) -> pd.Series:
    """One column of shape (n,) with the feature's type and within its limits."""
    if feature.kind == "category":
        return _category(column, feature)
    try:
        numbers = pd.to_numeric(column).astype("float64")
    except (TypeError, ValueError):
        raise ValueError(f"{feature.name}: expected numbers") from None
    if not feature.nullable and numbers.isna().any():
        raise ValueError(f"{feature.name}: missing in {numbers.isna().sum()} of {len(numbers)} rows")
    if not numbers.dropna().between(feature.minimum, feature.maximum).all():
        raise ValueError(f"{feature.name}: expected {feature.minimum} to {feature.maximum} {feature.unit}")
    if feature.kind == "number":
        return numbers
    if (numbers != np.floor(numbers)).any():
        raise ValueError(f"{feature.name}: expected whole numbers")
    return numbers.astype("int64")


def _category(column: pd.Series, feature: Feature) -> pd.Series:
    """One column of shape (n,) whose every value is one of the feature's."""
    unknown = sorted({str(value) for value in column.unique()} - set(feature.values))
    if unknown:
        raise ValueError(f"{feature.name}: unknown value {unknown[0]!r}, expected one of {', '.join(feature.values)}")
    return column.astype("str")
