"""Encryption at rest: what others trust us with is stored as ciphertext only, and no key ever stands in the database.

The keys are `LEADHUB_SECRET_KEY`, else a file of the data dir. There may be several, separated by commas: the first
encrypts, all decrypt. The file is read again whenever something is encrypted, and when something cannot be decrypted,
so that `leadhub secrets rotate` changes it under running services. A column that holds ciphertext is declared as
`Ciphertext` (shared/models/base.py): that is how a rotation knows of it.
"""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from shared.embedded.datadir import KEY, DataDir
from shared.settings import Settings

# A key may be a passphrase: scrypt makes each guess at it as dear as one login (50 ms and 16 MiB), and is paid once
# per process. The salt only tells this use apart from others: there is nothing to keep one beside.
SCRYPT = {"salt": b"leadhub credentials", "n": 2**14, "r": 8, "p": 1, "dklen": 32}


# Held by a rotation, and shared by a backup: an advisory lock of the database.
ROTATION_LOCK = 0x1EAD_0001


class Unreadable(Exception):
    """What was stored is damaged, or encrypted under none of the keys."""

    def __init__(self) -> None:
        super().__init__("stored credentials cannot be decrypted: not with the keys of this service")


class Vault:
    """Encrypts and decrypts with the keys that `read` gives: Fernet, that is AES-128-CBC with HMAC-SHA256."""

    def __init__(self, read: Callable[[], str]) -> None:
        self._read = read
        self._text = ""
        self._fernets: list[Fernet] = []
        self._refresh()

    @classmethod
    def from_settings(cls, settings: Settings) -> "Vault":
        """The vault of a service. A data dir without a key gets one, where the environment has none."""
        return cls(source(settings))

    def encrypt(self, text: str) -> bytes:
        """The text under the first key.

        Call it in the transaction that stores the result: a rotation waits for those that began before it.
        """
        self._refresh()
        return self._fernets[0].encrypt(text.encode())

    def decrypt(self, data: bytes) -> str:
        """The text. Raises Unreadable."""
        return self._with_fresh_keys(lambda: MultiFernet(self._fernets).decrypt(data)).decode()

    def opens(self, data: bytes) -> bool:
        """Whether one of the keys decrypts it."""
        try:
            self.decrypt(data)
        except Unreadable:
            return False
        return True

    def signing_key(self) -> str:
        """For what is signed and short-lived, such as cursors: another one once the first key is another."""
        self._refresh()
        return split(self._text)[0]

    def renew(self, data: bytes) -> bytes | None:
        """The same text under the first key, or None if it is under that one already. Raises Unreadable."""
        try:
            self._fernets[0].decrypt(data)
        except InvalidToken:
            return self._with_fresh_keys(lambda: MultiFernet(self._fernets).rotate(data))
        return None

    def _with_fresh_keys(self, work: Callable[[], bytes]) -> bytes:
        try:
            return work()
        except InvalidToken:
            self._refresh()
        try:
            return work()
        except InvalidToken:
            raise Unreadable from None

    def _refresh(self) -> None:
        text = self._read()
        if text != self._text:
            self._fernets = [_fernet(key) for key in split(text)]
            self._text = text


def split(text: str) -> list[str]:
    """The keys, the one that encrypts first."""
    return [key.strip() for key in text.split(",") if key.strip()]


def source(settings: Settings) -> Callable[[], str]:
    """Where the keys of a service are read: its environment, or the file of its data dir, made on first use."""
    text = settings.secret_key.get_secret_value()
    if text:
        return lambda: text
    home = DataDir(settings.data_dir)
    home.secret(KEY)
    return key_file(home).read_text


def key_file(home: DataDir) -> Path:
    """The keys of a data dir."""
    return home.secrets / KEY


@lru_cache(maxsize=16)
def _fernet(key: str) -> Fernet:
    return Fernet(urlsafe_b64encode(hashlib.scrypt(key.encode(), **SCRYPT)))  # type: ignore[arg-type]
