"""Puts what serves a model into BentoML's model store, with all that is needed to load it again."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from services.inference.manifest import manifest_of
from services.packaging.job import Choice


def put(
    tag: str,
    served: Path,
    signature: Mapping[str, Any],
    framework: str,
    choice: Choice,
    labels: Mapping[str, str],
    metadata: Mapping[str, Any] | None = None,
) -> str:
    """Copy the folder of `served` into the store; the tag it got there. `services.inference.stored` reads it."""
    import bentoml

    described = {
        **(metadata or {}),
        "signature": json.dumps(signature),
        "framework": framework,
        "file": served.name,
        "files": manifest_of(served.parent),
        "seconds_per_row": choice.seconds_per_row,
        **choice.model_dump(mode="json", exclude_none=True),  # BentoML takes no None
    }
    with bentoml.models.create(tag, module="modelport", labels=dict(labels), metadata=described) as stored:
        shutil.copytree(served.parent, stored.path, dirs_exist_ok=True)
    return str(stored.tag)
