"""Every setting of the platform: one environment variable each, MODELPORT_ and the field's name in capitals.

What cannot be honoured is refused with one line; a secret's value never stands in that line.
"""

import difflib
import hashlib
import hmac
import os
import re
from collections.abc import Iterable
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated

from dotenv import dotenv_values
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from registry import key_ring, secrets_file, values
from registry.description_settings import DescriptionSettings
from registry.errors import SettingsError

PREFIX = "MODELPORT_"
_ENV_FILE = ".env"
_SEPARATED = BeforeValidator(values.separated)


class Settings(DescriptionSettings):
    """What an operator can choose."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=_ENV_FILE, extra="ignore", frozen=True)

    home: Annotated[Path, AfterValidator(values.absolute)] = Field(
        default=Path("~/.modelport"), description="Folder of the registry, its secrets and its caches."
    )
    database_url: Annotated[str | None, AfterValidator(values.database)] = Field(
        default=None,
        description="Database of the registry: sqlite:///… or postgresql://…; by default registry.db under home.",
    )
    environment: str = Field(
        default="live",
        pattern=r"^[a-z]{2,8}$",
        description="Label inside every key, mp_<environment>_…; 2 to 8 small letters.",
    )
    pepper: SecretStr | None = Field(
        default=None,
        description="Secret that keys the stored hashes, 32 characters or more; made under home when embedded.",
    )
    jwt_keys: SecretStr | None = Field(
        default=None,
        description="Keys of access tokens, kid:secret separated by commas, each secret 32 bytes or more; "
        "the first one signs, all verify; one is made under home when embedded.",
    )
    access_token_minutes: int = Field(default=15, ge=1, le=60, description="Minutes that an access token is valid.")
    session_days: int = Field(default=30, ge=1, le=365, description="Days after which a user must sign in again.")
    session_idle_days: int = Field(
        default=7, ge=1, le=365, description="Days without a refresh after which a user must sign in again."
    )
    rate_limit: str = Field(
        default="100/minute", min_length=1, description="Calls each key may make, unless its endpoint says otherwise."
    )
    user_rate_limit: str = Field(
        default="100/minute",
        min_length=1,
        description="Calls each signed-in user may make, unless the endpoint says otherwise.",
    )
    sign_in_rate_limit: str = Field(
        default="10/minute",
        min_length=1,
        description="Calls of the sign-in routes that may come from one address, or from one IPv6 /64.",
    )
    unauthenticated_rate_limit: str = Field(
        default="100/hour",
        min_length=1,
        description="Calls without valid credentials that may come from one address, or from one IPv6 /64.",
    )
    key_concurrency: int | None = Field(
        default=None,
        ge=1,
        description="Requests that each key may have under way at once; without, as many as it likes.",
    )
    user_concurrency: int | None = Field(
        default=None,
        ge=1,
        description="Requests that each signed-in user may have under way at once; without, any number.",
    )
    concurrency: int | None = Field(
        default=None, ge=1, description="Requests that may be under way at once on this machine; without, any number."
    )
    max_body_bytes: int = Field(default=1_000_000, ge=1, description="Largest request body accepted, in bytes.")
    image_max_bytes: int = Field(default=10_000_000, ge=1, description="Largest image accepted, in bytes.")
    images_max_bytes: int = Field(
        default=50_000_000, ge=1, description="Largest request body that may carry several images, in bytes."
    )
    image_max_pixels: int = Field(
        default=25_000_000, ge=1, description="Most pixels of an image, which are counted before it is decoded."
    )
    upload_max_bytes: int = Field(
        default=500_000_000, ge=1, description="Largest upload of a model, in bytes; it may unpack to four times that."
    )
    upload_memory_bytes: int = Field(
        default=4 * 1024**3,
        ge=1024**3,
        description="Address space that loading an uploaded model may take, in bytes.",
    )
    cors_origins: Annotated[list[str], NoDecode, _SEPARATED, AfterValidator(values.origins)] = Field(
        default=[],
        description="Browser origins allowed to call, separated by commas, each scheme://host[:port]; none by default.",
    )
    trusted_proxies: Annotated[list[str], NoDecode, _SEPARATED, AfterValidator(values.proxies)] = Field(
        default=[],
        description="Proxies whose X-Forwarded-For and X-Forwarded-Proto are believed: addresses or networks, "
        "separated by commas; none by default.",
    )
    model_cache_count: int = Field(default=10, ge=1, description="How many models a worker keeps in memory.")
    model_cache_bytes: int = Field(
        default=2 * 1024**3, ge=1, description="How many bytes of models a worker keeps in memory."
    )
    model_wait_seconds: float = Field(default=10, gt=0, description="How long a request waits for its model to load.")
    host: str = Field(default="127.0.0.1", min_length=1, description="Address the server listens on.")
    port: int = Field(default=3000, ge=1, le=65535, description="Port the server listens on.")
    workers: int = Field(default=1, ge=1, description="Worker processes of the server.")
    threads: int | None = Field(
        default=None,
        ge=1,
        description="Processor threads of each worker's models; by default its share of the cores, an ONNX graph's one.",
    )
    log_queue_rows: int = Field(
        default=10_000, ge=1, description="Request log rows a worker holds while the registry is away."
    )
    keep_images: bool = Field(
        default=False, description="Keep the images that predictions are made of, encrypted, under home."
    )
    image_key: SecretStr | None = Field(
        default=None,
        description="Secret that kept images are encrypted with, 32 characters or more; made under home when embedded.",
    )
    image_days: int = Field(default=30, ge=1, description="Days for which an image is kept.")
    debug: bool = Field(
        default=False,
        description="Show the traceback of an internal error, on the command line and to callers of this machine; "
        "only for a server that listens on loopback.",
    )

    @field_validator("debug")
    @classmethod
    def _at_home_alone(cls, debug: bool, info: ValidationInfo) -> bool:
        return values.debugging(debug, info.data.get("host", "127.0.0.1"))

    @property
    def url(self) -> str:
        """The database the registry lives in."""
        if self.database_url is None:
            return f"sqlite:///{self.home / 'registry.db'}"
        return re.sub(r"^postgres(ql)?(\+psycopg)?://", "postgresql+psycopg://", self.database_url)

    @property
    def embedded(self) -> bool:
        """Whether the registry is a SQLite file of this machine."""
        return self.url.startswith("sqlite:")

    def url_of(self, path: str) -> str:
        """Where the hub answers at a path."""
        return f"http://{self.host}:{self.port}{path}"

    def pepper_bytes(self) -> bytes:
        """The secret behind every stored hash: the one given, or the one kept under home."""
        return secrets_file.long_enough(*self._secret("pepper", "one secret shared by every server and command"))

    def jwt_ring(self) -> dict[str, bytes]:
        """The keys of access tokens by `kid`, the signing one first: those given, or the one kept under home."""
        keys, source = self._secret("jwt_keys", "one key ring shared by every server", file="jwt")
        return key_ring.parse(keys if self.jwt_keys is not None else f"home:{keys}", source)

    @cached_property
    def image_secret(self) -> bytes:
        """The secret behind every kept image: the one given, or the one kept under home."""
        return secrets_file.long_enough(*self._secret("image_key", "one key for the images of every server"))

    def _secret(self, name: str, shared: str, file: str | None = None) -> tuple[str, str]:
        """A secret and where it is from: the setting, or for an embedded registry a file under home."""
        given: SecretStr | None = getattr(self, name)
        if given is not None:
            return given.get_secret_value(), f"{PREFIX}{name.upper()}"
        if self.embedded:
            path = self.home / "secrets" / (file or name)
            return secrets_file.read_or_make(path), str(path)
        raise SettingsError(f"{PREFIX}{name.upper()} is not set: an external registry needs {shared}")

    def derived_key(self, purpose: str) -> bytes:
        """A key of its own for each purpose, so that no two uses of the pepper can be confused."""
        return hmac.digest(self.pepper_bytes(), purpose.encode(), hashlib.sha256)


@cache
def settings() -> Settings:
    """The settings of this process, read once."""
    _refuse_unknown([*os.environ, *dotenv_values(_ENV_FILE)])
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError("; ".join(_line(fault["loc"], fault["msg"]) for fault in error.errors())) from None


def _refuse_unknown(names: Iterable[str]) -> None:
    known = {f"{PREFIX}{field}".upper() for field in Settings.model_fields}
    for name in names:
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            nearest = difflib.get_close_matches(name.upper(), known, n=1, cutoff=0)[0]
            raise SettingsError(f"{name} is not a setting; the nearest one is {nearest}")


def _line(location: tuple[int | str, ...], message: str) -> str:
    return f"{PREFIX}{str(location[0]).upper()}: {message.removeprefix('Value error, ')}"
