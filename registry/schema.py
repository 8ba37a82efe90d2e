"""The schema's revision that this version works with, and what is said of a registry that has another."""

from registry.errors import RegistryError

HEAD = "0014"


def refuse_newer(revision: str) -> str:
    """The revision, unless this version does not know it."""
    if revision > HEAD:
        raise RegistryError(f"The registry was made by a newer Modelport (schema {revision}): update this one")
    return revision


def refuse_older(revision: str) -> str:
    """The revision, unless the registry needs an upgrade first."""
    if revision < HEAD:
        raise RegistryError("The registry's schema is older than this Modelport: run `modelport db upgrade`")
    return revision
