"""Who is asked what: each scenario is one model, its contenders, and the loads that each of them gets in turn."""

from dataclasses import dataclass, replace

from benchmarks import contenders as c
from benchmarks.contenders import Contender

Load = tuple[int, int]  # rows a call, connections


@dataclass(frozen=True)
class Scenario:
    """One model and those who serve it."""

    name: str
    model: str
    title: str
    contenders: tuple[Contender, ...]
    loads: tuple[Load, ...]
    seconds: int = 2
    rounds: int = 3
    variant: str = ""


OURS = (c.MODELPORT, c.BARE, c.FLOOR)
FASTAPI = (c.fastapi("async def", "FastAPI `async def`"), c.fastapi("def", "FastAPI `def`"))
LITSERVE = c.litserve("", "LitServe")
BENTOML = (c.bentoml("async def", "BentoML `async def`"), c.bentoml("def", "BentoML `def`"))
TRACED = (
    c.fastapi("async def tf.function", "FastAPI `async def`, `tf.function`"),
    c.litserve("tf.function", "LitServe, `tf.function`"),
    c.bentoml("async def tf.function", "BentoML `async def`, `tf.function`"),
    c.bentoml("def tf.function", "BentoML `def`, `tf.function`"),
)
EVERYONE = (*OURS, *FASTAPI, *BENTOML, LITSERVE, c.MLSERVER, c.RAY, c.MLFLOW)
EACH_LOAD: tuple[Load, ...] = ((1, 1), (1, 16), (1, 64), (32, 16))
EACH_UPLOAD: tuple[Load, ...] = ((1, 1), (1, 16))
BUSY: tuple[Load, ...] = ((1, 16), (32, 16))

SCENARIOS = (
    Scenario("tree", "tree", "Decision tree (depth 10, 10 numbers)", (*EVERYONE, c.ORIGINAL), EACH_LOAD),
    Scenario("forest", "forest", "RandomForest(100), 10 numbers", EVERYONE, EACH_LOAD),
    Scenario(
        "pipeline", "pipeline", "Pipeline with two categorical columns (gradient boosting)",
        (*OURS, *FASTAPI, *BENTOML, LITSERVE), BUSY,
    ),
    Scenario("lstm", "lstm", "Keras LSTM (24 steps of 4)", (*OURS, c.ORIGINAL, *FASTAPI, *TRACED), BUSY),
    Scenario(
        "image", "image", "MobileNetV2 (0.35, 96 by 96) on uploaded JPEGs of 1280 by 720",
        tuple(map(c.upload, (c.MODELPORT, c.fastapi("upload async def", "FastAPI `async def`, `tf.function`"),
        c.fastapi("upload def", "FastAPI `def`, `tf.function`")))), EACH_UPLOAD,
    ),
    Scenario(
        "slow", "slow", "A Pipeline that scikit-learn itself serves, not compiled",
        (c.MODELPORT, c.BARE), ((1, 16),), rounds=5, variant="original",
    ),
    Scenario(
        "growth", "tree", "The decision tree behind a full registry",
        (c.MODELPORT, c.ENDPOINTS, c.KEYS), ((1, 16),), rounds=5,
    ),
)  # fmt: skip

QUICK = {
    "tree": ("modelport", "bare", "floor", "fastapi-async-def", "bentoml-async-def", "litserve", "mlserver"),
    "lstm": ("modelport", "floor", "fastapi-async-def", "fastapi-async-def-tf.function"),
}


def quick() -> tuple[Scenario, ...]:
    """The few contenders and loads that fit in five minutes."""
    few = []
    for scenario in SCENARIOS:
        names = QUICK.get(scenario.name, ())
        chosen = tuple(contender for contender in scenario.contenders if contender.name in names)
        if chosen:
            few.append(replace(scenario, contenders=chosen, loads=BUSY[:1], rounds=2))
    return tuple(few)
