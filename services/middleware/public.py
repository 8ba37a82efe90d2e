"""What is open to everyone: health and the documentation. It is neither limited nor logged."""

from services.middleware.security_headers import FOR_PAGES
from services.request import RequestContext

PUBLIC = frozenset(("/", "/livez", "/readyz", "/healthz", "/health", "/ping", "/openapi.json", "/docs", "/docs.json"))
PUBLIC_FOLDERS = ("/docs/swagger/", "/docs/page/")


def public(context: RequestContext) -> None:
    """Exempt what is open, and let a browser show it."""
    if context.endpoint is None and is_public(context.path):
        context.exempt = True
        context.fixed = FOR_PAGES[context.peer.secure]


def is_public(path: str) -> bool:
    """Whether a path answers without credentials, limits and log."""
    return path in PUBLIC or path.startswith(PUBLIC_FOLDERS)
