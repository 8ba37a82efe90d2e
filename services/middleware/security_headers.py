"""What tells a browser to do nothing with an answer but hand it over, or to show our own pages and nothing else."""

from services.request import Fixed, Header

ALWAYS: list[Header] = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"x-xss-protection", b"0"),  # the filter of old browsers did more harm than good
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
_POLICY = b"content-security-policy"
_OF_DATA: list[Header] = [*ALWAYS, (_POLICY, b"default-src 'none'; frame-ancestors 'none'")]
_OF_PAGES: list[Header] = [
    *ALWAYS,
    (b"cross-origin-opener-policy", b"same-origin"),
    (
        _POLICY,
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        b"form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
]
_HSTS: Header = (b"strict-transport-security", b"max-age=31536000")  # seconds: a year

# To be indexed by whether the caller came by TLS: to any other, the promise would be a lie.
FOR_DATA = (Fixed(_OF_DATA), Fixed([*_OF_DATA, _HSTS]))
FOR_PAGES = (Fixed(_OF_PAGES), Fixed([*_OF_PAGES, _HSTS]))
