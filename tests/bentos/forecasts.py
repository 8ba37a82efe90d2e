"""A forecaster that is trained in seconds, for tests of what is around it."""

from typing import Any

from bentos.traffic_forecaster import model as network
from bentos.traffic_forecaster.data import generate
from bentos.traffic_forecaster.train import Split, split


def quickly(seed: int = 1, epochs: int = 2) -> tuple[Any, Split]:
    """A network that has seen little, and the windows of three weeks."""
    cut = split(generate(3, seed))
    core = network.build(cut.known, seed)
    network.fit(core, cut.known, seed, epochs)
    return network.complete(core, network.stretch(core, cut.kept)), cut
