"""Whose key a call is made with: that of the environment, or the one that an HTTP request brings."""

import time
from collections import OrderedDict
from collections.abc import Callable

from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken, TokenVerifier
from mcp.server.mcpserver.exceptions import ToolError

from services.mcp_server.leadhub_api import ApiRefused, KeyProfile, LeadHubApi, key_digest

REMEMBERED_SECONDS = 30.0  # the API itself refuses a revoked key at once
MAX_REMEMBERED_KEYS = 1_000
MAX_KEY_LENGTH = 200
NO_KEY_MESSAGE = "There is no API key: send it as a Bearer token, or start the server with LEADHUB_KEY."


class KeyVerifier(TokenVerifier):
    """Checks the keys of HTTP requests by asking the API what each may do. It keeps no key, only digests."""

    def __init__(self, client: LeadHubApi, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._clock = clock
        self._remembered: OrderedDict[str, tuple[float, KeyProfile]] = OrderedDict()

    async def verify_token(self, token: str) -> AccessToken | None:
        """Return who the key is; None if the API refuses it or does not answer."""
        if not token.isascii() or not token.isprintable() or len(token) > MAX_KEY_LENGTH:
            return None
        profile = self._recall(digest := key_digest(token))
        if profile is None:
            try:
                profile = await self._client.with_key(token).read_profile()
            except ApiRefused:
                return None
            self._remember(digest, profile)
        return AccessToken(token=token, client_id=f"key-{profile.key_id}", scopes=sorted(profile.scopes))

    def _recall(self, digest: str) -> KeyProfile | None:
        expires, profile = self._remembered.get(digest, (0.0, None))
        return profile if expires > self._clock() else None

    def _remember(self, digest: str, profile: KeyProfile) -> None:
        self._remembered[digest] = (self._clock() + REMEMBERED_SECONDS, profile)
        self._remembered.move_to_end(digest)
        while len(self._remembered) > MAX_REMEMBERED_KEYS:
            self._remembered.popitem(last=False)


def presented_key(own_key: str | None) -> str:
    """Return the key of the caller. ToolError without one.

    A server has either a key of its own, over stdio, or none, over HTTP: no caller acts by the key of another.
    """
    if own_key is not None:
        return own_key
    token = get_access_token()
    if token is None:
        raise ToolError(NO_KEY_MESSAGE)
    return token.token
