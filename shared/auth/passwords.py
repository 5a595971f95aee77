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
from shared.auth.password_strength import is_easy_to_guess

MIN_PASSWORD_LENGTH: Final = 10  # characters
MAX_PASSWORD_LENGTH: Final = 200  # characters
ARGON2_TIME_COST, ARGON2_MEMORY_KIB, ARGON2_PARALLELISM = 2, 19 * 1024, 1

TOO_SHORT_MESSAGE = f"The password must have at least {MIN_PASSWORD_LENGTH} characters."
TOO_LONG_MESSAGE = f"The password must have at most {MAX_PASSWORD_LENGTH} characters."
EASY_PASSWORD_MESSAGE = "This password is easy to guess: choose a longer one, such as a sentence."  # noqa: S105 - a message


class InvalidPassword(ValueError):
    """The password breaks a rule; the message says which."""


def _check_length(password: str) -> None:
    if len(password) < MIN_PASSWORD_LENGTH:
        raise InvalidPassword(TOO_SHORT_MESSAGE)
    if len(password) > MAX_PASSWORD_LENGTH:
        raise InvalidPassword(TOO_LONG_MESSAGE)


class PasswordHashing:
    """Hash and verify passwords in threads. There is one per process."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(ARGON2_TIME_COST, ARGON2_MEMORY_KIB, ARGON2_PARALLELISM)
        self._queue = HashQueue()
        self._dummy_hash = ""

    async def hash_password(self, password: str) -> str:
        """Return the hash to be stored, without a check of the rules. Raises RateLimited, as below."""
        return await self._queue.run_hash("new password", lambda: self._hasher.hash(_as_bytes(password)))

    async def hash_new_password(self, password: str, email: str) -> str:
        """Return the hash of a password that a person chose. The email is the person's own.

        Raises InvalidPassword if it is too short, too long or easy to guess, and RateLimited, as below.
        """
        _check_length(password)
        return await self._queue.run_hash("new password", lambda: self._hash_strong_password(password, email))

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

    def _hash_strong_password(self, password: str, email: str) -> str:
        if is_easy_to_guess(password, email):
            raise InvalidPassword(EASY_PASSWORD_MESSAGE)
        return self._hasher.hash(_as_bytes(password))

    def _is_match(self, password_hash: str, password: str) -> bool:
        try:
            return len(password) <= MAX_PASSWORD_LENGTH and self._hasher.verify(password_hash, _as_bytes(password))
        except (Argon2Error, InvalidHashError):
            return False


def _as_bytes(password: str) -> bytes:
    """Return what is hashed. Keyboards write the same letters with different code points, hence the normal form."""
    password = unicodedata.normalize("NFKC", password)
    return password.encode(errors="surrogatepass")
