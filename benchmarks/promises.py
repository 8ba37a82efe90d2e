"""What Modelport promises of its speed, as figures that the benchmark's results either reach or don't."""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from benchmarks.results import Results

ALL = Mapping[str, Results]


class Promise(NamedTuple):
    """A bound, and how its figure comes out of the results."""

    what: str
    bound: float
    is_floor: bool  # at least, else at most
    unit: str
    measure: Callable[[ALL], float]

    def kept(self, value: float) -> bool:
        """Whether the figure is on the right side."""
        return value >= self.bound if self.is_floor else value <= self.bound


def faster(scenario: str, others: tuple[str, ...], load: str = "1x16") -> Callable[[ALL], float]:
    """Modelport's requests a second over the best of the others'."""
    return lambda results: min(results[scenario].ratio("modelport", other, load) for other in others)


def than_every_peer(scenario: str) -> Callable[[ALL], float]:
    """The same at 32 rows over the best of all peers."""
    return lambda results: min(results[scenario].ratio("modelport", peer, "32x16") for peer in results[scenario].peers)


def tail_under_medians(results: ALL) -> float:
    """Modelport's p99 over the best peer's p50, on the forest."""
    found = results["forest"]
    return found.load("modelport", "1x16", "p99").median / min(
        found.load(peer, "1x16", "p50").median for peer in found.peers
    )


def stack_cost(results: ALL) -> float:
    """µs of the worker's processor time a request that the stack adds on the compiled tree."""
    found = results["tree"]
    return found.load("modelport", "1x16", "worker").median - found.load("bare", "1x16", "worker").median


def memory(results: ALL) -> float:
    """The compiled Keras worker's resident memory over TensorFlow's."""
    found = results["lstm"]
    return found.process("modelport", "rss").median / found.process("modelport-original", "rss").median


def grown(what: str) -> Callable[[ALL], float]:
    """The p50 with a full registry over that with one endpoint and one key."""
    return lambda results: results["growth"].ratio(what, "modelport", "1x16", "p50")


FASTAPI = ("fastapi-async-def", "fastapi-def")
TREE = "Decision tree, 1 row: requests/s over"
PROMISES = (
    Promise(f"{TREE} FastAPI `async def`", 3.5, True, "×", faster("tree", ("fastapi-async-def",))),
    Promise(f"{TREE} LitServe", 6, True, "×", faster("tree", ("litserve",))),
    Promise(f"{TREE} MLServer", 6, True, "×", faster("tree", ("mlserver",))),
    Promise(f"{TREE} BentoML `async def`", 10, True, "×", faster("tree", ("bentoml-async-def",))),
    Promise(f"{TREE} the floor", 0.75, True, "×", faster("tree", ("floor",))),
    Promise("RandomForest, 1 row: requests/s over FastAPI", 50, True, "×", faster("forest", FASTAPI)),
    Promise("RandomForest, 1 row: p99 over the best peer's p50", 1, False, "×", tail_under_medians),
    Promise("LSTM, 1 row: requests/s over FastAPI with `model.predict`", 20, True, "×", faster("lstm", FASTAPI)),
    Promise(
        "LSTM, 1 row: requests/s over FastAPI with `tf.function`", 3, True, "×",
        faster("lstm", ("fastapi-async-def-tf.function",)),
    ),
    Promise(
        "Image upload: requests/s over FastAPI with `tf.function`", 3, True, "×",
        faster("image", ("fastapi-upload-async-def", "fastapi-upload-def")),
    ),
    Promise("Decision tree, 32 rows: requests/s over the best peer", 1, True, "×", than_every_peer("tree")),
    Promise("RandomForest, 32 rows: requests/s over the best peer", 1, True, "×", than_every_peer("forest")),
    Promise("Pipeline, 32 rows: requests/s over the best peer", 1, True, "×", than_every_peer("pipeline")),
    Promise("LSTM, 32 rows: requests/s over the best peer", 1, True, "×", than_every_peer("lstm")),
    Promise("The stack's processor time in the worker, on the compiled tree", 40, False, " µs a request", stack_cost),
    Promise(
        "Requests/s with the stack over without, model of 400 µs or more", 0.85, True, "×", faster("slow", ("bare",))
    ),
    Promise("Resident memory, compiled LSTM over TensorFlow", 1 / 3, False, "×", memory),
    Promise("p50 with 1,000 endpoints over one", 1.1, False, "×", grown("endpoints")),
    Promise("p50 with 100,000 keys over one", 1.1, False, "×", grown("keys")),
)  # fmt: skip


def outcomes(results: ALL) -> Iterator[tuple[Promise, float | None]]:
    """Each promise with its figure, or None where a part of it wasn't measured."""
    for promise in PROMISES:
        try:
            yield promise, promise.measure(results)
        except (KeyError, ValueError):  # no such scenario, contender or load; no peer left
            yield promise, None
