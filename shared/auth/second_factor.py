"""The second factor of an account: codes of an authenticator app (TOTP), and recovery codes.

A secret that is being enrolled waits until one code of it is confirmed, so that nobody is locked out by an app that
never got it. A code works once: the account remembers the time step of its last one.
"""

import base64
import hashlib
import secrets
from typing import Final, NamedTuple

import pyotp

from shared.platform.crypto.encryption import Cipher
from shared.platform.db.connections import Connection

TOTP_STEP_SECONDS: Final = 30  # seconds that a code is shown
TOTP_WINDOW: Final = 1  # steps before and after the present one that count
CLOCK_SEARCH_STEPS: Final = 10  # steps within which a wrong code shows that a clock is off
TOTP_ISSUER: Final = "LeadHub"
RECOVERY_CODE_COUNT: Final = 10
RECOVERY_CODE_BYTES: Final = 10  # 16 characters of base 32

START_ENROLMENT_SQL = "UPDATE accounts SET totp_pending_secret = %s WHERE id = %s RETURNING email"
READ_SECOND_FACTOR_SQL = """
SELECT totp_secret, totp_pending_secret, totp_last_counter, extract(epoch FROM clock_timestamp())::float8
FROM accounts WHERE id = %s
"""
ENABLE_SECOND_FACTOR_SQL = """
UPDATE accounts SET totp_secret = totp_pending_secret, totp_pending_secret = NULL, totp_last_counter = %s,
    recovery_digests = %s
WHERE id = %s
"""
DISABLE_SECOND_FACTOR_SQL = """
UPDATE accounts SET totp_secret = NULL, totp_pending_secret = NULL, totp_last_counter = NULL, recovery_digests = '{}'
WHERE id = %s
"""
REPLACE_RECOVERY_CODES_SQL = "UPDATE accounts SET recovery_digests = %s WHERE id = %s AND totp_secret IS NOT NULL"
COUNT_RECOVERY_CODES_SQL = "SELECT cardinality(recovery_digests) FROM accounts WHERE id = %s"
# Two sign-ins with one code: the row's lock lets one of them win.
CLAIM_COUNTER_SQL = """
UPDATE accounts SET totp_last_counter = %(counter)s
WHERE id = %(account)s AND coalesce(totp_last_counter, -1) < %(counter)s RETURNING id
"""
USE_RECOVERY_CODE_SQL = """
UPDATE accounts SET recovery_digests = array_remove(recovery_digests, %(digest)s)
WHERE id = %(account)s AND %(digest)s = ANY(recovery_digests) RETURNING id
"""


class TotpEnrolment(NamedTuple):
    """A pending secret, as text to type and as the URI of the QR code. Both are secrets."""

    secret: str
    uri: str


class CodeCheck(NamedTuple):
    """Whether a code is right. If it is not, whether it belongs to another time, so that a clock is probably off."""

    is_right: bool
    is_clock_off: bool = False


class CodeMismatch(Exception):
    """The code is wrong. With `is_clock_off` it is a code of another time."""

    def __init__(self, *, is_clock_off: bool) -> None:
        super().__init__(
            "The code is of another time: check the clock of the phone." if is_clock_off else "Wrong code."
        )
        self.is_clock_off = is_clock_off


async def begin_enrolment(connection: Connection, cipher: Cipher, account_id: int) -> TotpEnrolment:
    """Store a new pending secret and return it. The present second factor stays until a code is confirmed."""
    secret = pyotp.random_base32()
    sealed = (await cipher.in_transaction(connection)).encrypt(secret)
    row = await (await connection.execute(START_ENROLMENT_SQL, (sealed, account_id))).fetchone()
    email = row[0] if row else ""
    return TotpEnrolment(secret, pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=TOTP_ISSUER))


async def confirm_enrolment(connection: Connection, cipher: Cipher, account_id: int, code: str) -> list[str]:
    """Turn the pending secret into the second factor and return new recovery codes, which are shown once.

    Raises CodeMismatch if the code is not one of the pending secret, also if there is none.
    """
    _, pending, _, now = await _read_second_factor(connection, account_id)
    if pending is None:
        raise CodeMismatch(is_clock_off=False)
    counter = find_code_counter(cipher.decrypt(pending), code, now, TOTP_WINDOW)
    if counter is None:
        other = find_code_counter(cipher.decrypt(pending), code, now, CLOCK_SEARCH_STEPS)
        raise CodeMismatch(is_clock_off=other is not None)
    codes = _new_recovery_codes()
    digests = [_recovery_digest(each) for each in codes]
    await connection.execute(ENABLE_SECOND_FACTOR_SQL, (counter, digests, account_id))
    return codes


async def disable_second_factor(connection: Connection, account_id: int) -> None:
    """Remove secret and recovery codes. The caller has the password confirmed first."""
    await connection.execute(DISABLE_SECOND_FACTOR_SQL, (account_id,))


async def replace_recovery_codes(connection: Connection, account_id: int) -> list[str]:
    """Replace all recovery codes and return the new ones, which are shown once.

    An account without a second factor gets none.
    """
    codes = _new_recovery_codes()
    digests = [_recovery_digest(each) for each in codes]
    replaced = await connection.execute(REPLACE_RECOVERY_CODES_SQL, (digests, account_id))
    return codes if replaced.rowcount else []


async def count_recovery_codes(connection: Connection, account_id: int) -> int:
    """Return how many recovery codes are unused."""
    row = await (await connection.execute(COUNT_RECOVERY_CODES_SQL, (account_id,))).fetchone()
    return int(row[0]) if row else 0


async def check_code(connection: Connection, cipher: Cipher, account_id: int, code: str) -> CodeCheck:
    """Check a code of the app or a recovery code, and use it up.

    Of an account without a second factor no code is right.
    """
    secret, _, _, now = await _read_second_factor(connection, account_id)
    if secret is None:
        return CodeCheck(is_right=False)
    code = "".join(code.split()).replace("-", "").lower()
    if not code.isdecimal():
        values = {"account": account_id, "digest": _recovery_digest(code)}
        return CodeCheck(await (await connection.execute(USE_RECOVERY_CODE_SQL, values)).fetchone() is not None)
    counter = find_code_counter(cipher.decrypt(secret), code, now, CLOCK_SEARCH_STEPS)
    if counter is None:
        return CodeCheck(is_right=False)
    # A code of another time is used up as well: otherwise the hint would tell a guesser which code to send later.
    claim = await connection.execute(CLAIM_COUNTER_SQL, {"account": account_id, "counter": counter})
    is_new = await claim.fetchone() is not None
    is_near = abs(counter - int(now) // TOTP_STEP_SECONDS) <= TOTP_WINDOW
    return CodeCheck(is_new and is_near, is_clock_off=not is_near)


def find_code_counter(secret: str, code: str, now: float, window: int) -> int | None:
    """Return the time step of a code, at most `window` steps from now; the nearest if there are several."""
    app, present = pyotp.TOTP(secret), int(now) // TOTP_STEP_SECONDS
    for distance in sorted(range(-window, window + 1), key=abs):
        if secrets.compare_digest(app.generate_otp(present + distance), code):
            return present + distance
    return None


async def _read_second_factor(
    connection: Connection, account_id: int
) -> tuple[bytes | None, bytes | None, int | None, float]:
    row = await (await connection.execute(READ_SECOND_FACTOR_SQL, (account_id,))).fetchone()
    return (row[0], row[1], row[2], row[3]) if row else (None, None, None, 0.0)


def _new_recovery_codes() -> list[str]:
    return [_new_recovery_code() for _ in range(RECOVERY_CODE_COUNT)]


def _new_recovery_code() -> str:
    """Return 80 random bits in groups of four. The first character is a letter, to tell it from a code of the app."""
    while True:
        text = base64.b32encode(secrets.token_bytes(RECOVERY_CODE_BYTES)).decode().lower()
        if text[0].isalpha():
            return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def _recovery_digest(code: str) -> bytes:
    """Return the digest of a code. It has so many random bits that a slow hash would add nothing."""
    return hashlib.sha256(code.replace("-", "").encode(errors="surrogateescape")).digest()
