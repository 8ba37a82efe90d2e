"""What a setting's value must be beyond its type: each function gives it back, or raises ValueError with one line."""

import ipaddress
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:\d{1,5})?|https?://\[[0-9A-Fa-f:.]+\](:\d{1,5})?")


def absolute(path: Path) -> Path:
    """A path from the root, `~` resolved."""
    return path.expanduser().absolute()


def database(url: str | None) -> str | None:
    """The URL of a database that the registry can live in."""
    if url is None or re.match(r"(sqlite:///[^:?]|postgres(ql)?(\+psycopg)?://.)", url):
        return url
    raise ValueError("must be sqlite:///<path> or postgresql://<user>@<host>/<database>")


def separated(parts: Any) -> Any:
    """The parts of a text that stand between commas."""
    return [part.strip() for part in parts.split(",") if part.strip()] if isinstance(parts, str) else parts


def origins(given: list[str]) -> list[str]:
    """Browser origins, each named exactly."""
    for origin in given:
        if not _ORIGIN.fullmatch(origin):
            raise ValueError(f"{origin!r} is not an origin: name each one as scheme://host[:port], without * or a path")
    return given


def proxies(networks: list[str]) -> list[str]:
    """Addresses and networks, none of which is everybody."""
    for network in networks:
        try:
            narrow = ipaddress.ip_network(network).prefixlen > 0
        except ValueError:
            narrow = False
        if not narrow:
            raise ValueError(f"{network!r} is not a proxy: name each by its address, or by a network like 10.0.0.0/8")
    return networks


def web_address(url: str) -> str:
    """An http or https URL to which a path can be added; the value isn't repeated, for it may hold a password."""
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fits = False
    if not fits or not url.isascii() or not url.isprintable() or set("@?# ") & set(url):
        raise ValueError("must be http://<host> or https://<host>, perhaps with a port and a path")
    return url


def header_secret(key: SecretStr | None) -> SecretStr | None:
    """A key that can stand in a header of a request; an empty one is none."""
    text = key.get_secret_value() if key is not None else ""
    if not re.fullmatch("[!-~]*", text):
        raise ValueError("must be one line of ASCII without spaces")
    return key if text else None


def debugging(wanted: bool, host: str) -> bool:
    """Whether a server at that address shows its inside; refused where other machines could see it."""
    if wanted and not is_loopback(host):
        raise ValueError(f"tracebacks are for this machine alone, and {host} is open to others: unset it")
    return wanted


def is_loopback(host: str) -> bool:
    """Whether an address or name is this machine's own."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
