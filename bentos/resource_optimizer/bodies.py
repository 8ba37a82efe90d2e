"""What `POST /traffic/optimize` takes and answers. Rates are bit/s; money is whole, in the smallest unit of your currency."""

from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from bentos.resource_optimizer.plan import Binding
from bentos.traffic_classifier.service import Flow, ModelVersion
from bentos.traffic_forecaster.service import Past

RATE, MONEY = 10**15, 10**9
MOST_CLASSES, MOST_FLOWS = 32, 256

EXAMPLE: JsonDict = {
    "link_capacity_bps": 1_000_000_000,
    "budget": 900,
    "classes": [
        {"name": "voip", "priority": 1, "guarantee_bps": 20_000_000,
         "instance_capacity_bps": 50_000_000, "max_instances": 4, "instance_cost": 40},
        {"name": "gaming", "priority": 2, "guarantee_bps": 40_000_000,
         "instance_capacity_bps": 80_000_000, "max_instances": 4, "instance_cost": 50},
        {"name": "streaming", "priority": 3, "guarantee_bps": 200_000_000,
         "instance_capacity_bps": 150_000_000, "max_instances": 6, "instance_cost": 60},
        {"name": "browsing", "priority": 4, "guarantee_bps": 100_000_000,
         "instance_capacity_bps": 100_000_000, "max_instances": 5, "instance_cost": 30},
        {"name": "file_transfer", "priority": 5, "guarantee_bps": 50_000_000,
         "instance_capacity_bps": 200_000_000, "max_instances": 3, "instance_cost": 45},
    ],
    "demands": {
        "voip": 35_000_000,
        "gaming": 90_000_000,
        "streaming": 620_000_000,
        "browsing": 210_000_000,
        "file_transfer": 320_000_000,
    },
}  # fmt: skip

FORMS = ({"demands"}, {"flows", "past"}, {"flows", "volume_bps"})
FORM_FIELDS = set().union(*FORMS)

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
_STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class ClassPolicy(BaseModel):
    """What is promised to one class of traffic, and what carries it."""

    model_config = _STRICT

    name: Name = Field(description="As the classifier or `demands` calls it.")
    priority: int = Field(ge=1, le=1000, description="1 is served first; no two classes have the same.")
    guarantee_bps: int = Field(0, ge=0, le=RATE, description="Kept free for the class, asked for or not, bit/s.")
    instance_capacity_bps: int = Field(ge=1, le=RATE, description="What one instance carries, bit/s.")
    max_instances: int = Field(ge=1, le=1000, description="The most instances that the class may have.")
    instance_cost: int = Field(ge=0, le=10**6, description="Of one instance, in the smallest unit of your money.")


class OptimizeRequest(BaseModel):
    """A link, its classes, and either each class's demand or what was measured, to forecast the demand from."""

    model_config = ConfigDict(**_STRICT, json_schema_extra={"examples": [EXAMPLE]})

    link_capacity_bps: int = Field(ge=1, le=RATE, description="What the link carries, bit/s.")
    budget: int | None = Field(
        None, ge=0, le=MONEY, description="The most that all instances may cost; null: no limit."
    )
    classes: list[ClassPolicy] = Field(min_length=1, max_length=MOST_CLASSES, description="All classes on the link.")
    demands: dict[Name, Annotated[int, Field(ge=0, le=RATE)]] | None = Field(
        None, min_length=1, description="What each class asks for, bit/s; 0 for a class that is left out."
    )
    flows: list[Flow] | None = Field(
        None,
        min_length=1,
        max_length=MOST_FLOWS,
        description="Instead of `demands`: flows seen on the link. Their bytes by class share out the volume.",
    )
    past: Past | None = Field(
        None,
        description="With `flows`: what the link carried, as `/traffic/forecast` takes it. "
        "The busiest interval of the horizon is planned for.",
    )
    plan_for: Literal["mean", "high"] = Field(
        "high", description="Which end of the forecast: what to expect, or what only one interval in twenty exceeds."
    )
    volume_bps: int | None = Field(
        None, ge=0, le=RATE, description="With `flows`, instead of `past`: what all classes ask for, bit/s."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        given = {name for name in FORM_FIELDS if getattr(self, name) is not None}
        if given not in FORMS:
            raise PydanticCustomError("form", "Send `demands`, or `flows` with `past` or with `volume_bps`")
        _refuse_twice("name", [policy.name for policy in self.classes])
        _refuse_twice("priority", [policy.priority for policy in self.classes])
        _refuse_unknown(self.demands or (), self.classes)
        return self


def _refuse_twice(field: str, values: list[Any]) -> None:
    twice = [str(value) for value, count in Counter(values).items() if count > 1]
    if twice:
        raise PydanticCustomError(
            "twice", "Two classes have the same {field}: {values}", {"field": field, "values": ", ".join(twice)}
        )


def _refuse_unknown(names: Iterable[str], classes: list[ClassPolicy]) -> None:
    unknown = sorted(set(names) - {policy.name for policy in classes})
    if unknown:
        raise PydanticCustomError("unknown", "No class has the name {names}", {"names": ", ".join(unknown)})


class ClassAllocation(BaseModel):
    """What one class gets."""

    name: str
    priority: int
    demand_bps: int = Field(description="What it asks for, bit/s.")
    guarantee_bps: int = Field(description="What it was promised, bit/s.")
    bandwidth_bps: int = Field(description="What it gets, bit/s: never less than its guarantee.")
    link_share: float = Field(ge=0, le=1, description="Of the link's capacity.")
    instances: int = Field(description="Needed to carry its bandwidth.")
    met_bps: int = Field(description="Demand that is served, bit/s.")
    unmet_bps: int = Field(description="Demand that is not, bit/s.")
    cost: int = Field(description="Of its instances.")
    binding: list[Binding] = Field(
        description="What keeps it from getting more; `guarantee` where that is all it gets."
    )


class Measured(BaseModel):
    """What the demands were made from, where none were given."""

    volume_bps: int = Field(description="What all classes ask for, bit/s.")
    shares: dict[str, float] = Field(description="Of the bytes of the flows, by class.")


class OptimizeResponse(BaseModel):
    """Who gets what, by priority, and what it comes to."""

    allocations: list[ClassAllocation]
    link_used_bps: int
    link_utilisation: float = Field(ge=0, le=1)
    unmet_bps: int
    total_cost: int
    measured: Measured | None
    models: list[ModelVersion] = Field(description="Those that were asked; none where demands were given.")
    request_id: str
