"""The typed endpoint: it plans from demands without any model, and says of every wrong request what is wrong with it."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bentos.resource_optimizer.bodies import EXAMPLE, OptimizeRequest
from bentos.resource_optimizer.demand import demands_of, rate_of, shares_of
from bentos.resource_optimizer.service import ResourceOptimizer
from bentos.traffic_classifier.service import EXAMPLE as FLOW
from bentos.traffic_forecaster.service import EXAMPLE as PAST
from registry.errors import InvalidInput
from services.inference.typed import example_of, typed_handlers

CLASSES: list[dict[str, Any]] = json.loads(json.dumps(EXAMPLE["classes"]))
VOIP, GAMING, *_ = CLASSES


def optimize(body: Any) -> Any:
    text = body if isinstance(body, str) else json.dumps(body)
    handlers = typed_handlers(ResourceOptimizer, ResourceOptimizer())
    return json.loads(asyncio.run(handlers["/traffic/optimize"](text.encode(), "r")))  # type: ignore[arg-type]


def refused(body: Any) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        optimize(body)
    return caught.value


def test_the_example_is_planned_without_any_model() -> None:
    answer = optimize(EXAMPLE)
    assert [got["name"] for got in answer["allocations"]] == [
        "voip",
        "gaming",
        "streaming",
        "browsing",
        "file_transfer",
    ]
    assert [got["bandwidth_bps"] // 10**6 for got in answer["allocations"]] == [35, 90, 620, 205, 50]
    assert (answer["link_used_bps"], answer["link_utilisation"], answer["total_cost"]) == (10**9, 1.0, 575)
    assert (answer["unmet_bps"], answer["models"], answer["measured"]) == (275 * 10**6, [], None)
    browsing, files = answer["allocations"][3:]
    assert (browsing["met_bps"], browsing["unmet_bps"], browsing["instances"], browsing["cost"]) == (
        205 * 10**6, 5 * 10**6, 3, 90,
    )  # fmt: skip
    assert files["binding"] == ["guarantee", "link_capacity"]


def test_the_documents_example_is_the_example() -> None:
    assert example_of(OptimizeRequest.model_json_schema()) == EXAMPLE


def test_the_order_of_the_classes_is_their_priority_not_their_place() -> None:
    answer = optimize({**EXAMPLE, "classes": CLASSES[::-1]})
    assert answer["allocations"] == optimize(EXAMPLE)["allocations"]


def test_a_class_without_a_demand_keeps_its_guarantee() -> None:
    voip = optimize({**EXAMPLE, "demands": {"gaming": 1}})["allocations"][0]
    assert (voip["demand_bps"], voip["bandwidth_bps"], voip["unmet_bps"]) == (0, 20_000_000, 0)


def test_what_excludes_each_other_is_named() -> None:
    error = refused({**EXAMPLE, "link_capacity_bps": 300_000_000})
    assert error.message == (
        "The guarantees of voip (20000000 bit/s), streaming (200000000 bit/s) and browsing (100000000 bit/s) "
        "sum to 320000000 bit/s, the link has 300000000 bit/s."
    )
    assert error.details["reason"] == "infeasible"
    assert {"constraint": "link_capacity"} in error.details["conflict"]
    assert {"constraint": "guarantee", "class": "browsing"} in error.details["conflict"]


MEASURED = {name: value for name, value in EXAMPLE.items() if name != "demands"}
WRONG: dict[str, tuple[Any, str]] = {
    "no capacity": (
        {**EXAMPLE, "link_capacity_bps": 0},
        "link_capacity_bps: Input should be greater than or equal to 1",
    ),
    "a negative capacity": ({**EXAMPLE, "link_capacity_bps": -1}, "link_capacity_bps: Input should be greater"),
    "NaN": (json.dumps({**EXAMPLE, "link_capacity_bps": float("nan")}), "NaN"),
    "an infinite capacity": (json.dumps({**EXAMPLE, "link_capacity_bps": float("inf")}), "NaN and Infinity"),
    "an endless capacity": ({**EXAMPLE, "link_capacity_bps": 10**400}, "link_capacity_bps: "),
    "half a bit": ({**EXAMPLE, "link_capacity_bps": 1.5}, "link_capacity_bps: Input should be a valid integer"),
    "text": ({**EXAMPLE, "link_capacity_bps": "1000"}, "link_capacity_bps: Input should be a valid integer"),
    "no class": ({**EXAMPLE, "classes": []}, "classes: List should have at least 1 item"),
    "too many classes": ({**EXAMPLE, "classes": CLASSES * 7}, "classes: List should have at most 32 items"),
    "a class twice": (
        {**EXAMPLE, "classes": [VOIP, GAMING, {**VOIP, "priority": 3}], "demands": {"voip": 1}},
        "Two classes have the same name: voip",
    ),
    "a priority twice": (
        {**EXAMPLE, "classes": [VOIP, {**GAMING, "priority": 1}], "demands": {"voip": 1}},
        "Two classes have the same priority: 1",
    ),
    "an instance that carries nothing": (
        {**EXAMPLE, "classes": [{**VOIP, "instance_capacity_bps": 0}]},
        "classes[0].instance_capacity_bps: Input should be greater than or equal to 1",
    ),
    "a negative cost": ({**EXAMPLE, "classes": [{**VOIP, "instance_cost": -1}]}, "classes[0].instance_cost: "),
    "an odd name": ({**EXAMPLE, "classes": [{**VOIP, "name": "<b>"}]}, "classes[0].name: String should match pattern"),
    "an unknown class": ({**EXAMPLE, "demands": {"fax": 1}}, "No class has the name fax"),
    "no demand": ({**EXAMPLE, "demands": {}}, "demands: Dictionary should have at least 1 item"),
    "a negative demand": ({**EXAMPLE, "demands": {"voip": -1}}, "demands.voip: Input should be greater"),
    "an unknown field": ({**EXAMPLE, "colour": "red"}, "Unknown field: colour"),
    "no field": ({}, "Missing required fields: link_capacity_bps, classes"),
    "no demand at all": (MEASURED, "Send `demands`, or `flows` with"),
    "demands twice": ({**EXAMPLE, "flows": [FLOW], "volume_bps": 1}, "Send `demands`, or `flows` with"),
    "flows without a volume": ({**MEASURED, "flows": [FLOW]}, "Send `demands`, or `flows` with"),
    "a volume without flows": ({**MEASURED, "volume_bps": 1}, "Send `demands`, or `flows` with"),
    "no flow": ({**MEASURED, "flows": [], "volume_bps": 1}, "flows: List should have at least 1 item"),
    "too many flows": (
        {**MEASURED, "flows": [FLOW] * 257, "volume_bps": 1},
        "flows: List should have at most 256 items",
    ),
    "a wrong flow": ({**MEASURED, "flows": [{**FLOW, "packets_up": 0}], "volume_bps": 1}, "flows[0].packets_up: Input"),
    "too short a past": (
        {**MEASURED, "flows": [FLOW], "past": {**PAST, "series": [[1.0, 1.0, 1.0]]}},
        "past.series: List should have at least 96 items",
    ),
    "no number": (
        {**MEASURED, "flows": [FLOW], "past": {**PAST, "series": [[None, 1, 1]] * 96}},
        "past.series[0][0]: Input should be a valid number",
    ),
    "a list": ([EXAMPLE], "Input should be"),
    "no JSON": ("{", "Invalid JSON"),
}


@pytest.mark.parametrize(("body", "said"), WRONG.values(), ids=WRONG)
def test_a_wrong_request_is_told_what_is_wrong_with_it(body: Any, said: str) -> None:
    assert said in refused(body).message


numbers = st.one_of(st.integers(), st.floats(), st.sampled_from([0, 1, 10**15, 10**6, -1]))
anything = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=5,
)


@given(field=st.sampled_from([*EXAMPLE, "flows", "past", "volume_bps"]), value=anything)
@settings(max_examples=60)
def test_whatever_is_sent_is_planned_or_refused(field: str, value: Any) -> None:
    try:
        assert optimize({**EXAMPLE, field: value})["allocations"]
    except InvalidInput as error:
        assert error.message


@given(field=st.sampled_from([*VOIP]), value=anything)
@settings(max_examples=60)
def test_whatever_a_class_says_is_planned_or_refused(field: str, value: Any) -> None:
    try:
        assert optimize({**EXAMPLE, "classes": [{**VOIP, field: value}, *CLASSES[1:]]})["allocations"]
    except InvalidInput as error:
        assert error.message


def test_shares_are_of_bytes() -> None:
    assert shares_of([("voip", 100), ("streaming", 600), ("voip", 100)]) == {"streaming": 0.75, "voip": 0.25}
    with pytest.raises(InvalidInput, match="none of them carries any"):
        shares_of([("voip", 0), ("streaming", 0)])


def test_a_volume_is_shared_out_and_rounded_up() -> None:
    assert demands_of({"a": 0.5, "b": 0.3, "c": 0.2}, 1001) == {"a": 501, "b": 301, "c": 201}
    assert rate_of(15 * 60, 15) == 8
    assert rate_of(-1.0, 15) == 0
