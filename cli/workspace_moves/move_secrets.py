"""Stored secrets on their way: under a passphrase, since no installation decrypts what another one encrypted."""

import base64
import hashlib
import os
from pathlib import Path
from typing import Final

from cryptography.fernet import Fernet, InvalidToken

from cli.workspace_moves.copied_rows import InvalidMove

MIN_PASSPHRASE_LENGTH: Final = 16  # characters
MAX_PASSPHRASE_BYTES: Final = 4096
SALT_BYTES: Final = 16
# A guess costs 0.1 s and 32 MiB. Whoever has the file has all the time, hence the length above.
PASSPHRASE_SCRYPT: Final = {"n": 2**15, "r": 8, "p": 1, "dklen": 32, "maxmem": 64 << 20}
PROOF_TEXT: Final = "leadhub workspace"  # tells a wrong passphrase before anything is imported
LEFT_OUT_SECRET: Final = b"-"  # in place of a secret that a row cannot be without
OTHER_PHRASE_MESSAGE: Final = "the passphrase is not the one that it was exported with"


class PassphraseCipher:
    """Encrypt and decrypt secrets by Fernet, under a key that scrypt makes of a passphrase."""

    def __init__(self, passphrase: str, salt: bytes) -> None:
        self.salt = salt
        key = hashlib.scrypt(passphrase.encode(), salt=salt, **PASSPHRASE_SCRYPT)
        self._fernet = Fernet(base64.urlsafe_b64encode(key))

    def seal(self, text: str) -> bytes:
        """Encrypt a secret. The result has letters, digits, `-`, `_` and `=` alone."""
        return self._fernet.encrypt(text.encode())

    def unseal(self, sealed: bytes) -> str:
        """Decrypt a secret. Raises InvalidMove if it was encrypted with another passphrase."""
        try:
            return self._fernet.decrypt(sealed).decode()
        except (InvalidToken, ValueError):
            raise InvalidMove(OTHER_PHRASE_MESSAGE) from None


def new_cipher(passphrase: str) -> PassphraseCipher:
    """Make the cipher of a new file."""
    return PassphraseCipher(passphrase, os.urandom(SALT_BYTES))


def read_passphrase(path: Path) -> str:
    """Read a passphrase from a file, without the line's end. ValueError if it is too short, too long or no text."""
    with path.open("rb") as file:
        content = file.read(MAX_PASSPHRASE_BYTES + 1)
    try:
        passphrase = content.decode().strip()
    except ValueError:
        passphrase = ""
    if len(passphrase) < MIN_PASSPHRASE_LENGTH or len(content) > MAX_PASSPHRASE_BYTES:
        raise ValueError(
            f"{path} holds no passphrase of {MIN_PASSPHRASE_LENGTH} characters or more (openssl rand -base64 24 >FILE)"
        )
    return passphrase
