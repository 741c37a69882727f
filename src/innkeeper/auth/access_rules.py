"""Access rules: what an application credential of Keystone was restricted to by its owner."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from innkeeper.auth.strategy import Asking
from innkeeper.auth.token import AccessRule

MAX_PATTERNS: Final = 1_000
"""Path patterns kept compiled; each is some KB."""

_WILD: Final = re.compile(r"(\{[^}]*\}|\*\*|\*)")


def permits(rules: Sequence[AccessRule], asking: Asking) -> bool:
    """Tell whether one of the rules is for such a request."""
    return any(
        rule.service == asking.service
        and rule.method == asking.method
        and _pattern(rule.path).fullmatch(asking.path) is not None
        for rule in rules
    )


@lru_cache(MAX_PATTERNS)
def _pattern(path: str) -> re.Pattern[str]:
    """``*`` and ``{name}`` stand for one part of a path, ``**`` for anything."""
    return re.compile("".join(map(_part, _WILD.split(path))))


def _part(text: str) -> str:
    if text == "**":
        return ".*"
    return "[^/]+" if _WILD.fullmatch(text) else re.escape(text)
