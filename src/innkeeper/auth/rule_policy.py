"""RulePolicy: leave by rules, those of an operator over the defaults, decided once each."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final

import structlog

from innkeeper.auth.credentials import Credentials
from innkeeper.auth.policy_file import PolicyFiles
from innkeeper.auth.rulebook import Rulebook
from innkeeper.auth.watch import Watch
from innkeeper.core.errors import SetupError

MAX_DECISIONS: Final = 10_000
"""Decisions that are remembered, 1 KB each: a few for each caller of a large cloud. Rules look at
nothing but the caller and the target, so one decides for as long as the rules are in force."""
MAX_NAME_CHARS: Final = 255
"""Longest name in a target that a decision is remembered about. None that exists is longer, and
nobody shall fill the memory with those that he thinks up."""

_log = structlog.get_logger("innkeeper.auth")


class RulePolicy:
    """The rules in force. A change of a policy file counts within a second or two."""

    def __init__(
        self,
        file: Path | None = None,
        *,
        enforce_scope: bool = True,
        enforce_new_defaults: bool = True,
        clock: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """Read the rules; ``clock`` gives monotonic seconds. Raises SetupError."""
        self._enforce_scope = enforce_scope
        self._enforce_new_defaults = enforce_new_defaults
        self._files = None if file is None else PolicyFiles(file)
        # Watched before it is read: a change in between is read twice, never missed.
        self._watch = None if self._files is None else Watch(self._files.paths, clock)
        self._put_in_force(self._read())

    @property
    def rulebook(self) -> Rulebook:
        """The rules in force now."""
        return self._rulebook

    def allows(self, rule: str, credentials: Credentials, target: Mapping[str, str]) -> bool:
        """Tell whether the caller has the leave that ``rule`` names."""
        if self._watch is not None and self._watch.changed():
            self._reload()
        items = tuple(target.items())
        if any(len(name) > MAX_NAME_CHARS for _, name in items):
            return self._rulebook.decide(rule, credentials, items)
        return self._decide(rule, credentials, items)

    def _reload(self) -> None:
        try:
            rulebook = self._read()
        except SetupError as error:
            _log.error("a policy file is not sound; the rules stay as they were", why=error.detail)
            return
        self._put_in_force(rulebook)
        _log.info("policy files were read again")

    def _read(self) -> Rulebook:
        return Rulebook(
            self._files,
            enforce_scope=self._enforce_scope,
            enforce_new_defaults=self._enforce_new_defaults,
        )

    def _put_in_force(self, rulebook: Rulebook) -> None:
        for warning in rulebook.warnings:
            _log.warning(warning)
        self._rulebook = rulebook
        self._decide = lru_cache(MAX_DECISIONS)(rulebook.decide)
