"""Define integration types and their credentials. Pure."""

from dataclasses import dataclass
from typing import Literal

FlowDirection = Literal["inbound", "outbound", "both"]
CredentialKind = Literal[
    "text",
    "line",
    "url",
    "host",
    "port",
    "mail_security",
    "email",
    "header",
    "whsec",
    "digits",
    "service_account",
    "token",
]

INBOUND_ONLY: FlowDirection = "inbound"
OUTBOUND_ONLY: FlowDirection = "outbound"
BOTH_WAYS: FlowDirection = "both"


@dataclass(frozen=True, slots=True)
class CredentialField:
    """A credential of a type. `kind` selects the check when it is saved."""

    key: str
    label: str
    required: bool = True
    secret: bool = True
    kind: CredentialKind = "text"


@dataclass(frozen=True, slots=True)
class IntegrationType:
    """A type of integration. `verification` describes how its requests are verified; `docs` is the vendor's page."""

    type: str
    name: str
    direction: FlowDirection
    fields: tuple[CredentialField, ...]
    verification: str
    docs: str

    @property
    def is_inbound(self) -> bool:
        """Whether this type sends requests to us, so that it needs a webhook URL."""
        return self.direction != OUTBOUND_ONLY

    def credential_field(self, key: str) -> CredentialField | None:
        """Return the credential with that key, or None."""
        return next((field for field in self.fields if field.key == key), None)


URL_ALONE_VERIFICATION = (
    "Requests carry no signature: the address itself is the secret, and must be known to the vendor alone."
)

# For senders that do not sign requests but can send a fixed header.
LEADHUB_HEADER = "X-LeadHub-Secret"
HEADER_SECRET_FIELD = CredentialField("header_secret", f"Value of the header {LEADHUB_HEADER}", required=False)
BY_HEADER_VERIFICATION = (
    f"Requests carry no signature: where header_secret is set, the header {LEADHUB_HEADER} must have that value."
)
