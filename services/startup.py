"""What must hold before a server's workers are started: a registry that is there and at this version's schema."""

import os
import sys

from registry import images
from registry.database import registry_exists, require_schema, upgrade
from registry.errors import PlatformError, SettingsError
from registry.settings import PREFIX, settings
from services.limits.rule import Limit

_LIMITS = ("rate_limit", "user_rate_limit", "sign_in_rate_limit", "unauthenticated_rate_limit")
_NAMED_BY = ("MODELPORT_DATABASE_URL", "MODELPORT_HOME")


def check_registry(makes_its_own: bool) -> None:
    """Refuse to start with one line when there are no keys to be checked against; exit code 1.

    The hub makes and upgrades its embedded registry itself; one model's Bento needs the registry that holds its keys.
    """
    try:
        check_settings()
        if makes_its_own and settings().embedded:
            upgrade()
        elif not registry_exists() and not any(os.environ.get(name) for name in _NAMED_BY):
            raise SettingsError(
                "this server needs the registry that holds its API keys: set MODELPORT_DATABASE_URL to its database, "
                "or MODELPORT_HOME to its folder"
            )
        require_schema()
        settings().pepper_bytes()
        settings().jwt_ring()
        images.check()
    except PlatformError as error:
        sys.exit(f"modelport: {error.message}")


def check_settings() -> None:
    """SettingsError for what only the services know that it can't be honoured."""
    chosen = settings()
    for name in _LIMITS:
        try:
            Limit.parse(getattr(chosen, name))
        except ValueError as error:
            raise SettingsError(f"{PREFIX}{name.upper()}: {error}") from None
    if os.environ.get("FORWARDED_ALLOW_IPS") and not chosen.trusted_proxies:
        raise SettingsError(f"FORWARDED_ALLOW_IPS is not read here: name the proxies in {PREFIX}TRUSTED_PROXIES")
