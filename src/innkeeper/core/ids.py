"""The names by which things are known, kept apart by type so that they never mix.

A provider has three: its uuid on the wire, its id in the store, its row in the index.
"""

import re
import uuid
from typing import Final, NewType

RpUuid = NewType("RpUuid", str)
"""A resource provider on the wire: a canonical, dashed, lower-case uuid."""

RpId = NewType("RpId", int)
"""A resource provider in the store: the primary key of its row there."""

RpRow = NewType("RpRow", int)
"""A resource provider in the index: its position in the columns. Never stored, never sent."""

ConsumerUuid = NewType("ConsumerUuid", str)
InstanceUuid = NewType("InstanceUuid", str)
AggregateUuid = NewType("AggregateUuid", str)
HostName = NewType("HostName", str)
CellName = NewType("CellName", str)


_CANONICAL: Final = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def canonical_uuid(text: str) -> str | None:
    """Give the dashed lower-case form of a uuid, or None if ``text`` is none.

    With and without dashes name the same thing, as in Placement.
    """
    if _CANONICAL.fullmatch(text):
        return text
    try:
        parsed = uuid.UUID(text)
    except ValueError:
        return None
    bare = text.replace("urn:", "").replace("uuid:", "").strip("{}").replace("-", "")
    return str(parsed) if bare.lower() == parsed.hex else None
