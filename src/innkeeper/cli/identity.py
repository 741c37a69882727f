"""Who a command is when it asks a server: a token, user and password, or OpenStack's variables."""

from collections.abc import AsyncGenerator, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

import httpx2

from innkeeper.config import TOKEN_VARIABLE, USER_VARIABLE, KeystoneSettings
from innkeeper.core.errors import SetupError

OS_NEEDED: Final = ("OS_AUTH_URL", "OS_USERNAME", "OS_PASSWORD", "OS_PROJECT_NAME")
"""Variables by which a token can be got, as python-openstackclient knows them."""


class Bearer(httpx2.Auth):
    """Sends a token that is known already."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def async_auth_flow(
        self, request: httpx2.Request
    ) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """Send the request with the token."""
        request.headers["x-auth-token"] = self._token
        yield request


class KeystonePassword(httpx2.Auth):
    """Gets a token of Keystone when a server asks for one, and sends it from then on."""

    def __init__(self, settings: KeystoneSettings) -> None:
        self._settings = settings
        self._token: str | None = None

    async def async_auth_flow(
        self, request: httpx2.Request
    ) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """Send the request; if it wants a token, once more with one."""
        if self._token is not None:
            request.headers["x-auth-token"] = self._token
        response = yield request
        if response.status_code == HTTPStatus.UNAUTHORIZED and self._token is None:
            self._token = request.headers["x-auth-token"] = await self._log_in()
            yield request

    async def _log_in(self) -> str:
        from innkeeper.auth.keystone_client import KeystoneClient

        client = KeystoneClient(self._settings, now=lambda: datetime.now(UTC))
        try:
            return (await client.log_in()).id
        finally:
            await client.close()


def identity(token: str | None, user: str | None, environ: Mapping[str, str]) -> httpx2.Auth | None:
    """Give who a command is; None: nobody. Raises SetupError."""
    token = token or environ.get(TOKEN_VARIABLE) or environ.get("OS_TOKEN")
    if token:
        return Bearer(token)
    user = user or environ.get(USER_VARIABLE)
    if user:
        name, colon, password = user.partition(":")
        if not colon:
            raise SetupError(f"--user or {USER_VARIABLE}: expected NAME:PASSWORD")
        return httpx2.BasicAuth(name, password)
    if all(environ.get(name) for name in OS_NEEDED):
        return KeystonePassword(_keystone(environ))
    return None


def who_to_be(challenge: str) -> str:
    """Say what to set for a server that answered 401 with ``challenge``."""
    if challenge.lower().startswith("basic"):
        return f"Give --user NAME:PASSWORD, or set {USER_VARIABLE}."
    return (
        f"Give --token, or set {TOKEN_VARIABLE}; or set {', '.join(OS_NEEDED[:-1])} and"
        f" {OS_NEEDED[-1]} to get one from Keystone."
    )


def _keystone(environ: Mapping[str, str]) -> KeystoneSettings:
    default = KeystoneSettings()
    return KeystoneSettings(
        auth_url=environ["OS_AUTH_URL"],
        username=environ["OS_USERNAME"],
        password=environ["OS_PASSWORD"],
        user_domain_name=environ.get("OS_USER_DOMAIN_NAME", default.user_domain_name),
        project_name=environ["OS_PROJECT_NAME"],
        project_domain_name=environ.get("OS_PROJECT_DOMAIN_NAME", default.project_domain_name),
        ca_file=environ.get("OS_CACERT", ""),
    )
