"""`secrets`: replace the keys that encrypt stored credentials."""

import secrets as randomness

import click

from cli.common import data_dir_option, make_settings, say, with_database
from shared import rotation
from shared.db import Connection
from shared.embedded.datadir import KEY, DataDir
from shared.settings import Settings
from shared.vault import Vault, key_file, split

ONE_KEY = (
    "LEADHUB_SECRET_KEY holds one key. Set it to a new one, a comma and this one in every service, start them again, "
    "and run this once more"
)


@click.group()
@data_dir_option
def secrets() -> None:
    """The keys that encrypt stored credentials."""


@secrets.command("rotate")
@data_dir_option
def rotate() -> None:
    """Replace the key that encrypts stored credentials.

    Everything goes on meanwhile. Prints how many were encrypted anew. Without LEADHUB_SECRET_KEY a new key is made in
    the data dir, all is put under it, and the old one is dropped. With it, holding the new key, a comma and the old
    one, all is put under the first; then the old one can be taken out. A rotation that was cut short goes on when this
    is run again. Older backups hold the keys that they need.
    """
    settings = make_settings()
    found = with_database(settings, lambda use: _rotate(use, settings))
    for place in found.unreadable:
        say(f"none of the keys decrypts {place}")
    say(f"encrypted {found.done} values anew")
    click.echo(found.done)


async def _rotate(connection: Connection, settings: Settings) -> rotation.Renewed:
    await rotation.lock(connection)
    if settings.secret_key.get_secret_value():
        return await _rotate_given(connection, settings)
    return await _rotate_file(connection, settings)


async def _rotate_given(connection: Connection, settings: Settings) -> rotation.Renewed:
    if len(split(settings.secret_key.get_secret_value())) == 1:
        raise ValueError(ONE_KEY)
    found = await rotation.renew(connection, Vault.from_settings(settings))
    say("all is encrypted under the first key of LEADHUB_SECRET_KEY; take out the others and start the services again")
    return found


async def _rotate_file(connection: Connection, settings: Settings) -> rotation.Renewed:
    home = DataDir(settings.data_dir)
    keys = split(key_file(home).read_text())
    if len(keys) == 1:
        keys = [randomness.token_urlsafe(32), *keys]
        home.replace_secret(KEY, ",".join(keys))
    else:
        say("going on with a rotation that was cut short")
    await rotation.settle(connection)
    found = await rotation.renew(connection, Vault.from_settings(settings))
    home.replace_secret(KEY, keys[0])
    return found
