"""Use cases of aggregates."""

from collections.abc import Sequence

from innkeeper.core.ids import AggregateUuid
from innkeeper.core.provider import Provider
from innkeeper.placement.providers import row_of, uuid_of
from innkeeper.placement.service import Placement
from innkeeper.store import aggregates as stored


def list_aggregates(placement: Placement, uuid: str) -> tuple[Provider, tuple[str, ...]]:
    """Give a provider and its aggregates; raise NotFound."""
    row = row_of(placement.index, uuid)
    return placement.index.provider(row), placement.index.aggregates(row)


async def set_aggregates(
    placement: Placement,
    uuid: str,
    aggregates: Sequence[AggregateUuid],
    *,
    seen_generation: int | None,
) -> int:
    """Put a provider into exactly these aggregates; give its generation.

    Without ``seen_generation`` it is neither compared nor raised. Raises NotFound,
    ConcurrentUpdate.
    """
    rp_uuid = uuid_of(placement.index, uuid)
    return await placement.store.write(
        lambda txn: stored.set_of_provider(
            txn, rp_uuid, aggregates, seen_generation=seen_generation
        )
    )
