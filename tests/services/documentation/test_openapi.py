"""The one document: made of the signatures, valid, and whole even when one endpoint can't be described."""

import json
from typing import Any

import pytest
from fastapi.openapi.models import OpenAPI

from registry.catalog import EndpointStatus
from services.directory import EndpointEntry
from services.documentation.openapi import document, service_document
from services.limits.rule import Limit

SIGNATURE = {
    "inputs": [{"name": "age", "dtype": "int64", "shape": []}, {"name": "x y", "dtype": "float64", "shape": []}],
    "layout": "frame",
    "task": "classification",
    "outputs": [{"name": None, "shape": [], "classes": ["no", "yes"], "probabilities": True}],
    "example": {"age": 41, "x y": 0.5},
}
FLOW = {"type": "object", "properties": {"port": {"$ref": "#/$defs/Port"}}, "$defs": {"Port": {"type": "integer"}}}


def entry(number: int, name: str, **changes: Any) -> EndpointEntry:
    """An endpoint as a worker knows it."""
    known = {
        "id": number,
        "name": name,
        "path": f"/api/predict/{name}",
        "status": EndpointStatus.ACTIVE,
        "reason": None,
    }
    about = {"limit": Limit(1, 1), "model": name, "version": "3", "framework": "sklearn", "tag": None, "bento": "b:1"}
    rest = {"import_path": None, "size_bytes": 1, "signature": SIGNATURE}
    return EndpointEntry(**{**known, **about, **rest, **changes})


def service(number: int, name: str, *paths: str) -> EndpointEntry:
    """A hand-written service's endpoint."""
    routes = [
        {"path": path, "summary": f"By {name}", "input": FLOW, "output": FLOW, "example": {"port": 1}} for path in paths
    ]
    return entry(number, name, path=paths[0], import_path="service:Service", signature={"routes": routes})


def references(node: Any) -> set[str]:
    """Every `$ref` in a document."""
    if isinstance(node, list):
        return set().union(*map(references, node))
    if not isinstance(node, dict):
        return set()
    own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
    return own.union(*map(references, node.values()))


@pytest.mark.parametrize(
    "entries", [[], [entry(1, "churn")], [entry(1, "churn"), service(2, "flows", "/flow", "/port")]]
)
def test_the_document_is_valid_and_all_its_references_lead_somewhere(entries: list[EndpointEntry]) -> None:
    made = document(entries)

    assert OpenAPI.model_validate(made).openapi == "3.1.0"
    for reference in references(made):
        place = made
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]
    operations = [item for path in made["paths"].values() for item in path.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)


def test_an_endpoint_has_its_schema_its_example_and_every_way_to_fail() -> None:
    operation = document([entry(1, "churn")])["paths"]["/api/predict/churn"]["post"]
    content = operation["requestBody"]["content"]["application/json"]

    assert content["example"] == {"instances": [{"age": 41, "x y": 0.5}]}
    assert "x y" in json.dumps(content["schema"]) and "version 3" in operation["summary"]
    assert operation["responses"].keys() == {
        "200",
        "400",
        "401",
        "403",
        "404",
        "405",
        "413",
        "415",
        "429",
        "500",
        "503",
    }


def test_health_needs_no_key_and_all_else_does() -> None:
    made = document([entry(1, "churn")])

    assert made["security"] == [{"ApiKey": []}, {"Bearer": []}]
    assert [path for path, item in made["paths"].items() if item.get("get", {}).get("security") == []] == [
        "/livez",
        "/readyz",
        "/health",
    ]


def test_two_services_definitions_of_one_name_stay_apart() -> None:
    schemas = document([service(1, "a", "/a"), service(2, "b", "/b")])["components"]["schemas"]

    assert {"a.Port", "b.Port", "Error"} <= schemas.keys()


def test_of_two_services_with_one_route_the_older_is_described() -> None:
    made = document([service(2, "newer", "/flow"), service(1, "older", "/flow")])

    assert made["paths"]["/flow"]["post"]["summary"] == "By older"


@pytest.mark.parametrize("damage", [{}, {"routes": []}, {"inputs": "none"}, {**SIGNATURE, "task": "magic"}])
def test_an_endpoint_that_cant_be_described_hides_no_other(damage: dict[str, Any]) -> None:
    made = document([entry(1, "bad", signature=damage), entry(2, "good")])

    assert "/api/predict/good" in made["paths"] and "/api/predict/bad" not in made["paths"]


def test_a_service_by_itself_is_described_the_same_way() -> None:
    routes = service(1, "flows", "/flow").signature["routes"]

    assert service_document("flows", routes)["paths"] == document([service(1, "flows", "/flow")])["paths"]
