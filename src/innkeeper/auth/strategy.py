"""How a request says who is asking: the port that authentication strategies implement."""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from innkeeper.auth.credentials import Credentials


class Asking(msgspec.Struct, frozen=True):
    """What of a request a strategy looks at."""

    headers: Mapping[str, str]
    """By lower-case name."""
    method: str = "GET"
    path: str = "/"
    """The whole path, from the root of the server."""
    service: str = "placement"
    """Type of the service that is asked, as a catalog names it."""


class Authenticator(Protocol):
    """One way of finding out who is asking."""

    @property
    def challenge(self) -> tuple[tuple[str, str], ...]:
        """Headers of a 401, which tell a client how to authenticate."""

    async def authenticate(self, asking: Asking) -> Credentials | None:
        """Give who is asking; None if that stays unknown.

        Raises IdentityUnavailable if it cannot be found out now.
        """

    async def close(self) -> None:
        """Give back what was opened."""
