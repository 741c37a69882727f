"""Aggregates: sets of providers, known by nothing but a uuid."""

from collections.abc import Collection

from sqlalchemy import delete, insert, select

from innkeeper.core.ids import AggregateUuid
from innkeeper.store.providers import get_seen, raise_generation
from innkeeper.store.tables import provider_aggregates
from innkeeper.store.txn import Txn

_a = provider_aggregates.c


def set_of_provider(
    txn: Txn, rp_uuid: str, uuids: Collection[AggregateUuid], *, seen_generation: int | None
) -> int:
    """Put a provider into exactly these aggregates; give its generation.

    Without ``seen_generation`` (up to microversion 1.18) the generation is neither compared nor
    raised. Raises NotFound, ConcurrentUpdate.
    """
    provider = get_seen(txn, rp_uuid, seen_generation)
    generation = provider.generation
    if seen_generation is not None:
        generation = raise_generation(txn, provider)
    wanted = set(uuids)
    present = set(txn.conn.scalars(select(_a.aggregate_uuid).where(_a.rp_id == provider.id)))
    for uuid in sorted(present - wanted):
        txn.conn.execute(
            delete(provider_aggregates).where(_a.rp_id == provider.id, _a.aggregate_uuid == uuid)
        )
    for uuid in sorted(wanted - present):
        txn.conn.execute(insert(provider_aggregates).values(rp_id=provider.id, aggregate_uuid=uuid))
    txn.provider_changed(provider.id)
    return generation
