"""The generation of a consumer, by which a client says what he has seen."""

from collections.abc import Mapping
from typing import Final, Literal

from sqlalchemy import Connection, select

from innkeeper.core.errors import ConcurrentUpdate
from innkeeper.core.ids import ConsumerUuid
from innkeeper.store.for_each import ForEach
from innkeeper.store.tables import consumers

ExpectedGeneration = int | None | Literal["any"]
"""The consumer generation that the caller saw; None: the consumer must not exist."""

FIRST_GENERATION: Final = 1
"""Of a consumer that is new."""

Found = Mapping[str, tuple[int, int]]
"""Id and generation of consumers, by uuid."""

_c = consumers.c
FIND: Final = ForEach(
    lambda row: select(_c.uuid, _c.id, _c.generation, _c.project_id).where(_c.uuid == row["of"]),
    of=str,
)
"""Those of some consumers that there are."""


def check_generations(conn: Connection, seen: Mapping[ConsumerUuid, ExpectedGeneration]) -> None:
    """Raise ConcurrentUpdate for the first consumer of another generation than was seen."""
    query = select(_c.uuid, _c.id, _c.generation).where(_c.uuid.in_(seen))
    present = {row.uuid: (row.id, row.generation) for row in conn.execute(query)}
    for uuid, expected in seen.items():
        check_generation(uuid, expected, present)


def check_generation(uuid: str, expected: ExpectedGeneration, found: Found) -> None:
    """Raise ConcurrentUpdate unless a consumer is of the generation that is expected."""
    generation = found[uuid][1] if uuid in found else None
    if expected not in ("any", generation):
        # Clients look for these very words, None for a null that was sent among them.
        right = "null" if generation is None else generation
        raise ConcurrentUpdate(
            f"consumer generation conflict - expected {right} but got {expected} (consumer {uuid})"
        )
