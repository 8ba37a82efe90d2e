"""What tells a browser to do nothing with an answer but hand it over, or to show our own pages and nothing else."""

from services.request import Header

_NOSNIFF: Header = (b"x-content-type-options", b"nosniff")

# Every answer bears them. Those of PAGES that mean nothing for JSON are left out: each header costs a call a microsecond.
SECURITY_HEADERS: list[Header] = [
    _NOSNIFF,
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
]
PAGE_HEADERS: list[Header] = [
    _NOSNIFF,
    (b"x-frame-options", b"DENY"),
    (b"x-xss-protection", b"0"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        b"form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
]
