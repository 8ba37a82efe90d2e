"""Flows to learn from: a synthetic set made from one traffic model per application.

Each model draws what its application does (rates, object sizes, codecs, ticks); `_observe` then turns that into what a flow
meter would see. The README says what the models leave out.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from bentos.traffic_classifier.features import CLASSES, NAMES, PORTS

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Random = np.random.Generator

SMALLEST, MTU = 40.0, 1500.0  # bytes: a bare TCP acknowledgement, an Ethernet payload
ACTIVE_TIMEOUT_S = 300.0  # flow meters report a longer flow in pieces
CUT_SHARE = 0.08  # flows that end within their first packets: refused, cancelled, picked up late


class Direction(NamedTuple):
    """What is sent one way, arrays of shape (n,): packets expected, their size and spread in bytes, burstiness of the gaps."""

    packets: Floats
    size: Floats
    spread: Floats
    burstiness: Floats  # standard deviation of the gaps over their mean: 0 is a metronome, 1 Poisson, above bursts


class Traffic(NamedTuple):
    """What an application does in n flows; `udp` is the share of UDP, `ports` the shares of the port classes."""

    duration_s: Floats
    up: Direction
    down: Direction
    udp: float
    ports: tuple[float, float, float, float]


def _lognormal(rng: Random, n: int, median: float, sigma: float, low: float, high: float) -> Floats:
    """Draw n values around `median`, heavy to the right, kept within low and high."""
    return np.clip(median * np.exp(sigma * rng.standard_normal(n)), low, high)


def _full(rng: Random, n: int, packets: Floats, burstiness: Floats) -> Direction:
    """Bulk data: nearly every packet is full."""
    return Direction(packets, rng.normal(1380, 55, n), _lognormal(rng, n, 170, 0.5, 20, 600), burstiness)


def _acknowledgements(rng: Random, n: int, packets: Floats, burstiness: Floats) -> Direction:
    """The answer to bulk data: one small packet for every two to ten."""
    return Direction(packets * rng.uniform(0.1, 0.55, n), rng.uniform(44, 84, n), rng.uniform(5, 90, n), burstiness)


def streaming(rng: Random, n: int) -> Traffic:
    """Adaptive video: a chunk of 2-6 s is fetched at line speed, then the line rests until the player's buffer has room."""
    bitrate = _lognormal(rng, n, 4e6, 0.7, 3e5, 2.5e7)
    duration = _lognormal(rng, n, 70, 1.0, 2, ACTIVE_TIMEOUT_S)
    packets_per_chunk = bitrate * rng.uniform(2, 6, n) / 8 / 1390
    # A player that fills its buffer, or a short clip, never rests: that looks like a download.
    rest = np.where(rng.random(n) < 0.05, rng.uniform(0.05, 0.3, n), rng.uniform(0.3, 0.95, n))
    burstiness = 1 + rest * np.sqrt(packets_per_chunk)
    packets = bitrate * duration / 8 / 1390
    up = _acknowledgements(rng, n, packets, burstiness * rng.uniform(0.6, 1.0, n))
    return Traffic(duration, up, _full(rng, n, packets, burstiness), 0.45, (0.93, 0.01, 0.05, 0.01))


def browsing(rng: Random, n: int) -> Traffic:
    """Web pages: a few requests, heavy-tailed answers, then a connection kept open while the reader reads."""
    requests = rng.geometric(0.25, n).astype(np.float64)
    bytes_down = _lognormal(rng, n, 20e3, 1.6, 400, 2e8)
    duration = _lognormal(rng, n, 4, 1.4, 0.05, ACTIVE_TIMEOUT_S)
    decades = np.log10(bytes_down / 20e3)  # the larger the answers, the fuller the packets
    spread = rng.normal(520, 60, n) - 55 * decades
    size = rng.normal(900, 170, n) + 120 * decades
    down = Direction(2 * requests + bytes_down / 1100, size, spread, rng.uniform(1.5, 9, n))
    size_up = 52 + rng.uniform(300, 1100, n) / (3 + down.packets / requests / 3)
    packets_up = 3 * requests + down.packets * rng.uniform(0.3, 0.7, n)
    up = Direction(packets_up, size_up, rng.uniform(40, 260, n), rng.uniform(1.5, 8, n))
    return Traffic(duration, up, down, 0.3, (0.95, 0.02, 0.025, 0.005))


def gaming(rng: Random, n: int) -> Traffic:
    """Online games: inputs up and world updates down, small packets at 20-60 Hz each way, for minutes."""
    duration = _lognormal(rng, n, 110, 1.0, 2, ACTIVE_TIMEOUT_S)
    rates = rng.choice([20.0, 30.0, 40.0, 60.0], (2, n)) * rng.uniform(0.8, 1.05, (2, n))
    up = Direction(rates[0] * duration, rng.normal(82, 18, n), rng.uniform(4, 35, n), rng.uniform(0.1, 0.9, n))
    size_down = _lognormal(rng, n, 175, 0.45, 60, 900)
    down = Direction(rates[1] * duration, size_down, size_down * rng.uniform(0.06, 0.6, n), rng.uniform(0.1, 0.9, n))
    return Traffic(duration, up, down, 0.88, (0.04, 0.01, 0.72, 0.23))


def voip(rng: Random, n: int) -> Traffic:
    """Calls: one 20 ms voice frame per packet, 50 packets/s of 60-200 bytes both ways, fewer while somebody is silent."""
    duration = _lognormal(rng, n, 90, 1.0, 2, ACTIVE_TIMEOUT_S)
    size = rng.choice([62.0, 102.0, 135.0, 202.0], n, p=[0.15, 0.3, 0.25, 0.3])
    variable = rng.random(n) < 0.45  # a codec such as Opus; the others send frames of one size
    suppressed = rng.random(n) < 0.3
    up, down = (_voice(rng, duration, size, variable, suppressed) for _ in range(2))
    return Traffic(duration, up, down, 0.93, (0.05, 0.01, 0.54, 0.4))


def _voice(rng: Random, duration: Floats, size: Floats, variable: Flags, suppressed: Flags) -> Direction:
    """One party's half of n calls."""
    n = len(duration)
    rate = 50 * np.where(suppressed, rng.uniform(0.35, 0.75, n), rng.uniform(0.96, 1.0, n))
    spread = np.where(variable, rng.uniform(6, 32, n), rng.uniform(0, 3, n))
    burstiness = np.where(suppressed, rng.uniform(0.7, 3.0, n), rng.uniform(0.03, 0.6, n))
    return Direction(rate * duration, size + rng.normal(0, 4, n), spread, burstiness)


def file_transfer(rng: Random, n: int) -> Traffic:
    """Downloads, and uploads in one of three: full packets as fast as the path allows, one window per round trip."""
    rate = _lognormal(rng, n, 2.5e7, 1.0, 1e6, 9e8)
    size = _lognormal(rng, n, 6e6, 1.8, 3e4, 4e9)
    duration = np.clip(size * 8 / rate, 0.05, ACTIVE_TIMEOUT_S)
    packets = rate * duration / 8 / 1390
    window = np.minimum(rate * rng.uniform(0.01, 0.08, n) / 8 / 1390, 1000)  # packets per round trip
    burstiness = 0.6 + rng.uniform(0.05, 0.75, n) * np.sqrt(window)
    bulk = _full(rng, n, packets, burstiness)
    answer = _acknowledgements(rng, n, packets, burstiness * rng.uniform(0.6, 1.0, n))
    upload = rng.random(n) < 0.33
    up = Direction(*(np.where(upload, *pair) for pair in zip(bulk, answer, strict=True)))
    down = Direction(*(np.where(upload, *pair) for pair in zip(answer, bulk, strict=True)))
    return Traffic(duration, up, down, 0.15, (0.62, 0.18, 0.12, 0.08))


MODELS = {model.__name__: model for model in (browsing, file_transfer, gaming, streaming, voip)}


def generate(rows: int, seed: int) -> pd.DataFrame:
    """Draw `rows` flows, the same for the same seed: feature columns and `label`, classes in equal shares, shuffled."""
    rng = np.random.default_rng(seed)
    shares = np.bincount(np.arange(rows) % len(CLASSES), minlength=len(CLASSES))
    counts = zip(CLASSES, shares, strict=True)
    parts = [_observe(rng, MODELS[name](rng, n), n).assign(label=name) for name, n in counts if n]
    return pd.concat(parts, ignore_index=True).iloc[rng.permutation(rows)].reset_index(drop=True)


def _observe(rng: Random, traffic: Traffic, n: int) -> pd.DataFrame:
    """What a flow meter reports of n flows."""
    longest = 1 + np.maximum(traffic.up.packets, traffic.down.packets)
    kept = np.where(rng.random(n) < CUT_SHARE, np.minimum(1.0, rng.exponential(6, n) / longest), 1.0)
    packets_up, packets_down = 1 + rng.poisson(traffic.up.packets * kept), rng.poisson(traffic.down.packets * kept)
    duration = np.where(packets_up + packets_down > 1, traffic.duration_s * kept, 0.0).round(6)
    columns = {
        "protocol": np.where(rng.random(n) < traffic.udp, "udp", "tcp"),
        "port_class": rng.choice(PORTS, n, p=traffic.ports),
        "duration_s": duration,
        **_observe_direction(rng, "up", traffic.up, packets_up, duration),
        **_observe_direction(rng, "down", traffic.down, packets_down, duration),
    }
    return pd.DataFrame(columns)[NAMES]


def _observe_direction(
    rng: Random, side: str, sent: Direction, packets: npt.NDArray[np.int64], duration: Floats
) -> dict[str, npt.NDArray[np.generic]]:
    """The columns of one direction, arrays of shape (n,), with the sampling noise that few packets have."""
    n, count = len(packets), np.maximum(packets, 1)
    noise = np.sqrt(rng.chisquare(np.maximum(count - 1, 1)) / count)  # of a standard deviation over `count` packets
    size = np.clip(sent.size + sent.spread / np.sqrt(count) * rng.standard_normal(n), SMALLEST, MTU)
    total = np.rint(size * packets).astype(np.int64)
    mean = total / count
    # No spread within two limits is wider than half of the packets at each; of one packet there is none.
    widest = np.sqrt(np.maximum((mean - SMALLEST) * (MTU - mean), 0)) * (count > 1)
    gaps = np.maximum(packets - 1, 1)
    gap = 1000 * duration * rng.uniform(0.9, 1, n) / gaps
    gap_spread = gap * np.minimum(sent.burstiness * noise, np.sqrt(gaps - 1))
    return {
        f"packets_{side}": packets,
        f"bytes_{side}": total,
        f"packet_size_mean_{side}": np.where(packets > 0, mean.round(2), np.nan),
        f"packet_size_std_{side}": np.where(packets > 0, np.minimum(sent.spread * noise, widest).round(2), np.nan),
        f"inter_arrival_mean_{side}_ms": np.where(packets > 1, gap.round(4), np.nan),
        f"inter_arrival_std_{side}_ms": np.where(packets > 1, gap_spread.round(4), np.nan),
    }
