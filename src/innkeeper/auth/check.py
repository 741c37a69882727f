"""Check strings of policy rules, as oslo.policy writes them: read once, asked many times.

What is read: ``@``, ``!``, ``role:``, ``rule:``, ``project_id:``, ``user_id:`` with
``%(name)s`` of the target, ``and``, ``or``, ``not`` and parentheses.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

from innkeeper.auth.credentials import Credentials
from innkeeper.core.errors import SetupError

Rules = Mapping[str, "Check"]
Check = Callable[[Credentials, Mapping[str, str], Rules], bool]

_TOKEN: Final = re.compile(r"\s*(\(|\)|(?:%\([^)]*\)s|[^\s()])+)")
_TARGET: Final = re.compile(r"%\(([^)]+)\)s")


def parse(text: str) -> Check:
    """Read a check string; raise SetupError if it is none."""
    tokens = _TOKEN.findall(text)
    if not tokens:
        return _always
    check, rest = _either(tokens)
    if rest:
        raise SetupError(f"Policy check {text!r}: cannot read {' '.join(rest)!r}.")
    return check


def _either(tokens: list[str]) -> tuple[Check, list[str]]:
    first, rest = _both(tokens)
    checks = [first]
    while rest and rest[0].lower() == "or":
        following, rest = _both(rest[1:])
        checks.append(following)
    if len(checks) == 1:
        return first, rest
    return (lambda who, target, rules: any(c(who, target, rules) for c in checks)), rest


def _both(tokens: list[str]) -> tuple[Check, list[str]]:
    first, rest = _single(tokens)
    checks = [first]
    while rest and rest[0].lower() == "and":
        following, rest = _single(rest[1:])
        checks.append(following)
    if len(checks) == 1:
        return first, rest
    return (lambda who, target, rules: all(c(who, target, rules) for c in checks)), rest


def _single(tokens: list[str]) -> tuple[Check, list[str]]:
    if not tokens:
        raise SetupError("A policy check ends in the middle.")
    head, rest = tokens[0], tokens[1:]
    if head.lower() == "not":
        check, rest = _single(rest)
        return (lambda who, target, rules: not check(who, target, rules)), rest
    if head == "(":
        check, rest = _either(rest)
        if rest[:1] != [")"]:
            raise SetupError("A policy check lacks a closing parenthesis.")
        return check, rest[1:]
    return _leaf(head), rest


def _leaf(text: str) -> Check:
    if text == "@":
        return _always
    if text == "!":
        return _never
    kind, colon, value = text.partition(":")
    if not colon or kind not in _LEAVES:
        raise SetupError(f"Policy check {text!r} is of no kind that is known here.")
    return _LEAVES[kind](value)


def _always(_who: Credentials, _target: Mapping[str, str], _rules: Rules) -> bool:
    return True


def _never(_who: Credentials, _target: Mapping[str, str], _rules: Rules) -> bool:
    return False


def _role(value: str) -> Check:
    wanted = value.lower()
    return lambda who, _target, _rules: wanted in who.roles


def _rule(value: str) -> Check:
    # A rule that does not exist gives no leave.
    return lambda who, target, rules: rules.get(value, _never)(who, target, rules)


def _project(value: str) -> Check:
    return lambda who, target, _rules: _filled(value, target) == who.project_id


def _user(value: str) -> Check:
    return lambda who, target, _rules: _filled(value, target) == who.user_id


def _filled(template: str, target: Mapping[str, str]) -> str | None:
    """Put the target's values in; None if the target lacks one."""
    if any(name not in target for name in _TARGET.findall(template)):
        return None
    return _TARGET.sub(lambda match: target[match[1]], template)


_LEAVES: Final[Mapping[str, Callable[[str], Check]]] = {
    "role": _role,
    "rule": _rule,
    "project_id": _project,
    "user_id": _user,
}
