"""`secrets`: replace the keys that encrypt stored credentials."""

import secrets as randomness

import click

from cli import key_rotation
from cli.common import data_dir_option, make_settings, notify_operator, with_database
from shared.platform.crypto.encryption import Cipher, key_file_path, split_keys
from shared.platform.data_dir import ENCRYPTION_KEY_NAME, DataDir
from shared.platform.db.connections import Connection
from shared.platform.settings import Settings

SINGLE_KEY_MESSAGE = (
    "LEADHUB_SECRET_KEY holds one key. Set it to a new one, a comma and this one in every service, start them again, "
    "and run this once more"
)


@click.group()
@data_dir_option
def secrets() -> None:
    """The keys that encrypt stored credentials."""


@secrets.command("rotate")
@data_dir_option
def secrets_rotate() -> None:
    """Replace the key that encrypts stored credentials.

    Everything goes on meanwhile. Prints how many were encrypted again. Without LEADHUB_SECRET_KEY a new key is made in
    the data dir, all is put under it, and the old one is dropped. With it, holding the new key, a comma and the old
    one, all is put under the first; then the old one can be taken out. A rotation that was cut short goes on when this
    is run again. Older backups hold the keys that they need.
    """
    settings = make_settings()
    rotation = with_database(settings, lambda use: _rotate_keys(use, settings))
    for place in rotation.unreadable:
        notify_operator(f"none of the keys decrypts {place}")
    notify_operator(f"encrypted {rotation.re_encrypted_count} values again")
    click.echo(rotation.re_encrypted_count)


async def _rotate_keys(connection: Connection, settings: Settings) -> key_rotation.RotationResult:
    await key_rotation.lock_rotation(connection)
    if settings.secret_key.get_secret_value():
        return await _rotate_keys_of_setting(connection, settings)
    return await _rotate_keys_of_file(connection, settings)


async def _rotate_keys_of_setting(connection: Connection, settings: Settings) -> key_rotation.RotationResult:
    if len(split_keys(settings.secret_key.get_secret_value())) == 1:
        raise ValueError(SINGLE_KEY_MESSAGE)
    await key_rotation.wait_for_open_transactions(connection)  # of the services before their restart
    rotation = await key_rotation.re_encrypt_all(connection, Cipher.from_settings(settings))
    notify_operator(
        "all is encrypted under the first key of LEADHUB_SECRET_KEY; take out the others and start the services again"
    )
    return rotation


async def _rotate_keys_of_file(connection: Connection, settings: Settings) -> key_rotation.RotationResult:
    home = DataDir(settings.data_dir)
    keys = split_keys(key_file_path(home).read_text())
    if len(keys) == 1:
        keys = [randomness.token_urlsafe(32), *keys]
        home.replace_secret(ENCRYPTION_KEY_NAME, ",".join(keys))
    else:
        notify_operator("going on with a rotation that was cut short")
    await key_rotation.wait_for_open_transactions(connection)
    found = await key_rotation.re_encrypt_all(connection, Cipher.from_settings(settings))
    home.replace_secret(ENCRYPTION_KEY_NAME, keys[0])
    return found
