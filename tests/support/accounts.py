"""Accounts, browsers that sign in to them, and codes of an authenticator app."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pyotp
from pydantic import SecretStr

from shared.auth.operator_accounts import create_operator_made_user, trust_account
from shared.auth.passwords import PasswordHashing
from shared.auth.roles import Role
from shared.auth.sign_in import SignedIn, SignInAttempt, SignInResult, SignInService
from shared.platform.crypto.encryption import Cipher
from shared.platform.db.connections import Connection, ConnectionPool, connect, make_pool
from shared.platform.db.standby_watch import StandbyWatch
from shared.platform.settings import Settings

PASSWORD = "correct horse battery"
SETTINGS = Settings(secret_key=SecretStr("a key that only tests know"), public_url="https://leads.example")


class Door:
    """The sign-in of a process, its database, and a clock for codes."""

    def __init__(self, url: str, connection: Connection, pool: ConnectionPool) -> None:
        self.url = url
        self.connection = connection
        self.pool = pool
        self.cipher = Cipher.from_settings(SETTINGS)
        self.passwords = PasswordHashing()
        self.service = SignInService(SETTINGS, pool, StandbyWatch(url, "tests"), self.cipher, self.passwords)

    async def make_person(
        self, email: str, *, role: Role = "admin", slug: str = "main", password: str | None = PASSWORD, **more: Any
    ) -> int:
        """An account with a password that is a member of a workspace."""
        password_hash = await self.passwords.hash_password(password) if password else None
        async with self.connection.transaction():
            made = await create_operator_made_user(
                self.connection, slug, email=email, name="Ada", role=role, password_hash=password_hash, **more
            )
        return made.account_id

    async def trust(self, email: str) -> None:
        """As the operator who knows that the person holds the password."""
        await trust_account(self.connection, email)

    async def try_sign_in(self, email: str, password: str = PASSWORD, **more: Any) -> SignInResult:
        """An attempt of a browser at 192.0.2.1."""
        attempt = SignInAttempt(email, password, "192.0.2.1", "Browser 1.0")
        return await self.service.sign_in(replace(attempt, **more))

    async def sign_in(self, email: str, password: str = PASSWORD, **more: Any) -> SignedIn:
        """An attempt that succeeds."""
        result = await self.try_sign_in(email, password, **more)
        assert isinstance(result, SignedIn), result
        return result

    async def code(self, secret: str, seconds: int = 0) -> str:
        """What the app shows at the database's time, or so many seconds later."""
        row = await (await self.connection.execute("SELECT extract(epoch FROM clock_timestamp())")).fetchone()
        assert row is not None
        return pyotp.TOTP(secret).at(int(row[0]) + seconds)

    async def forget_failures(self) -> None:
        """As if an hour had passed."""
        await self.connection.execute("DELETE FROM sign_in_failures")

    async def value(self, query: str, *arguments: Any) -> Any:
        """The first value of the first row."""
        row = await (await self.connection.execute(query, arguments)).fetchone()
        assert row is not None
        return row[0]


@asynccontextmanager
async def opened_door(url: str) -> AsyncIterator[Door]:
    """A door on that database."""
    async with make_pool(url, "tests", size=4) as pool, connect(url, "tests") as connection:
        yield Door(url, connection, pool)
