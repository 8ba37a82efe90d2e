"""Images that predictions were made of, where the operator keeps them: each once, encrypted (AES-256-GCM), for some days.

A file's name is a keyed hash of its content: who has the folder can neither see an image nor recognise one.
"""

import fcntl
import hashlib
import hmac
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from registry.errors import SettingsError, Unavailable
from registry.secrets_file import private_folder
from registry.settings import settings

_NONCE = 12  # bytes


def check() -> None:
    """SettingsError when images are to be kept and can't be."""
    if settings().keep_images:
        _key("contents")
        try:
            import cryptography  # noqa: F401
        except ImportError:
            raise SettingsError("MODELPORT_KEEP_IMAGES needs the package `cryptography`: install it") from None


def digest(image: bytes) -> str:
    """The name under which an image is kept; a megabyte takes about a millisecond."""
    return hashlib.blake2b(image, digest_size=32, key=_key("names")).hexdigest()


def keep(image: bytes, name: str) -> None:
    """Write an image under its digest, or note that it came again; OSError when there is no room."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    place, nonce = _path(name), secrets.token_bytes(_NONCE)
    with _alone():
        with suppress(FileNotFoundError):
            return os.utime(place)
        private_folder(place.parent)
        _write(place, nonce + AESGCM(_key("contents")).encrypt(nonce, image, name.encode()))


def read(name: str) -> bytes | None:
    """An image, None when it isn't here; Unavailable when it was encrypted with another key, or can't be read."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        sealed = _path(name).read_bytes()
        return AESGCM(_key("contents")).decrypt(sealed[:_NONCE], sealed[_NONCE:], name.encode())
    except FileNotFoundError:
        return None
    except (InvalidTag, ValueError, OSError, SettingsError):
        raise Unavailable("This image can't be read: it is damaged, or was kept with another key.") from None


def is_here(name: str) -> bool:
    """Whether an image is kept on this machine."""
    return _path(name).exists()


def sweep(before: float) -> None:
    """Delete the images that came last before then, in seconds since the epoch, and what a killed writer left."""
    for folder in _folder().glob("??"):
        for file in folder.iterdir():
            with _alone(), suppress(FileNotFoundError):  # another process sweeps, too
                if file.stat().st_mtime < before:
                    file.unlink()


def any_kept() -> bool:
    """Whether images were ever kept here: their days end, too, when no more are kept."""
    return _folder().exists()


def _write(place: Path, sealed: bytes) -> None:
    draft = place.with_name(f"{place.name}.new")  # whoever writes is alone; one that was killed left it
    draft.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(sealed)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(place)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


@contextmanager
def _alone() -> Iterator[None]:
    """No other process writes or sweeps meanwhile: what one renews, another must not delete."""
    private_folder(_folder())
    with (_folder() / ".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _folder() -> Path:
    return settings().home / "images"


def _path(name: str) -> Path:
    return _folder() / name[:2] / name


def _key(purpose: str) -> bytes:
    return hmac.digest(settings().image_secret, f"image {purpose}".encode(), hashlib.sha256)
