"""Load the integrations whose leads are fetched, with their credentials."""

from collections.abc import Iterable

import orjson

from shared.integrations.integration_cache import ReceivingIntegration
from shared.integrations.mapping_settings import complete_integration_settings
from shared.platform.crypto.encryption import Cipher, DecryptionError
from shared.platform.db.connections import Connection, as_json

IntegrationKey = tuple[int, int]  # workspace, id

SELECT_WANTED_SQL = """
SELECT i.id, i.workspace_id, i.type, i.is_active, i.settings, i.credentials
FROM integrations i JOIN json_to_recordset(%s::json) AS k(w bigint, id bigint) ON i.workspace_id = k.w AND i.id = k.id
"""


async def load_integrations(
    connection: Connection, cipher: Cipher, keys: Iterable[IntegrationKey]
) -> dict[IntegrationKey, ReceivingIntegration]:
    """Return the integrations that there still are. `credentials` are None where this service lacks their key."""
    wanted = [{"w": workspace_id, "id": id_} for workspace_id, id_ in sorted(set(keys))]
    if not wanted:
        return {}
    rows = await (await connection.execute(SELECT_WANTED_SQL, (as_json(wanted),))).fetchall()
    return {
        (workspace_id, id_): ReceivingIntegration(
            id_, workspace_id, type_, is_active, complete_integration_settings(settings), _decrypted(cipher, sealed)
        )
        for id_, workspace_id, type_, is_active, settings, sealed in rows
    }


def _decrypted(cipher: Cipher, sealed: bytes) -> dict[str, str] | None:
    try:
        credentials: dict[str, str] = orjson.loads(cipher.decrypt(bytes(sealed)))
    except DecryptionError:
        return None
    return credentials
