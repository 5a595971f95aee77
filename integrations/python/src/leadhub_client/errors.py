"""What a call can raise. An error of the API has its `code`, the `errors` by field, and whether to try again."""

from collections.abc import Mapping
from typing import Any


class LeadHubError(Exception):
    """Any failure of a call."""


class ConnectionFailed(LeadHubError):
    """No answer of a LeadHub came: the host is away, the connection broke, the time was up, or it is not JSON."""


class InvalidWebhook(LeadHubError):
    """A message is not from LeadHub, or is too old."""


class ApiError(LeadHubError):
    """An answer that is no success.

    `errors` has all messages by field. `retry_after` is in seconds; None where the server did not say. `request_id` is
    what to tell the operator.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        errors: Mapping[str, list[str]] | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> None:
        self.status = status
        self.code = code
        self.message = message
        self.errors = dict(errors or {})
        self.request_id = request_id
        self.retry_after = retry_after
        self.body = dict(body or {})
        super().__init__(self._text())

    def _text(self) -> str:
        fields = "; ".join(f"{name}: {' '.join(messages)}" for name, messages in self.errors.items())
        told = f" ({fields})" if fields else ""
        asked = f" [request {self.request_id}]" if self.request_id else ""
        return f"{self.status} {self.code}: {self.message}{told}{asked}"


class BadRequest(ApiError):
    """400: the request cannot be read."""


class Unauthorized(ApiError):
    """401: the key is missing, malformed, unknown, revoked or expired."""


class Forbidden(ApiError):
    """403: the key lacks a scope, which the message names."""


class NotFound(ApiError):
    """404: there is no such record in the key's workspace."""


class Conflict(ApiError):
    """409: the record is in use, the count moved, or the idempotency key came with another body."""


class Gone(ApiError):
    """410: what is asked for is no longer there."""

    @property
    def oldest_cursor(self) -> str | None:
        """Where to go on in the feed of events."""
        return self.body.get("oldest_cursor")


class PayloadTooLarge(ApiError):
    """413: the body is too large."""


class ValidationFailed(ApiError):
    """422: `errors` names every field at fault."""


class RateLimited(ApiError):
    """429: the key's requests of this hour are used up. `retry_after` says how long to wait."""


class ServerError(ApiError):
    """500 and above: a fault of the server, or of a proxy before it."""


class ServiceUnavailable(ServerError):
    """503: nothing durable can take the request now."""


ERRORS_BY_STATUS: dict[int, type[ApiError]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Gone,
    413: PayloadTooLarge,
    422: ValidationFailed,
    429: RateLimited,
    503: ServiceUnavailable,
}


def error_class(status: int) -> type[ApiError]:
    """Return the class of an error by its status."""
    return ERRORS_BY_STATUS.get(status, ServerError if status >= 500 else ApiError)
