"""What people are called: one spelling for each name, whatever was typed."""

import re
import unicodedata

from registry.errors import InvalidInput

# ASCII, since two alphabets have letters that look alike; never digits alone, which would be taken for an id.
_USERNAME = re.compile(r"(?!\d+$)[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])")
_EMAIL = re.compile(r"[^\s@]{1,64}@[^\s@.]+(\.[^\s@.]+)+")
_LONGEST_EMAIL = 254  # RFC 5321: a path has 256 characters, angle brackets included


def folded(username: str) -> str | None:
    """The one spelling of a username, or None for what can be nobody's: NFKC (UAX 15), then lower case."""
    plain = unicodedata.normalize("NFKC", username[:256]).lower()
    return plain if _USERNAME.fullmatch(plain) else None


def check_username(username: str) -> str:
    """The one spelling of a new username; InvalidInput says what a username is."""
    name = folded(username)
    if name is None:
        raise InvalidInput(
            "A username has 2 to 64 of a-z, 0-9, `.`, `_`, `-`, begins and ends with a letter or digit, "
            "and isn't made of digits alone"
        )
    return name


def check_email(email: str) -> str:
    """The address in lower case, so that it belongs to one user; InvalidInput if it can't be one."""
    if len(email) > _LONGEST_EMAIL or not email.isprintable() or not _EMAIL.fullmatch(email):
        raise InvalidInput("An e-mail address has the form name@example.org")
    return email.lower()
