"""Finds the lead that an email or a phone belongs to, for the filters of the list with these names."""

from typing import Any

from shared.leads.contact_text import InvalidContact
from shared.leads.edit import CONTACT_FIELDS, INVALID_PHONE_MESSAGE
from shared.leads.email_normalization import normalise_email
from shared.leads.identities import find_owners
from shared.leads.phone_normalization import normalise_phone
from shared.leads.submission import IdentityKey
from shared.platform.db.connections import Connection
from shared.platform.errors import FieldErrors
from shared.platform.validation.messages import ERROR_MESSAGES

CONTACT_SETTINGS_SQL = "SELECT country, fold_gmail FROM workspaces WHERE id = %s"
CONTACT_MESSAGES = {"email": ERROR_MESSAGES["email"].format(field="email"), "phone": INVALID_PHONE_MESSAGE}


async def find_contact_owners(
    connection: Connection, workspace_id: int, query: dict[str, Any], errors: FieldErrors
) -> set[int | None]:
    """Return the leads that own the contacts in the query; None stands for a contact that no lead owns.

    A contact belongs to one lead at most, so two members mean that no lead matches. A value that is no email or phone
    goes into `errors`.
    """
    contacts = {name: query[name] for name in CONTACT_FIELDS if query.get(name)}
    if not contacts:
        return set()
    row = await (await connection.execute(CONTACT_SETTINGS_SQL, (workspace_id,))).fetchone()
    country, fold_gmail = row or (None, False)
    keys: list[IdentityKey] = []
    for name, text in contacts.items():
        try:
            keys.append((workspace_id, name, _identity_value(name, text, country, fold_gmail=fold_gmail)))
        except InvalidContact:
            errors[name] = [CONTACT_MESSAGES[name]]
    owners = await find_owners(connection, keys)
    return {owners.get(key) for key in keys}


def _identity_value(name: str, text: str, country: str | None, *, fold_gmail: bool) -> str:
    """Return the value of the contact in `identities`. Raises InvalidContact."""
    if name == "phone":
        return normalise_phone(text, country).identity
    return normalise_email(text, fold_gmail=fold_gmail)
