"""A secret that a machine makes for itself once and keeps in a file only its owner reads; and what any secret must be."""

import os
import secrets
from pathlib import Path

from registry.errors import SettingsError

LENGTH = 32  # characters


def read_or_make(path: Path) -> str:
    """The secret in that file, made on first use; processes that race end up with the same one."""
    try:
        if not path.exists():
            _make(path)
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = f"{error.strerror}: {error.filename}" if isinstance(error, OSError) else "not plain text"
        raise SettingsError(f"Cannot keep a secret in {path}: {reason}") from None


def long_enough(secret: str, source: str) -> bytes:
    """The secret; SettingsError, which doesn't show it, when it could be guessed."""
    if len(secret) < LENGTH:
        raise SettingsError(f"{source} is too short: a secret has at least {LENGTH} characters")
    return secret.encode()


def _make(path: Path) -> None:
    private_folder(path.parent.parent)
    private_folder(path.parent)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32))
            file.flush()
            os.fsync(file.fileno())
        # A link appears whole or not at all and never replaces an earlier one: the first process wins.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def private_folder(folder: Path) -> None:
    """Make a folder that only its owner enters; one that exists is left as it is."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
