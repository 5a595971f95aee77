"""Which addresses are one mailbox, for limits of mails. Pure."""

import hashlib
import hmac

from shared.leads.contact_text import InvalidContact
from shared.leads.email_normalization import normalise_email


def mailbox_of(address: str) -> str:
    """Return the mailbox of an address: without case, `+tag`, and the dots that Gmail ignores.

    A phone number is returned without its extension, behind an `@`, which no mailbox begins with: whoever types numbers
    may add another extension each time.
    """
    if address.startswith("+"):
        address = address.partition(";ext=")[0]
    try:
        normal = normalise_email(address, fold_gmail=True)
    except InvalidContact:
        normal = address.strip().lower()
    local, _, domain = normal.rpartition("@")
    return f"{local.partition('+')[0] or local}@{domain}"


def recipient_digest(key: str, address: str) -> str:
    """Return a keyed hash of the mailbox of an address."""
    mailbox = mailbox_of(address).encode(errors="surrogatepass")
    return hmac.new(b"mail recipients:" + key.encode(), mailbox, hashlib.sha256).hexdigest()[:32]
