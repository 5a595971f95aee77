"""Passwords: their rules, and their hashes by argon2id.

The parameters (2 passes, 19 MiB, 1 lane) take 40 to 75 ms on a slow core, where argon2-cffi's defaults take 300 to 500.
Few hashes are made at once (`shared/auth/hash_queue.py`), so that a flood of sign-ins takes neither the memory nor all
cores.
"""

import secrets
import unicodedata
from collections.abc import Hashable
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from shared.auth.hash_queue import HashQueue

MIN_PASSWORD_LENGTH: Final = 10  # characters
MAX_PASSWORD_LENGTH: Final = 200  # characters
ARGON2_TIME_COST, ARGON2_MEMORY_KIB, ARGON2_PARALLELISM = 2, 19 * 1024, 1

# The commonest passwords of at least 10 characters, without case, and the product's own name.
COMMON_PASSWORDS = frozenset(
    "1234567890 12345678910 123456789a 0123456789 0987654321 1234567891 9876543210 1111111111 0000000000 1q2w3e4r5t "
    "1q2w3e4r5t6y q1w2e3r4t5 q1w2e3r4t5y6 qwertyuiop qwerty1234 qwerty12345 qwerty123456 qwertyuiop123 1qaz2wsx3edc "
    "zaq12wsxcde asdfghjkl1 asdfghjkl; password12 password123 password1234 password12345 password1! password123! "
    "passw0rd123 p@ssw0rd123 passwordpassword mypassword mypassword1 iloveyou12 iloveyou123 iloveyou1234 letmein123 "
    "letmein1234 welcome123 welcome1234 welcome2024 welcome2025 welcome2026 admin12345 admin123456 administrator "
    "changeme123 changeme1234 changeme12 football123 baseball123 basketball superman123 sunshine123 princess123 "
    "abcdefghij abcdefghijk abcd123456 abc1234567 aaaaaaaaaa qazwsxedcrfv 123qweasdzxc 1234qwerasdf a123456789 "
    "leadhub123 leadhub1234 leadhubleadhub correcthorsebatterystaple".split()
)

TOO_SHORT_MESSAGE = f"The password must have at least {MIN_PASSWORD_LENGTH} characters."
TOO_LONG_MESSAGE = f"The password must have at most {MAX_PASSWORD_LENGTH} characters."
EMAIL_PASSWORD_MESSAGE = "The password must not be the email address."  # noqa: S105 - a message
COMMON_PASSWORD_MESSAGE = "This password is one of the commonest: choose another one."  # noqa: S105 - a message


class InvalidPassword(ValueError):
    """The password breaks a rule; the message says which."""


def check_password_rules(password: str, email: str) -> None:
    """Raise InvalidPassword for a password that is too short, too long, too common or the person's own email."""
    if len(password) < MIN_PASSWORD_LENGTH:
        raise InvalidPassword(TOO_SHORT_MESSAGE)
    if len(password) > MAX_PASSWORD_LENGTH:
        raise InvalidPassword(TOO_LONG_MESSAGE)
    plain = password.strip().lower()
    if plain in (email.lower(), email.lower().partition("@")[0]):
        raise InvalidPassword(EMAIL_PASSWORD_MESSAGE)
    if plain in COMMON_PASSWORDS or len(set(plain)) == 1:
        raise InvalidPassword(COMMON_PASSWORD_MESSAGE)


class PasswordHashing:
    """Hash and verify passwords in threads. There is one per process."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(ARGON2_TIME_COST, ARGON2_MEMORY_KIB, ARGON2_PARALLELISM)
        self._queue = HashQueue()
        self._dummy_hash = ""

    async def hash_password(self, password: str) -> str:
        """Return the hash to be stored. Raises RateLimited, as below."""
        return await self._queue.run_hash("new password", lambda: self._hasher.hash(_as_bytes(password)))

    async def verify_password(self, password_hash: str | None, password: str, caller: Hashable = None) -> bool:
        """Return whether the password is that of the hash.

        Without a hash, as of an account that does not exist, return False after the same time. Callers who were wrong
        least of late come first, such as a network with one attempt before one with many. Raises RateLimited if too
        many wait.
        """
        if not self._dummy_hash:
            self._dummy_hash = await self.hash_password(secrets.token_hex())
        hashed = password_hash or self._dummy_hash
        is_match = await self._queue.run_hash(caller, lambda: self._is_match(hashed, password))
        if is_match:
            self._queue.forgive_hash(caller)
        return is_match

    def needs_rehash(self, password_hash: str) -> bool:
        """Return whether the hash was made with other parameters than those of this version."""
        return self._hasher.check_needs_rehash(password_hash)

    def _is_match(self, password_hash: str, password: str) -> bool:
        try:
            return len(password) <= MAX_PASSWORD_LENGTH and self._hasher.verify(password_hash, _as_bytes(password))
        except (Argon2Error, InvalidHashError):
            return False


def _as_bytes(password: str) -> bytes:
    """Return what is hashed. Keyboards write the same letters with different code points, hence the normal form."""
    password = unicodedata.normalize("NFKC", password)
    return password.encode(errors="surrogatepass")
