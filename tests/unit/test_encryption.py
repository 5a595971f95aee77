"""What is encrypted can be read with the same keys, and with no other."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from shared.platform.crypto.encryption import DecryptionError, TransactionCipher, split_keys
from shared.platform.data_dir import ENCRYPTION_KEY_NAME, DataDir
from shared.platform.settings import Settings

pytestmark = pytest.mark.unit

OLD, NEW, OTHER = "the-first-key-of-all", "another-key-than-it", "a-key-of-somebody-else"


def cipher(*keys: str) -> TransactionCipher:
    return TransactionCipher(lambda: ",".join(keys))


@settings(deadline=None)
@given(st.text())
def test_ciphertext_decrypts_and_differs_each_time(text: str) -> None:
    safe = cipher(OLD)
    first, second = safe.encrypt(text), safe.encrypt(text)
    assert safe.decrypt(first) == safe.decrypt(second) == text
    assert first != second
    assert len(text) < 4 or text.encode() not in first


@settings(deadline=None)
@given(st.data())
def test_tampered_ciphertext_is_refused(data: st.DataObject) -> None:
    sealed = bytearray(urlsafe_b64decode(cipher(OLD).encrypt("secret")))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(DecryptionError):
        cipher(OLD).decrypt(urlsafe_b64encode(sealed))


@pytest.mark.parametrize("damaged", [b"", b"plain text", b"\xff" * 80])
def test_text_that_was_never_encrypted_is_refused(damaged: bytes) -> None:
    with pytest.raises(DecryptionError):
        cipher(OLD).decrypt(damaged)


def test_wrong_key_cannot_decrypt() -> None:
    with pytest.raises(DecryptionError, match="cannot be decrypted"):
        cipher(OTHER).decrypt(cipher(OLD).encrypt("secret"))


def test_every_key_decrypts_and_the_first_encrypts() -> None:
    both = cipher(NEW, OLD)
    assert both.decrypt(cipher(OLD).encrypt("secret")) == "secret"
    assert cipher(NEW).decrypt(both.encrypt("secret")) == "secret"


def test_a_renewed_text_needs_the_old_key_no_longer() -> None:
    both, sealed = cipher(NEW, OLD), cipher(OLD).encrypt("secret")
    renewed = both.re_encrypt(sealed)
    assert renewed is not None
    assert cipher(NEW).decrypt(renewed) == "secret"
    assert both.re_encrypt(renewed) is None
    with pytest.raises(DecryptionError):
        both.re_encrypt(cipher(OTHER).encrypt("secret"))


def test_a_running_service_follows_the_file_of_its_data_dir(tmp_path: Path) -> None:
    home = DataDir(tmp_path)
    safe = TransactionCipher.from_settings(Settings(data_dir=tmp_path, secret_key=SecretStr("")))
    first = home.get_or_create_secret(ENCRYPTION_KEY_NAME)
    assert (home.secrets_dir / ENCRYPTION_KEY_NAME).stat().st_mode & 0o777 == 0o600
    sealed = safe.encrypt("secret")
    home.replace_secret(ENCRYPTION_KEY_NAME, f"{NEW},{first}")
    assert safe.decrypt(cipher(NEW).encrypt("from another service")) == "from another service"
    assert cipher(NEW).decrypt(safe.encrypt("under the new key")) == "under the new key"
    assert safe.decrypt(sealed) == "secret"
    assert (home.secrets_dir / ENCRYPTION_KEY_NAME).stat().st_mode & 0o777 == 0o600


def test_encryption_uses_the_new_key_after_a_key_change(tmp_path: Path) -> None:
    """Though nothing was met that the old one does not decrypt."""
    home = DataDir(tmp_path)
    safe = TransactionCipher.from_settings(Settings(data_dir=tmp_path, secret_key=SecretStr("")))
    old = home.get_or_create_secret(ENCRYPTION_KEY_NAME)
    assert safe.signing_key() == old
    home.replace_secret(ENCRYPTION_KEY_NAME, f"{NEW},{old}")
    assert cipher(NEW).decrypt(safe.encrypt("secret")) == "secret"
    home.replace_secret(ENCRYPTION_KEY_NAME, f"{OTHER},{old}")
    assert safe.signing_key() == OTHER


def test_a_rotation_follows_keys_that_changed_since_it_began() -> None:
    keys = [OLD]
    running = TransactionCipher(lambda: ",".join(keys))
    sealed = cipher(NEW).encrypt("secret")
    keys[:] = [OTHER, NEW]
    renewed = running.re_encrypt(sealed)
    assert renewed is not None
    assert cipher(OTHER).decrypt(renewed) == "secret"


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    safe = TransactionCipher.from_settings(Settings(data_dir=tmp_path, secret_key=SecretStr(f" {NEW} , {OLD} ")))
    assert cipher(NEW).decrypt(safe.encrypt("secret")) == "secret"
    assert split_keys(f" {NEW} , {OLD} ") == [NEW, OLD]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("keys", ["short", f"{OLD},short", f"{OLD},"])
def test_a_key_that_could_be_guessed_is_refused_and_not_repeated(keys: str) -> None:
    with pytest.raises(ValidationError, match="at least 16 characters"):
        Settings(secret_key=SecretStr(keys))
