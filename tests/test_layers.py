"""Holds the arrows between the packages: what may import what, and that no framework is imported at the top of a module."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("registry", "services", "bentos", "cli")

MAY_IMPORT = {
    "registry": {"registry"},
    "services": {"registry", "services"},
    "bentos": {"registry", "services", "bentos"},
    "cli": {"registry", "services", "cli"},
}

# Inside services, from the innermost: a module may import from its own level and from those before it.
LEVELS = [
    {
        "security",
        "helper_process",
        "auth_process",
        "limits",
        "invalid",
        "naming",
        "peer",
        "log_text",
        "multipart",
        "duration",
        "held_keys",
        "keys",
        "endpoint_keys",
        "log_rows",
        "stored_predictions",
        "key_status",
        "bootstrap",
        "sessions",
        "sign_in",
        "account",
        "signed_in",
        "startup",
        "audit_trail",
        "stats",
        "user_admin",
        "descriptions",
    },
    {"directory", "request", "request_log", "kept_images", "sidecar", "metrics", "inference", "neighbours", "remember"},
    {"worker", "record", "middleware", "documentation"},
    {"http_protocol", "http_head", "http_refusals", "no_fetching"},
    {"guarded"},
    {"packaging", "endpoint"},
    {"exporting", "exports", "containers", "endpoint_changes", "uploads", "models", "jobs", "doctor"},
    {"control"},
    {"platform", "hub"},
]
FRAMEWORKS = {"tensorflow", "keras", "sklearn", "joblib", "skops", "torch", "onnx", "xgboost", "lightgbm"}
NOT_IN_REGISTRY = {"bentoml", "starlette", "fastapi", "httpx", "uvicorn", *FRAMEWORKS}


def modules() -> list[Path]:
    """Every module of the product."""
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def imports(path: Path, *, top_level: bool = False) -> set[str]:
    """The modules that a file imports, anywhere or only at its top; `if TYPE_CHECKING` blocks don't count."""
    tree = ast.parse(path.read_text())
    nodes = tree.body if top_level else [node for node in ast.walk(tree) if not _typing_only(tree, node)]
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def _typing_only(tree: ast.Module, node: ast.AST) -> bool:
    blocks = [block for block in tree.body if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.dump(block.test)]
    return any(node in set(ast.walk(block)) for block in blocks)


def level(module: str) -> int | None:
    """Which level of services a module stands on; None for another package."""
    parts = module.split(".")
    if parts[0] != "services" or len(parts) == 1:
        return None
    return next((index for index, names in enumerate(LEVELS) if parts[1] in names), None)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_only_what_stands_below_it(path: Path) -> None:
    package = path.relative_to(ROOT).parts[0]
    ours = {name.split(".")[0] for name in imports(path)} & set(PACKAGES)
    assert ours <= MAY_IMPORT[package]


@pytest.mark.parametrize(
    "path", sorted((ROOT / "services").rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT))
)
def test_inside_services_the_arrows_go_one_way(path: Path) -> None:
    own = level(".".join(path.relative_to(ROOT).with_suffix("").parts))
    below = [imported for imported in imports(path) if (level(imported) or 0) > (own if own is not None else 99)]
    assert not below


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_frameworks_are_imported_where_they_are_needed_and_nowhere_else(path: Path) -> None:
    top = {name.split(".")[0] for name in imports(path, top_level=True)}
    forbidden = NOT_IN_REGISTRY if path.relative_to(ROOT).parts[0] == "registry" else FRAMEWORKS
    if path.name in ("train.py", "network.py", "learning.py") and "bentos" in path.parts:
        return  # what trains is the framework's own place
    assert not top & forbidden


def test_every_part_of_services_has_its_level() -> None:
    parts = {path.stem for path in (ROOT / "services").glob("*.py")} | {
        path.name for path in (ROOT / "services").iterdir() if path.is_dir() and path.name != "__pycache__"
    }
    assert parts - {"__init__"} == set.union(*LEVELS)
