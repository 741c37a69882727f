"""How a request says who is asking: the port that authentication strategies implement."""

from collections.abc import Mapping
from typing import Protocol

from innkeeper.auth.credentials import Credentials


class Authenticator(Protocol):
    """One way of finding out who is asking."""

    @property
    def challenge(self) -> tuple[tuple[str, str], ...]:
        """Headers of a 401, which tell a client how to authenticate."""

    def authenticate(self, headers: Mapping[str, str]) -> Credentials | None:
        """Give who is asking; None if that stays unknown. Names in ``headers`` are lower case."""
