"""``member_of=UUID``, ``in:UUID,UUID``, ``!UUID``, ``!in:UUID,UUID``: conditions on aggregates."""

from typing import Final

import msgspec

from innkeeper.api.placement.errors import bad_request
from innkeeper.api.placement.params import Params
from innkeeper.api.placement.versions import Version
from innkeeper.core.ids import AggregateUuid, canonical_uuid

REPEATED_SINCE: Final[Version] = (1, 24)
FORBIDDEN_SINCE: Final[Version] = (1, 32)


class AggregateConditions(msgspec.Struct, frozen=True):
    """Aggregates that a provider must, and must not, be in."""

    member_of: tuple[tuple[AggregateUuid, ...], ...] = ()
    """All of these must hold; each is a tuple of aggregates any one of which will do."""
    forbidden: frozenset[AggregateUuid] = frozenset()


def collect_aggregates(params: Params, name: str, version: Version) -> AggregateConditions:
    """Give what all values of one parameter ask for together; raise HttpError 400."""
    values = params.all(name)
    if len(values) > 1 and version < REPEATED_SINCE:
        raise bad_request(f"Multiple {name} parameters are not supported")
    member_of: list[tuple[AggregateUuid, ...]] = []
    forbidden: set[AggregateUuid] = set()
    for value in values:
        bare = value.removeprefix("!")
        uuids = _parse(bare, value)
        if bare == value:
            member_of.append(uuids)
        elif version < FORBIDDEN_SINCE:
            raise bad_request(
                f"Forbidden {name} parameters are not supported in the specified microversion"
            )
        else:
            forbidden.update(uuids)
    return AggregateConditions(tuple(member_of), frozenset(forbidden))


def _parse(bare: str, value: str) -> tuple[AggregateUuid, ...]:
    if bare.startswith("in:"):
        texts = bare[3:].split(",")
    elif "," in bare:
        raise bad_request(
            "Multiple values for 'member_of' must be prefixed with the 'in:' or '!in:' keyword"
            f" using the valid microversion. Got: {value}"
        )
    else:
        texts = [bare]
    return tuple(dict.fromkeys(_uuid(text) for text in texts))


def _uuid(text: str) -> AggregateUuid:
    uuid = canonical_uuid(text)
    if uuid is None:
        raise bad_request(
            "Invalid query string parameters: Expected 'member_of' parameter to contain valid"
            f" UUID(s). Got: {text}"
        )
    return AggregateUuid(uuid)
