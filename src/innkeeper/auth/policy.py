"""Who may do what: the port that the APIs ask, and the simplest answers to it."""

from collections.abc import Callable, Mapping
from typing import Protocol

from innkeeper.auth.credentials import Credentials


class Policy(Protocol):
    """Decides who may do what."""

    def allows(self, rule: str, credentials: Credentials, target: Mapping[str, str]) -> bool:
        """Tell whether the caller has the leave that ``rule`` names.

        ``target`` says about the thing what the rule may look at, such as its project_id.
        """


class EverythingAllowed:
    """Every leave to everybody: for callers that nobody tells apart."""

    def allows(self, rule: str, credentials: Credentials, target: Mapping[str, str]) -> bool:
        """Give leave."""
        return True


class LatePolicy:
    """A policy that is made when it is first asked: a server is up sooner than its library."""

    def __init__(self, make: Callable[[], Policy]) -> None:
        self._make = make
        self._made: Policy | None = None

    def allows(self, rule: str, credentials: Credentials, target: Mapping[str, str]) -> bool:
        """Tell whether the caller has the leave that ``rule`` names."""
        if self._made is None:
            self._made = self._make()
        return self._made.allows(rule, credentials, target)
