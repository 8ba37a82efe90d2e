"""No two endpoints may claim one address: only the older one would answer there."""

from pathlib import Path

import pytest

from registry import catalog, database
from registry.catalog import Model
from registry.errors import ExportError
from services.packaging.addresses import refuse_taken
from tests.cli.conftest import add_endpoint
from tests.cli.terminal import Command
from tests.services.exporting.test_service import SERVICE, write

ANOTHER_ROUTE = SERVICE.replace(
    "        return a + b",
    """        return a + b

    @bentoml.api(route="/api/predict/churn", input_spec=Pair)
    def steal(self, a: float, b: float) -> float:
        return a - b""",
)


def test_a_service_whose_second_route_is_anothers_is_refused(modelport: Command, tmp_path: Path) -> None:
    add_endpoint("churn")
    before = modelport("list", "-o", "json").json()
    done = modelport("export", write(tmp_path / "adder", ANOTHER_ROUTE))
    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines()[-1] == (
        "modelport: the endpoint churn already answers at /api/predict/churn: choose another name or route"
    )
    assert modelport("list", "-o", "json").json() == before
    assert not [path for path in (tmp_path / "bentoml").rglob("*") if path.is_file()]


@pytest.mark.parametrize("path", ["/sums/add", "/sums/subtract", "/api/predict/churn", "/api/predict/1"])
def test_every_address_of_another_endpoint_is_taken(home: Path, path: str) -> None:
    add_endpoint("churn")
    add_service("adder", "/sums/add", "/sums/subtract")
    with database.reading() as session, pytest.raises(ExportError, match=f"already answers at {path}:"):
        refuse_taken(session, "new", ["/own", path])


def test_the_platforms_own_addresses_are_nobodys(home: Path) -> None:
    add_endpoint("churn")
    with database.reading() as session, pytest.raises(ExportError, match="an address of the platform itself"):
        refuse_taken(session, "new", ["/own", "/auth/login"])


@pytest.mark.parametrize(
    ("name", "paths"), [("churn", ["/api/predict/churn"]), ("adder", ["/sums/add"]), ("new", ["/sums", "/x"])]
)
def test_what_is_free_or_its_own_is_not(home: Path, name: str, paths: list[str]) -> None:
    add_endpoint("churn")
    add_service("adder", "/sums/add", "/sums/subtract")
    with database.reading() as session:
        refuse_taken(session, name, paths)


def add_service(name: str, *routes: str) -> None:
    """Write the endpoint of a hand-written service as `export` would."""
    with database.session() as session:
        model = Model(
            name=name,
            version=1,
            framework="bentoml",
            sha256="0" * 64,
            source_sha256="",
            runtime="service",
            signature={"routes": [{"path": path} for path in routes]},
            size_bytes=0,
        )
        catalog.add_model(session, model, actor="test")
        catalog.put_endpoint(
            session, name=name, path=routes[0], model=model, bento="a:1", import_path="a:A", actor="test"
        )
