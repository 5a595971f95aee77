"""Encryption at rest: credentials are stored as ciphertext only, and no key is ever stored in the database.

The keys come from `LEADHUB_SECRET_KEY` or from a file of the data dir. There may be several, separated by commas: the
first one encrypts, all of them decrypt. The file is read again for every encryption, and when a decryption fails, so
that `leadhub secrets rotate` can change it while services run. A rotation finds the columns with ciphertext by their
declared type (shared/models/base.py).

Whoever encrypts has begun the transaction that stores the result before the key is read. A rotation changes the file
and then waits for the transactions that are open: nobody else can still store a value under the old key.
"""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Self

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from psycopg.pq import TransactionStatus

from shared.platform.data_dir import ENCRYPTION_KEY_NAME, DataDir
from shared.platform.db.connections import Connection
from shared.platform.settings import Settings

# A key may be a passphrase. With scrypt each guess costs as much as a login (50 ms and 16 MiB), and each process pays
# this once per key. The salt is fixed, because there is no place to store another one: it only separates this use from
# others.
KEY_DERIVATION_SCRYPT = {"salt": b"leadhub credentials", "n": 2**14, "r": 8, "p": 1, "dklen": 32}


class DecryptionError(Exception):
    """The ciphertext is damaged, or encrypted under none of the keys."""

    def __init__(self) -> None:
        super().__init__("stored credentials cannot be decrypted: not with the keys of this service")


class Cipher:
    """Decrypt with the keys that `read` returns, by Fernet (AES-128-CBC with HMAC-SHA256).

    It encrypts in a transaction alone: see `in_transaction`.
    """

    def __init__(self, read: Callable[[], str]) -> None:
        self._read_keys = read
        self._keys_text = ""
        self._fernets: list[Fernet] = []
        self._refresh_keys()

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Make the instance for a service. If neither environment nor data dir has a key, the data dir gets one."""
        return cls(key_source(settings))

    async def in_transaction(self, connection: Connection) -> "TransactionCipher":
        """Return a cipher that encrypts what the connection's transaction stores.

        Begins the transaction if the connection would begin it with the next statement. Raises RuntimeError on a
        connection in autocommit that has none.
        """
        if connection.info.transaction_status is TransactionStatus.IDLE and not connection.autocommit:
            await connection.execute("SELECT 1")
        return self.in_open_transaction(connection)

    def in_open_transaction(self, connection: Connection) -> "TransactionCipher":
        """Return the same. Raises RuntimeError if the connection's transaction has not begun on the server."""
        if connection.info.transaction_status is not TransactionStatus.INTRANS:
            raise RuntimeError("a value is encrypted in the transaction that stores it")
        return TransactionCipher(self._read_keys)

    def decrypt(self, data: bytes) -> str:
        """Decrypt the data. Raises DecryptionError if none of the keys fits."""
        return self._with_fresh_keys(lambda: MultiFernet(self._fernets).decrypt(data)).decode()

    def can_decrypt(self, data: bytes) -> bool:
        """Return whether one of the keys decrypts the data."""
        try:
            self.decrypt(data)
        except DecryptionError:
            return False
        return True

    def signing_key(self) -> str:
        """Return the key for short-lived signatures, such as those of cursors. It changes with the first key."""
        self._refresh_keys()
        return split_keys(self._keys_text)[0]

    def re_encrypt(self, data: bytes) -> bytes | None:
        """Re-encrypt data under the first key; None if it is under that one already. Raises DecryptionError."""
        try:
            self._fernets[0].decrypt(data)
        except InvalidToken:
            return self._with_fresh_keys(lambda: MultiFernet(self._fernets).rotate(data))
        return None

    def _with_fresh_keys(self, work: Callable[[], bytes]) -> bytes:
        try:
            return work()
        except InvalidToken:
            self._refresh_keys()
        try:
            return work()
        except InvalidToken:
            raise DecryptionError from None

    def _refresh_keys(self) -> None:
        text = self._read_keys()
        if text != self._keys_text:
            self._fernets = [_fernet_for_key(key) for key in split_keys(text)]
            self._keys_text = text


class TransactionCipher(Cipher):
    """A cipher that also encrypts, for one transaction: the values must be stored by it, or not at all."""

    def encrypt(self, text: str) -> bytes:
        """Encrypt the text under the first key."""
        self._refresh_keys()
        return self._fernets[0].encrypt(text.encode())


def split_keys(text: str) -> list[str]:
    """Return the keys of a comma-separated list. The first one encrypts."""
    return [key.strip() for key in text.split(",") if key.strip()]


def key_source(settings: Settings) -> Callable[[], str]:
    """Return a function that reads the keys of a service: from the settings, or from a file made on first use."""
    text = settings.secret_key.get_secret_value()
    if text:
        return lambda: text
    home = DataDir(settings.data_dir)
    home.get_or_create_secret(ENCRYPTION_KEY_NAME)
    return key_file_path(home).read_text


def read_first_key(settings: Settings) -> Callable[[], str]:
    """Return a function that reads the first key of a service, for keyed hashes: see `Cipher.signing_key`."""
    return lambda: split_keys(key_source(settings)())[0]


def key_file_path(home: DataDir) -> Path:
    """Return the path of the key file of a data dir."""
    return home.secrets_dir / ENCRYPTION_KEY_NAME


@lru_cache(maxsize=16)
def _fernet_for_key(key: str) -> Fernet:
    return Fernet(urlsafe_b64encode(hashlib.scrypt(key.encode(), **KEY_DERIVATION_SCRYPT)))  # type: ignore[arg-type]
