"""Looks through a `.keras` archive before Keras does: layers of Keras's own, no code, no file but its own.

Keras's safe mode has been got round again and again; it is on as well, and is not the only wall.
"""

import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from registry.errors import ExportError
from services.packaging.archives import read

LARGEST_CONFIG = 32 * 1024**2  # bytes
_MODULES = re.compile(
    r"keras(\.src)?(\.(layers|models|initializers|regularizers|constraints|activations|optimizers|losses|metrics"
    r"|dtype_policies|quantizers|ops)(\.\w+)*)?"
)
_CODE = {"Lambda", "__lambda__", "function", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"}
_VALUES = {"__tensor__", "__numpy__", "__bytes__", "__ellipsis__", "__typespec__", "__slice__", "__tuple__"}
_VALUES |= {"__keras_tensor__"}
_WEIGHTS = "model.weights.h5"


def check_keras(archive: zipfile.ZipFile, folder: Path) -> None:
    """ExportError for what is code, of nobody's known, or reads other files; the folder is for the weights meanwhile."""
    names = {member.filename for member in archive.infolist() if not member.is_dir()}
    if _WEIGHTS not in names:
        raise ExportError(f"the Keras archive has no {_WEIGHTS}")
    if strange := [name for name in names if name.partition("/")[0] not in _PARTS]:
        raise ExportError(f"the Keras archive has a member that Keras doesn't know: {sorted(strange)[0][:100]!r}")
    _check_config(_json(archive, "config.json"))
    _check_weights(Path(archive.extract(_WEIGHTS, folder)))


_PARTS = {"config.json", "metadata.json", _WEIGHTS, "assets"}


def _json(archive: zipfile.ZipFile, name: str) -> Any:
    try:
        return json.loads(read(archive, name, LARGEST_CONFIG))
    except (ValueError, RecursionError):
        raise ExportError(f"{name} of the Keras archive is no JSON") from None


def _check_config(config: Any) -> None:
    if not isinstance(config, dict) or "class_name" not in config:
        raise ExportError("config.json of the Keras archive describes no model")
    for found in _objects({**config, "compile_config": None}):  # what it was trained with is never loaded
        if isinstance(found.get("vocabulary"), str):
            raise ExportError("the Keras model reads its vocabulary from another file: save it with the words inside")
        if "class_name" in found:
            _check_class(found)


def _check_class(found: dict[str, Any]) -> None:
    name, module = str(found["class_name"]), found.get("module")
    if name in _VALUES:
        return
    if name in _CODE:
        raise ExportError(f"the Keras model has a {name}, which holds code: build it from Keras's own layers")
    known = name.isidentifier() and isinstance(module, str) and _MODULES.fullmatch(module)
    if not known or found.get("registered_name") not in (None, name):
        where = f"{str(module)[:60]}.{name[:60]}"
        raise ExportError(f"the Keras model has an object that is not Keras's own: {where}")


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in a JSON document, however deep."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield one
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)


def _check_weights(path: Path) -> None:
    """Weights that are really in the file: HDF5 has links to other files, and data that lie in other files."""
    import h5py

    def elsewhere(name: str, found: Any) -> bool | None:
        return (isinstance(found, h5py.Dataset) and bool(found.external or found.is_virtual)) or None

    def leads_away(name: str, link: Any) -> bool | None:
        return not isinstance(link, h5py.HardLink) or None

    try:
        with h5py.File(path, "r") as file:
            if file.visititems_links(leads_away) or file.visititems(elsewhere):
                raise ExportError("the weights of the Keras archive lie in other files")
    except ExportError:
        raise
    except Exception as error:  # HDF5 raises OSError, RuntimeError, KeyError …
        raise ExportError(f"the weights of the Keras archive are damaged ({type(error).__name__})") from None
    finally:
        path.unlink()
