"""A scikit-learn file becomes an endpoint; the same file again makes nothing new, a changed one the next version."""

import pytest
import yaml

from services.inference.manifest import sha256_of
from services.security.api_keys import is_well_formed
from tests.services.exporting.conftest import Shop
from tests.services.exporting.samples import constant, iris


@pytest.fixture(scope="module")
def shop(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A copy of the shop: these tests change it."""
    return shop.copy(tmp_path_factory.mktemp("sklearn") / "shop")


def test_export_prints_one_object(shop: Shop) -> None:
    assert list(shop.said) == ["endpoint", "url", "api_key", "model", "bento", "runtime", "signature"]
    assert shop.said["endpoint"] == "iris"
    assert shop.said["url"] == "http://127.0.0.1:3000/api/predict/iris"
    assert is_well_formed(shop.key)
    assert shop.said["model"] == {
        "name": "iris", "version": "1", "framework": "sklearn", "sha256": sha256_of(shop.model),
    }  # fmt: skip
    assert str(shop.said["bento"]).startswith("iris:v")
    assert shop.said["runtime"] == "onnx"


def test_it_tells_each_step_on_stderr_and_no_warning_of_anybody(shop: Shop) -> None:
    assert shop.told.splitlines() == [
        "iris.joblib is a pickle: loading it runs whatever code is inside. Load only files you trust.",
        "Checking the file …",
        "Loading the model …",
        "Compiling it …",
        "Building the Bento …",
        "Replaying the sample through the built Bento …",
    ]


def test_list_and_show_know_it(shop: Shop) -> None:
    (listed,) = shop.place.run("list", "-o", "json").json()
    assert (listed["endpoint"], listed["version"], listed["bento"]) == ("iris", "1", shop.said["bento"])
    shown = shop.place.run("show", "iris", "-o", "json").json()
    assert shown["signature"] == shop.said["signature"]
    assert shown["rate_limit"] == "7/2 minutes"


def test_bentoml_lists_the_bento_and_the_model(shop: Shop) -> None:
    assert [bento["tag"] for bento in shop.place.bentoml("list")] == [shop.said["bento"]]
    assert [model["tag"] for model in shop.place.bentoml("models", "list")] == [shop.said["bento"]]
    assert shop.place.bentoml("get", "iris:latest")["name"] == "iris"


def test_the_bento_holds_its_model_pinned_requirements_and_our_code_alone(shop: Shop) -> None:
    folder = shop.place.stores / "bentos" / str(shop.said["bento"]).replace(":", "/")
    described = yaml.safe_load((folder / "bento.yaml").read_text())
    assert [model["tag"] for model in described["services"][0]["models"]] == [shop.said["bento"]]
    assert described["args"] == {"endpoint": "iris", "model": shop.said["bento"], "version": "1"}
    assert {path.name for path in (folder / "src").iterdir()} == {"bentofile.yaml", "registry", "services"}
    needed = (folder / "env/python/requirements.txt").read_text().split()
    assert {line.partition("==")[0] for line in needed} >= {"bentoml", "onnxruntime", "sqlmodel", "psycopg[binary]"}
    assert all("==" in line for line in needed)
    unwanted = [path for path in folder.rglob("*") if path.name == ".env" or path.suffix in (".db", ".pyc")]
    assert unwanted == []


def test_the_bento_has_every_module_that_the_endpoint_imports(shop: Shop) -> None:
    source = shop.place.stores / "bentos" / str(shop.said["bento"]).replace(":", "/") / "src"
    script = (
        f"import sys; sys.path.insert(0, {str(source)!r}); import bentoml; bentoml.load({shop.said['bento']!r});"
        "ours = [m.__file__ for n, m in sys.modules.items() if n.split('.')[0] in ('services', 'registry')];"
        f"print(all(file.startswith({str(source)!r}) for file in ours), len(ours) > 20)"
    )
    assert shop.place.python("-c", script) == "True True\n"


def test_no_secret_is_written_down(shop: Shop) -> None:
    pepper = (shop.place.home / "secrets/pepper").read_text().strip()
    secrets = [shop.key.split("_")[3], pepper]
    holders = {
        path.relative_to(shop.place.folder).as_posix()
        for path in shop.place.folder.rglob("*")
        if path.is_file() and any(secret.encode() in path.read_bytes() for secret in secrets)
    }
    assert holders == {"registry/secrets/pepper"}
    assert (shop.place.home / "secrets/pepper").stat().st_mode & 0o777 == 0o600
    env_file = [
        path
        for path in shop.place.stores.rglob("*")
        if path.is_file() and b"marker-of-the-env-file" in path.read_bytes()
    ]
    assert env_file == []


def test_an_export_leaves_nothing_but_registry_and_stores(shop: Shop) -> None:
    left = {path.name for path in shop.place.home.iterdir()} - {"registry.db-wal", "registry.db-shm"}
    assert left == {"registry.db", "secrets", "exports"}
    assert list((shop.place.home / "exports").iterdir()) == []
    assert list((shop.place.stores / "tmp").iterdir()) == []
    assert list((shop.place.folder / "tmp").iterdir()) == []


def test_the_same_file_again_makes_nothing_new(shop: Shop) -> None:
    before = shop.place.listing()
    done = shop.place.run("export", shop.model, "--allow-pickle", "-o", "json")
    assert done.json() == shop.said | {"api_key": None}
    assert shop.place.listing() == before
    told = shop.place.run("export", shop.model, "--sample", "rows.csv", "--allow-pickle")
    assert "No new key" in told.err
    assert shop.place.listing() == before


def test_the_same_file_with_another_limit_changes_the_limit(shop: Shop) -> None:
    shop.place.run("export", shop.model, "--rate-limit", "9/second", "--allow-pickle", "-o", "json").json()
    assert shop.place.run("show", "iris", "-o", "json").json()["rate_limit"] == "9/second"


@pytest.mark.slow
def test_a_changed_file_makes_the_next_version_and_keeps_the_old_one(shop: Shop) -> None:
    model = iris(shop.place.folder, seed=1)
    done = shop.place.run("export", model, "--sample", "rows.csv", "--allow-pickle", "-o", "json").json()
    assert (done["endpoint"], done["model"]["version"], done["api_key"]) == ("iris", "2", None)
    both = sorted(str(tag).partition(":")[2] for tag in (shop.said["bento"], done["bento"]))
    assert shop.place.versions("iris") == {"models": both, "bentos": both}
    latest = shop.place.stores / "bentos/iris/latest"
    assert latest.read_text() == done["bento"].partition(":")[2]
    assert len(shop.place.run("keys", "list", "-o", "json").json()) == 1


@pytest.mark.slow
def test_a_bento_that_was_deleted_behind_our_back_is_made_anew(shop: Shop) -> None:
    model = constant(shop.place.folder, 5.0, name="lost.joblib")
    first = shop.place.run("export", model, "--name", "lost", "--allow-pickle", "-o", "json").json()
    shop.place.python("-m", "bentoml", "delete", "--yes", first["bento"])
    again = shop.place.run("export", model, "--name", "lost", "--allow-pickle", "-o", "json").json()
    assert (again["model"]["version"], again["api_key"]) == ("2", None)
    assert shop.place.run("delete", "lost", "--yes").code == 0


@pytest.mark.slow
def test_a_model_of_another_scikit_learn_gets_a_note(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sklearn.base.__version__", "1.0.2")
    model = constant(shop.place.folder, 3.0, name="old.joblib")
    done = shop.place.run("export", model, "--allow-pickle")
    assert done.code == 0
    (note,) = [line for line in done.err.splitlines() if line.startswith("Note: ")]
    assert note.startswith("Note: the model was saved by scikit-learn 1.0.2, this is 1.")
    assert shop.place.run("delete", "old", "--yes").code == 0


def test_delete_leaves_stores_that_bentoml_reads(shop: Shop) -> None:
    assert shop.place.run("delete", "iris", "--yes").code == 0
    assert shop.place.run("list", "-o", "json").json() == []
    assert shop.place.bentoml("list") == shop.place.bentoml("models", "list") == []
    assert {path.name for path in shop.place.stores.iterdir()} >= {"models", "bentos", "tmp"}
