"""What is stored, or in somebody's hands, outlives the code that made it: what a version wrote, all later ones know.

The values here were written by an earlier version. A change that makes one of these fail would lock out every key, lose
every credential, or take every repeat for something new.
"""

import pytest

from shared.auth.key_format import hash_key, is_well_formed
from shared.platform.crypto.encryption import Cipher, DecryptionError
from shared.platform.ids import idempotency_uuid, received_time

pytestmark = pytest.mark.unit

KEY = "lh_0123456789ABCDEFGHIJKLMNOPQRSTUV3HugmE"
KEY_DIGEST = "96275b161c96173ce86f5aae9ae98dc42cf32d3090bb0b9d9562c1cf0e136bd0"
SEALED = b"gAAAAABrCUyqE6nqodkTIH00CRjGW1TG9aJWP39ndozacK-K_FB6Spqycz0y90NJ0z5qRmGSgFQlAmXwPkRjodPxXo6iKXThPA=="


def test_a_key_that_was_handed_out_is_known() -> None:
    assert is_well_formed(KEY)
    assert hash_key(KEY).hex() == KEY_DIGEST


def test_a_credential_that_was_encrypted_can_be_read() -> None:
    assert Cipher(lambda: "the-first-key-of-all").decrypt(SEALED) == "secret"
    with pytest.raises(DecryptionError):
        Cipher(lambda: "the-first-key-of-alL").decrypt(SEALED)


def test_a_repeat_finds_the_submission_of_its_idempotency_key() -> None:
    assert idempotency_uuid(7, "inbound", "order-1001") == "3b798bf9-7140-56a9-93d7-c6708806ec6b"
    assert (
        len(
            {
                idempotency_uuid(7, "form:1", "order-1001"),
                idempotency_uuid(8, "inbound", "order-1001"),
                idempotency_uuid(7, "inbound", "x"),
            }
        )
        == 3
    )


def test_an_id_tells_its_time() -> None:
    found = received_time("01a20e35-d6ba-74bc-a042-76cbeb2a9424")
    assert found is not None
    assert found.isoformat() == "2026-11-24T15:38:59.130000+00:00"
