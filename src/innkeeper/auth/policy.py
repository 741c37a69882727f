"""Who may do what: the port that the API asks, and its implementation by rules."""

from collections.abc import Mapping
from typing import Protocol

from innkeeper.auth.check import parse
from innkeeper.auth.credentials import Credentials
from innkeeper.auth.rules import default_rules


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


class RulePolicy:
    """The rules of the Placement API, of which an operator may replace any.

    All of them are for tokens of a project: one of the system has no leave for anything.
    """

    def __init__(self, overrides: Mapping[str, str] | None = None, *, secure: bool = True) -> None:
        """Read the rules. ``secure``: without the leave that deprecated rules still give.

        Raises SetupError if an override cannot be read.
        """
        texts = {**default_rules(secure=secure), **(overrides or {})}
        self._checks = {name: parse(text) for name, text in texts.items()}

    def allows(self, rule: str, credentials: Credentials, target: Mapping[str, str]) -> bool:
        """Tell whether the caller has the leave that ``rule`` names."""
        if credentials.system_scope:
            return False
        return self._checks[rule](credentials, target, self._checks)
