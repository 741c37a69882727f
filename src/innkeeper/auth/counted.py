"""Counted: a strategy whose outcomes are counted. It must never change one."""

from typing import Protocol

from innkeeper.auth.credentials import Credentials
from innkeeper.auth.strategy import Asking, Authenticator
from innkeeper.core.errors import IdentityUnavailable


class Tally(Protocol):
    """Counts one more, by labels."""

    def __call__(self, *labels: str) -> None:
        """Count it."""


class Counted:
    """An authenticator around another."""

    def __init__(self, inner: Authenticator, *, strategy: str, tally: Tally) -> None:
        self._inner = inner
        self._strategy = strategy
        self._tally = tally

    @property
    def challenge(self) -> tuple[tuple[str, str], ...]:
        """Headers of a 401."""
        return self._inner.challenge

    async def authenticate(self, asking: Asking) -> Credentials | None:
        """Give who is asking, as the strategy does. Raises IdentityUnavailable."""
        try:
            credentials = await self._inner.authenticate(asking)
        except IdentityUnavailable:
            self._tally(self._strategy, "unavailable")
            raise
        self._tally(self._strategy, "refused" if credentials is None else "accepted")
        return credentials

    async def close(self) -> None:
        """Give back what was opened."""
        await self._inner.close()
