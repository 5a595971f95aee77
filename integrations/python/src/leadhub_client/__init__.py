"""A client of LeadHub's API.

from leadhub_client import LeadHub

with LeadHub("https://crm.example.com", "lh_...") as client:
    print(client.submit_lead({"email": "grace@example.com"})["lead_id"])
"""

from ._async_client import AsyncLeadHub
from ._calls import Answer, RetryPolicy
from ._sync_client import LeadHub
from ._version import __version__
from .errors import (
    ApiError,
    BadRequest,
    Conflict,
    ConnectionFailed,
    Forbidden,
    Gone,
    InvalidWebhook,
    LeadHubError,
    NotFound,
    PayloadTooLarge,
    RateLimited,
    ServerError,
    ServiceUnavailable,
    Unauthorized,
    ValidationFailed,
)
from .webhooks import verify_webhook

__all__ = [
    "Answer",
    "ApiError",
    "AsyncLeadHub",
    "BadRequest",
    "Conflict",
    "ConnectionFailed",
    "Forbidden",
    "Gone",
    "InvalidWebhook",
    "LeadHub",
    "LeadHubError",
    "NotFound",
    "PayloadTooLarge",
    "RateLimited",
    "RetryPolicy",
    "ServerError",
    "ServiceUnavailable",
    "Unauthorized",
    "ValidationFailed",
    "__version__",
    "verify_webhook",
]
