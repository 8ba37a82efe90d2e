"""Every failure the platform can name. An error knows its code and its HTTP status; one handler turns it into one body.

PlatformError
 + faults of a call (answered over HTTP)
   x InvalidInput           400 INVALID_INPUT
   x Unauthenticated        401 UNAUTHENTICATED
   x Forbidden              403 FORBIDDEN
   x NotFound               404 NOT_FOUND
   x MethodNotAllowed       405 METHOD_NOT_ALLOWED
   x RequestTimeout         408 REQUEST_TIMEOUT
   x Conflict               409 CONFLICT
   x PayloadTooLarge        413 PAYLOAD_TOO_LARGE
   x UnsupportedMediaType   415 UNSUPPORTED_MEDIA_TYPE
   x IdempotencyKeyReused   422 IDEMPOTENCY_KEY_REUSED
   x RateLimited            429 RATE_LIMIT_EXCEEDED
   x HeadersTooLarge        431 HEADERS_TOO_LARGE
   x ModelError             500 MODEL_ERROR
   x InternalError          500 INTERNAL_ERROR
   x Unavailable            503 UNAVAILABLE
 + faults the operator repairs (printed as one line)
   x SettingsError          SETTINGS_ERROR
   x RegistryError          REGISTRY_ERROR
   x ExportError            EXPORT_ERROR
"""

from collections.abc import Mapping
from typing import Any, ClassVar


class PlatformError(Exception):
    """A failure with a code a client can match on and a message a person can act on."""

    code: ClassVar[str] = "INTERNAL_ERROR"
    status: ClassVar[int] = 500

    def __init__(
        self, message: str, details: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.details: dict[str, Any] = dict(details or {})
        self.headers: dict[str, str] = dict(headers or {})


class InvalidInput(PlatformError):
    """The payload does not fit what the endpoint declares."""

    code = "INVALID_INPUT"
    status = 400


class Unauthenticated(PlatformError):
    """No credentials, or credentials that are not valid."""

    code = "UNAUTHENTICATED"
    status = 401


class Forbidden(PlatformError):
    """Known caller, but not allowed to do this."""

    code = "FORBIDDEN"
    status = 403


class NotFound(PlatformError):
    """Nothing stands at that address or bears that name."""

    code = "NOT_FOUND"
    status = 404


class MethodNotAllowed(PlatformError):
    """The address exists, the method does not."""

    code = "METHOD_NOT_ALLOWED"
    status = 405


class RequestTimeout(PlatformError):
    """The rest of a request didn't come."""

    code = "REQUEST_TIMEOUT"
    status = 408


class Conflict(PlatformError):
    """The request contradicts what is already stored."""

    code = "CONFLICT"
    status = 409


class PayloadTooLarge(PlatformError):
    """The body is larger than the platform accepts."""

    code = "PAYLOAD_TOO_LARGE"
    status = 413


class UnsupportedMediaType(PlatformError):
    """The body has a content type the endpoint does not read."""

    code = "UNSUPPORTED_MEDIA_TYPE"
    status = 415


class IdempotencyKeyReused(PlatformError):
    """Another request bore the same Idempotency-Key before."""

    code = "IDEMPOTENCY_KEY_REUSED"
    status = 422


class HeadersTooLarge(PlatformError):
    """Target and headers of the request are more than the platform reads."""

    code = "HEADERS_TOO_LARGE"
    status = 431


class RateLimited(PlatformError):
    """The caller has used up its limit for now."""

    code = "RATE_LIMIT_EXCEEDED"
    status = 429


class ModelError(PlatformError):
    """The model failed on an input that its signature accepts."""

    code = "MODEL_ERROR"
    status = 500


class InternalError(PlatformError):
    """The platform failed in a way it did not foresee."""

    code = "INTERNAL_ERROR"
    status = 500


class Unavailable(PlatformError):
    """The platform cannot answer now; trying again later may help."""

    code = "UNAVAILABLE"
    status = 503


class SettingsError(PlatformError):
    """A setting is missing or cannot be honoured."""

    code = "SETTINGS_ERROR"


class RegistryError(PlatformError):
    """The registry's database is unreachable, unreadable, or not at this version's schema."""

    code = "REGISTRY_ERROR"


class ExportError(PlatformError):
    """A model file could not be made into an endpoint."""

    code = "EXPORT_ERROR"
