"""KeystoneClient: the few requests that are made of Keystone, and the token to make them with.

It keeps nothing but that one token; what is remembered of others' is ``keystone``'s.
"""

import ssl
from collections.abc import Callable
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final

import httpx2
import msgspec
import structlog

from innkeeper.auth.single_flight import SingleFlight
from innkeeper.auth.token import Service, Token, TokenShown
from innkeeper.config import KeystoneSettings
from innkeeper.core.errors import IdentityUnavailable, SetupError

MAX_CONNECTIONS: Final = 20
"""Requests to Keystone at a time: more would only queue up there, where others wait as well."""
TRIES: Final = 2
"""An idle connection that Keystone has closed shows only when it is used: once more is enough."""
RENEW_BEFORE: Final = timedelta(seconds=60)
"""How long before its end our own token is replaced: longer than any request takes."""

COMPLAIN_AGAIN: Final = timedelta(seconds=10)
"""How often the log says that Keystone is gone, however many requests learn of it."""

_log = structlog.get_logger("innkeeper.auth")


class OwnToken(msgspec.Struct, frozen=True):
    """Our own token."""

    id: str
    renew_at: datetime
    endpoint: str
    """Where tokens are validated."""


class KeystoneClient:
    """Asks one Keystone, as the user that the settings name."""

    def __init__(
        self,
        settings: KeystoneSettings,
        *,
        now: Callable[[], datetime],
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        """``now`` is aware. Raises SetupError for a certificate file that is none."""
        self._settings = settings
        self._now = now
        self._auth_url = _v3(settings.auth_url)
        self._http = httpx2.AsyncClient(
            verify=_verification(settings),
            timeout=settings.timeout_s,
            limits=httpx2.Limits(max_connections=MAX_CONNECTIONS),
            headers={"accept": "application/json", "user-agent": "innkeeper"},
            transport=transport,
        )
        self._own: OwnToken | None = None
        self._logins: SingleFlight[OwnToken] = SingleFlight()
        self._complain_at: datetime | None = None

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def validate(self, token: str, *, allow_expired: bool) -> Token | None:
        """Give what Keystone says of a token; None if it knows none such.

        Raises IdentityUnavailable.
        """
        own = await self._own_token(refused=None)
        response = await self._ask_about(token, own, allow_expired=allow_expired)
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            own = await self._own_token(refused=own)
            response = await self._ask_about(token, own, allow_expired=allow_expired)
        match response.status_code:
            case HTTPStatus.OK:
                return self._read(response)
            case HTTPStatus.NOT_FOUND:
                return None
            case status:
                raise self._unavailable(f"It answered {status} when asked about a token.")

    async def log_in(self) -> OwnToken:
        """Get a new token by the password of the settings. Raises IdentityUnavailable."""
        began = self._now()
        response = await self._send(
            "POST", f"{self._auth_url}/auth/tokens", json=_password_request(self._settings)
        )
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            raise self._unavailable("It refuses keystone.username with keystone.password.")
        if response.status_code != HTTPStatus.CREATED:
            raise self._unavailable(
                f"It answered {response.status_code} when asked for our own token."
            )
        token = self._read(response)
        # One that lives shortly is used for half of its life at least.
        spare = min(RENEW_BEFORE, (token.expires_at - began) / 2)
        return OwnToken(
            response.headers.get("x-subject-token", ""),
            renew_at=token.expires_at - spare,
            endpoint=self._endpoint(token.catalog),
        )

    async def _ask_about(
        self, token: str, own: OwnToken, *, allow_expired: bool
    ) -> httpx2.Response:
        query = "nocatalog&allow_expired=1" if allow_expired else "nocatalog"
        return await self._send(
            "GET",
            f"{own.endpoint}/auth/tokens?{query}",
            headers={
                "x-auth-token": own.id,
                "x-subject-token": token,
                # Without it Keystone hides tokens of restricted application credentials.
                "openstack-identity-access-rules": "1",
            },
        )

    async def _own_token(self, *, refused: OwnToken | None) -> OwnToken:
        """Give our token, a new one if there is none, if it ends soon or was refused.

        Whoever needs a new one at the same time shares it, or shares the failure to get it: they
        must not wait for a Keystone that hangs one after the other.
        """
        own = self._own
        if own is None or own is refused or own.renew_at <= self._now():
            own = self._own = await self._logins.run(b"", self.log_in)
        return own

    def _endpoint(self, catalog: tuple[Service, ...]) -> str:
        """Give where to validate: the endpoint that the settings choose, else auth_url."""
        wanted, region = self._settings.interface, self._settings.region_name
        if wanted:
            for service in catalog:
                for endpoint in service.endpoints if service.type == "identity" else ():
                    if endpoint.interface == wanted and region in ("", endpoint.region_id):
                        return _v3(endpoint.url)
            _log.warning(
                "the catalog has no such identity endpoint: keystone.auth_url is used",
                interface=wanted,
                region=region,
            )
        return self._auth_url

    async def _send(
        self,
        method: str,
        url: str,
        *,
        headers: dict[str, str] | None = None,
        json: dict[str, Any] | None = None,
    ) -> httpx2.Response:
        for attempt in range(1, TRIES + 1):
            try:
                return await self._http.request(method, url, headers=headers, json=json)
            except httpx2.TimeoutException as error:
                raise self._unavailable(
                    f"No answer within {self._settings.timeout_s:g} s."
                ) from error
            except (httpx2.RequestError, httpx2.InvalidURL) as error:
                if attempt == TRIES:
                    raise self._unavailable(f"{str(error) or type(error).__name__}.") from error
        raise AssertionError("the last try returns or raises")

    def _read(self, response: httpx2.Response) -> Token:
        try:
            return msgspec.json.decode(response.content, type=TokenShown).token
        except msgspec.MsgspecError as error:
            raise self._unavailable(f"Its answer is not that of a Keystone: {error}.") from error

    def _unavailable(self, why: str) -> IdentityUnavailable:
        """Give the error, after saying why in the log, now and then: clients need not know."""
        now = self._now()
        if self._complain_at is None or now >= self._complain_at:
            self._complain_at = now + COMPLAIN_AGAIN
            _log.error("Keystone cannot be asked", why=why, url=self._auth_url)
        return IdentityUnavailable("The Keystone service is temporarily unavailable.")


def _v3(url: str) -> str:
    url = url.rstrip("/")
    return url if url.endswith("/v3") else f"{url}/v3"


def _verification(settings: KeystoneSettings) -> ssl.SSLContext | bool:
    if settings.insecure:
        return False
    if not settings.ca_file:
        return True
    try:
        return ssl.create_default_context(cafile=settings.ca_file)
    except OSError as error:
        raise SetupError(f"keystone.ca_file: {settings.ca_file}: {error}.") from error


def _password_request(settings: KeystoneSettings) -> dict[str, Any]:
    user = {
        "name": settings.username,
        "domain": {"name": settings.user_domain_name},
        "password": settings.password,
    }
    project = {
        "name": settings.project_name,
        "domain": {"name": settings.project_domain_name},
    }
    return {
        "auth": {
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"project": project},
        }
    }
