"""The errors of the HTTP API, each with its status and code. `shared/platform/web` renders them in one place."""

from collections.abc import Mapping
from typing import Any, ClassVar

FieldErrors = dict[str, list[str]]


class ApiError(Exception):
    """An error response. `retry_after` is in seconds."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "SERVER_ERROR"
    default: ClassVar[str] = "Something went wrong on our side. The request can be sent again."

    def __init__(
        self,
        message: str | None = None,
        *,
        errors: FieldErrors | None = None,
        headers: Mapping[str, str] | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message or self.default)
        self.errors = errors
        self.headers = dict(headers or {})
        if retry_after is not None:
            self.headers["Retry-After"] = str(retry_after)

    def response_body(self) -> dict[str, Any]:
        """Return the error envelope, `Error` in `docs/openapi.json`."""
        envelope: dict[str, Any] = {"status": "error", "message": str(self), "code": self.code}
        if self.errors is not None:
            envelope["errors"] = self.errors
        return envelope


class BadRequest(ApiError):
    status, code = 400, "BAD_REQUEST"
    default = "The request could not be read."


class ClientLeft(BadRequest):
    """Nobody receives this answer. It exists so that the log shows no server error."""

    default = "The client left before its request was read."


class Unauthorized(ApiError):
    status, code = 401, "UNAUTHORIZED"
    default = "Send a valid API key as 'Authorization: Bearer lh_…'."

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message, headers={"WWW-Authenticate": "Bearer"})


class Forbidden(ApiError):
    status, code = 403, "FORBIDDEN"
    default = "This API key may not do that."


class NotFound(ApiError):
    status, code = 404, "NOT_FOUND"
    default = "There is no such record."


class MethodNotAllowed(ApiError):
    status, code = 405, "METHOD_NOT_ALLOWED"
    default = "This method is not allowed here."


class RequestTimeout(ApiError):
    """The body did not arrive in time."""

    status, code = 408, "REQUEST_TIMEOUT"
    default = "The request body did not arrive in time."


class Conflict(ApiError):
    status, code = 409, "CONFLICT"
    default = "The record is in use."


class Gone(ApiError):
    """A cursor is older than what is kept. `oldest_cursor` is the one to go on from."""

    status, code = 410, "GONE"
    default = "What follows this cursor is gone."

    def __init__(self, message: str | None = None, *, oldest_cursor: str = "") -> None:
        super().__init__(message)
        self.oldest_cursor = oldest_cursor

    def response_body(self) -> dict[str, Any]:
        """Return the error envelope, with the oldest cursor."""
        return {**super().response_body(), "oldest_cursor": self.oldest_cursor}


class PayloadTooLarge(ApiError):
    status, code = 413, "PAYLOAD_TOO_LARGE"
    default = "The request body is too large."


class UnsupportedMediaType(ApiError):
    status, code = 415, "UNSUPPORTED_MEDIA_TYPE"
    default = "This endpoint does not take that Content-Type."


class ValidationFailed(ApiError):
    status, code = 422, "VALIDATION_FAILED"
    default = "The given data was invalid."

    def __init__(self, errors: FieldErrors) -> None:
        super().__init__(errors=errors)


class RateLimited(ApiError):
    status, code = 429, "RATE_LIMITED"
    default = "Too many requests with this API key in this hour."


class ServerError(ApiError):
    """A bug in LeadHub. The log has the details, under the request's id."""


class ServiceUnavailable(ApiError):
    status, code = 503, "SERVICE_UNAVAILABLE"
    default = "Nothing durable can take the request just now. Send it again."

    def __init__(self, message: str | None = None, *, retry_after: int = 2) -> None:
        super().__init__(message, retry_after=retry_after)


class Overloaded(ServiceUnavailable):
    """Others ask for so much that a request got no turn in time. Everything is well otherwise."""
