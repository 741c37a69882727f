"""Strategy ``keystone``: tokens, as Keystone says what they are worth.

Behaves towards clients as keystonemiddleware does. A token that was valid is believed for
``cache_s``, but never past its own end; so a revoked one works that long at most.
"""

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Final, Protocol

import structlog

from innkeeper.auth.access_rules import permits
from innkeeper.auth.credentials import Credentials
from innkeeper.auth.single_flight import SingleFlight
from innkeeper.auth.strategy import Asking
from innkeeper.auth.timed_cache import TimedCache
from innkeeper.auth.token import Token
from innkeeper.config import KeystoneSettings

MAX_TOKENS: Final = 20_000
"""Tokens remembered, about 2 KB each: those of a large cloud within a few minutes."""
REFUSED_S: Final = 5.0
"""How long a token that Keystone did not know is refused without asking again."""
MAX_REFUSED: Final = 10_000
"""Such tokens remembered, some 100 bytes each: more than come in good faith."""
MAX_TOKEN_CHARS: Final = 8_192
"""Longest token that is looked at: a Fernet token has about 250 characters."""

_log = structlog.get_logger("innkeeper.auth")


class Identity(Protocol):
    """What knows tokens."""

    async def validate(self, token: str, *, allow_expired: bool) -> Token | None:
        """Give what a token is worth; None if nothing. Raises IdentityUnavailable."""

    async def close(self) -> None:
        """Close the connections."""


class KeystoneTokens:
    """Knows the callers by X-Auth-Token, and the services by X-Service-Token."""

    def __init__(
        self,
        identity: Identity,
        settings: KeystoneSettings,
        *,
        now: Callable[[], datetime],
        clock: Callable[[], float],
    ) -> None:
        """``now`` is aware; ``clock`` gives monotonic seconds."""
        self._identity = identity
        self._settings = settings
        self._now = now
        self._valid: TimedCache[Token] = TimedCache(MAX_TOKENS, clock)
        self._refused: TimedCache[bool] = TimedCache(MAX_REFUSED, clock)
        self._flights: SingleFlight[Token | None] = SingleFlight()
        self._service_roles = frozenset(map(str.lower, settings.service_token_roles))
        uri = settings.www_authenticate_uri or settings.auth_url
        self._challenge = (("www-authenticate", f'Keystone uri="{uri}"'),)

    @property
    def challenge(self) -> tuple[tuple[str, str], ...]:
        """Headers of a 401."""
        return self._challenge

    async def close(self) -> None:
        """Close the connections to Keystone."""
        await self._identity.close()

    async def authenticate(self, asking: Asking) -> Credentials | None:
        """Give whose token it is; None if it is not valid. Raises IdentityUnavailable."""
        said, said_by_service = (
            asking.headers.get("x-auth-token"),
            asking.headers.get("x-service-token"),
        )
        if said is None:
            return None
        service, is_service = None, False
        if said_by_service is not None:
            service = await self._known(said_by_service)
            if service is None:
                return None
            is_service = not self._service_roles.isdisjoint(service.role_names)
            if self._settings.service_token_roles_required and not is_service:
                _log.info("a service token has no role of a service", user=service.user.id)
                return None
        # A service may finish what it began for somebody whose token has ended since.
        token = await self._known(said, allow_expired=is_service)
        if token is None or not (is_service or _may(token, asking)):
            return None
        return token.credentials(service)

    async def _known(self, said: str, *, allow_expired: bool = False) -> Token | None:
        said = said.strip()
        if not _plausible(said):
            return None
        digest = hashlib.sha256(said.encode()).digest()
        token = self._valid.get(digest)
        if token is None:
            # A refusal of an ended token says nothing to one who may use ended ones.
            key = digest + bytes((allow_expired,))
            if self._refused.get(key):
                return None
            token = await self._flights.run(
                key, lambda: self._ask(said, digest, key, allow_expired=allow_expired)
            )
        if token is None or (token.expires_at <= self._now() and not allow_expired):
            return None
        return token

    async def _ask(
        self, said: str, digest: bytes, key: bytes, *, allow_expired: bool
    ) -> Token | None:
        token = await self._identity.validate(said, allow_expired=allow_expired)
        if token is None:
            self._refused.put(key, value=True, for_s=REFUSED_S)
        else:
            self._valid.put(digest, token, for_s=self._settings.cache_s)
        return token


def _plausible(said: str) -> bool:
    """Tell whether it could be a token, which it makes sense to ask Keystone about."""
    return 0 < len(said) <= MAX_TOKEN_CHARS and said.isascii() and said.isprintable()


def _may(token: Token, asking: Asking) -> bool:
    restricted = token.application_credential
    if restricted is None or restricted.access_rules is None:
        return True
    return permits(restricted.access_rules, asking)
