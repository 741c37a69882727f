"""``required=HW_CPU_X86_VMX,!CUSTOM_SLOW`` and ``required=in:A,B``: conditions on traits."""

from typing import Final

import msgspec

from innkeeper.api.placement.errors import bad_request
from innkeeper.api.placement.params import Params
from innkeeper.api.placement.versions import Version

FORBIDDEN_SINCE: Final[Version] = (1, 22)
ANY_OF_SINCE: Final[Version] = (1, 39)
"""Also since when the parameter may be repeated; before, its last value counts."""

_BAD: Final = "Invalid query string parameters: "
_FORM: Final = f"{_BAD}Expected 'required' parameter value of the form: "
_ANY_OF_FORM: Final = "in:HW_CPU_X86_VMX,CUSTOM_MAGIC"


class TraitConditions(msgspec.Struct, frozen=True):
    """Traits that must, and that must not, be there."""

    required: tuple[tuple[str, ...], ...] = ()
    """All of these must hold; each is a tuple of traits any one of which will do."""
    forbidden: frozenset[str] = frozenset()


def collect_traits(params: Params, name: str, version: Version) -> TraitConditions:
    """Give what all values of one parameter ask for together; raise HttpError 400."""
    values = params.all(name)
    if version < ANY_OF_SINCE:
        values = values[-1:]
    found = [parse_traits(value, version) for value in values]
    return TraitConditions(
        tuple(each for conditions in found for each in conditions.required),
        frozenset().union(*(conditions.forbidden for conditions in found)),
    )


def parse_traits(text: str, version: Version) -> TraitConditions:
    """Give what one value asks for; raise HttpError 400 if it is malformed at this version."""
    if text.startswith("in:"):
        return TraitConditions((_parse_any_of(text, version),))
    return parse_plain_traits(text, may_forbid=version >= FORBIDDEN_SINCE)


def parse_plain_traits(text: str, *, may_forbid: bool) -> TraitConditions:
    """Give what a value without ``in:`` asks for; raise HttpError 400."""
    names = [name.strip() for name in text.split(",")]
    forbidden = frozenset(name.lstrip("!") for name in names if name.startswith("!"))
    if "" in names or "" in forbidden:
        form = "HW_CPU_X86_VMX,!CUSTOM_MAGIC" if may_forbid else "HW_CPU_X86_VMX,CUSTOM_MAGIC"
        raise bad_request(f"{_FORM}{form}. Got an empty trait in: {text}")
    if forbidden and not may_forbid:
        raise bad_request(f"{_FORM}HW_CPU_X86_VMX,CUSTOM_MAGIC. Got: {text}")
    return TraitConditions(
        tuple((name,) for name in dict.fromkeys(names) if not name.startswith("!")), forbidden
    )


def _parse_any_of(text: str, version: Version) -> tuple[str, ...]:
    if version < ANY_OF_SINCE:
        raise bad_request(
            f"{_BAD}The format '{_ANY_OF_FORM}' only supported since microversion 1.39. Got: {text}"
        )
    names = tuple(dict.fromkeys(name.strip() for name in text[3:].split(",")))
    if "" in names:
        raise bad_request(f"{_FORM}{_ANY_OF_FORM}. Got an empty trait in: {text}")
    if any(name.startswith("!") for name in names):
        raise bad_request(
            f"{_BAD}The format '{_ANY_OF_FORM}' does not support forbidden traits. Got: {text}"
        )
    return names
