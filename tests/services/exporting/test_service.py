"""A folder with a hand-written service: built with the platform's guard beside it, its methods' types as signature."""

import re
from pathlib import Path

import pytest

from registry.errors import ExportError
from services.packaging import build_service
from services.packaging.job import Job
from tests.cli.terminal import Command
from tests.services.exporting.place import Place

SERVICE = """
import bentoml
from pydantic import BaseModel, Field
from services.guarded import GuardedService

class Pair(BaseModel):
    a: float = Field(examples=[1.0])
    b: float = Field(examples=[2.0])

@bentoml.service(service_class=GuardedService)
class Adder:
    @bentoml.api(route="/sums/add", input_spec=Pair)
    def add(self, a: float, b: float) -> float:
        "Add two numbers."
        return a + b
"""
BENTOFILE = 'service: "service:Adder"\ninclude: ["service.py"]\npython:\n  packages: ["pydantic>=2", "uvloop"]\n'


def write(folder: Path, service: str = SERVICE, bentofile: str = BENTOFILE) -> Path:
    """The folder of a service."""
    folder.mkdir(exist_ok=True)
    (folder / "service.py").write_text(service)
    (folder / "bentofile.yaml").write_text(bentofile)
    (folder / ".env").write_text("SECRET=1")
    (folder / "notes.txt").write_text("not for the Bento")
    return folder


@pytest.mark.slow
def test_a_service_becomes_an_endpoint(place: Place) -> None:
    folder = write(place.folder / "Adder")
    said = place.run("export", folder, "-o", "json").json()
    assert (said["endpoint"], said["url"]) == ("adder", "http://127.0.0.1:3000/sums/add")
    assert (said["runtime"], said["model"]["framework"]) == ("service", "bentoml")
    (route,) = said["signature"]["routes"]
    assert (route["path"], route["example"]) == ("/sums/add", {"a": 1.0, "b": 2.0})
    source = place.stores / "bentos" / said["bento"].replace(":", "/") / "src"
    assert {path.name for path in source.iterdir()} - {"__pycache__"} == {
        "bentofile.yaml",
        "service.py",
        "registry",
        "services",
    }
    needed = (source.parent / "env/python/requirements.txt").read_text().splitlines()
    assert "pydantic>=2" in needed
    assert [line for line in needed if line.startswith(("uvloop", "pydantic=="))] == ["uvloop"]
    again = place.run("export", folder, "-o", "json").json()
    assert again == said | {"api_key": None}
    assert place.run("delete", "adder", "--yes").code == 0
    assert not [path for path in (place.stores / "bentos").rglob("*") if path.is_file()]


@pytest.mark.slow
def test_a_service_says_how_often_it_may_be_called_until_somebody_says_otherwise(place: Place) -> None:
    limited = SERVICE.replace("class Adder:", "class Adder:\n    rate_limit = '100 per hour'")
    folder = write(place.folder / "adder", limited)
    place.run("export", folder)
    assert place.run("show", "adder", "-o", "json").json()["rate_limit"] == "100/hour"
    place.run("export", folder, "--rate-limit", "5/minute")
    assert place.run("show", "adder", "-o", "json").json()["rate_limit"] == "5/minute"
    write(folder, limited.replace("a + b", "b + a"))
    place.run("export", folder)
    assert place.run("show", "adder", "-o", "json").json()["rate_limit"] == "5/minute", (
        "what an operator set outlives a new version"
    )


@pytest.mark.parametrize(
    ("service", "bentofile", "reason"),
    [
        (SERVICE.replace("service_class=GuardedService", ""), BENTOFILE, "the service has no guard: write @bentoml"),
        (SERVICE.replace("class Pair(", "class Pair(("), BENTOFILE, "the service can't be built: SyntaxError:"),
        ("import no_such_module", BENTOFILE, "No module named 'no_such_module'"),
        pytest.param(
            SERVICE.replace("class Adder", "class Other"),
            BENTOFILE,
            "the service can't be built:",
            marks=pytest.mark.slow,
        ),
        ("import os; os._exit(0)", BENTOFILE, "exit code 0"),
        (SERVICE, "service: [", "bentofile.yaml is no YAML (line 1:"),
        pytest.param(
            SERVICE.replace("class Adder:", "class Adder:\n    rate_limit = 'often'"),
            BENTOFILE,
            "the service's `rate_limit`: 'often' is not a limit",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_folder_that_is_no_service(
    modelport: Command, tmp_path: Path, service: str, bentofile: str, reason: str
) -> None:
    done = modelport("export", write(tmp_path / "adder", service, bentofile))
    assert (done.code, done.out) == (1, "")
    assert reason in done.err.splitlines()[-1]
    assert "Traceback" not in done.err
    assert not [path for path in (tmp_path / "bentoml").rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("bentofile", "reason"),
    [
        ("service: [", "bentofile.yaml is no YAML (line 1:"),
        ("name: x", 'bentofile.yaml names no `service`: write service: "service:Name"'),
        ("service: 3", "bentofile.yaml names no `service`"),
        (BENTOFILE.replace('["service.py"]', "service.py"), "bentofile.yaml: `include` must be a list"),
        ('service: "service:Adder"\npython: []', "bentofile.yaml: `python` must be a mapping"),
    ],
)
def test_a_bentofile_that_says_nothing_useful(tmp_path: Path, bentofile: str, reason: str) -> None:
    write(tmp_path / "model", bentofile=bentofile)
    job = Job(folder=tmp_path, parent=0, endpoint="adder", bento_version="v1", model_version="1", kind="service")
    with pytest.raises(ExportError, match=re.escape(reason)):
        build_service.work(job)


@pytest.mark.slow
def test_the_traffic_classifier(place: Place) -> None:
    train = ["-m", "bentos.traffic_classifier.train", "--rows", "2000"]
    folder = Path(__file__).parents[3] / "bentos" / "traffic_classifier"
    place.python(*train)
    first = place.run("export", folder, "-o", "json").json()
    assert (first["endpoint"], first["model"]["version"]) == ("traffic_classifier", "1")
    assert place.run("export", folder, "-o", "json").json() == first | {"api_key": None}
    place.python(*train, "--seed", "8")
    second = place.run("export", folder, "-o", "json").json()
    assert (second["model"]["version"], second["api_key"]) == ("2", None)
    trained = place.versions("traffic_classifier")["models"]
    assert len(trained) == 2
    assert len(place.versions("traffic_classifier")["bentos"]) == 2
    assert place.run("delete", "traffic_classifier", "--yes").code == 0
    assert place.bentoml("list") == []
    assert len(place.bentoml("models", "list")) == 2  # what its training saved is not ours to delete


SAVE = """
import numpy as np
from sklearn.linear_model import LogisticRegression
from services.packaging.save_model import save_model

rows = np.arange(100.0).reshape(50, 2)
save_model("halves", LogisticRegression().fit(rows, rows[:, 0] > 40), rows, framework="sklearn")
"""
HALVES = """
import bentoml
from bentoml.models import BentoModel
from pydantic import BaseModel, Field
from services.guarded import GuardedService
from services.inference.stored import load_model

class Pair(BaseModel):
    a: float = Field(examples=[1.0])
    b: float = Field(examples=[2.0])

@bentoml.service(service_class=GuardedService)
class Halves:
    saved = BentoModel("halves:latest")

    def __init__(self) -> None:
        self.model = load_model(self.saved.tag)

    @bentoml.api(route="/halves", input_spec=Pair)
    async def half(self, a: float, b: float) -> bool:
        "Which half."
        return (await self.model([(a, b)]))[0]["label"]
"""


@pytest.mark.slow
def test_a_service_says_what_serves_its_model(place: Place) -> None:
    place.python("-c", SAVE)
    bentofile = BENTOFILE.replace("Adder", "Halves")
    folder = write(place.folder / "halves", HALVES, bentofile)
    refused = place.run("export", folder)
    assert refused.code == 1
    assert "is served by: add onnxruntime to `packages`" in refused.err
    write(folder, HALVES, bentofile.replace('"uvloop"', '"onnxruntime"'))
    assert place.run("export", folder, "-o", "json").json()["endpoint"] == "halves"
