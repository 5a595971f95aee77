"""What a type of integration is made of. Pure."""

from dataclasses import dataclass
from typing import Literal

Direction = Literal["inbound", "outbound", "both"]
Kind = Literal["text", "url", "port", "email", "header", "whsec"]

INBOUND: Direction = "inbound"
OUTBOUND: Direction = "outbound"
BOTH: Direction = "both"


@dataclass(frozen=True, slots=True)
class CredentialField:
    """One credential. `kind` is what is checked of it when it is saved."""

    key: str
    label: str
    required: bool = True
    secret: bool = True
    kind: Kind = "text"


@dataclass(frozen=True, slots=True)
class IntegrationType:
    """One kind of other party. `verification`: how a request is known to be theirs; `docs`: the vendor's page."""

    type: str
    name: str
    direction: Direction
    fields: tuple[CredentialField, ...]
    verification: str
    docs: str

    @property
    def is_inbound(self) -> bool:
        """Whether requests come from it, so that it has an address of ours."""
        return self.direction != OUTBOUND

    def field(self, key: str) -> CredentialField | None:
        """The credential of that key."""
        return next((field for field in self.fields if field.key == key), None)


URL_ALONE = "Requests carry no signature: the address itself is the secret, and must be known to the vendor alone."

# For senders that do not sign, but let a header be set.
HEADER = "X-LeadHub-Secret"
HEADER_SECRET = CredentialField("header_secret", f"Value of the header {HEADER}", required=False)
BY_HEADER = f"Requests carry no signature: where header_secret is set, the header {HEADER} must have that value."
