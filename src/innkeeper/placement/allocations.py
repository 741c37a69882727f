"""Use cases of allocations: what consumers hold."""

from collections.abc import Mapping, Sequence

import msgspec

from innkeeper.core.allocation import Allocation, Consumer
from innkeeper.core.errors import InvalidInput, NotFound, UnitViolation, UnknownName
from innkeeper.core.ids import ConsumerUuid, RpRow, canonical_uuid
from innkeeper.core.inventory import MAX_INT
from innkeeper.core.provider import Provider
from innkeeper.index.index import Index
from innkeeper.placement.names import check_once
from innkeeper.placement.providers import find_row
from innkeeper.placement.service import Placement
from innkeeper.store import claims, consumers
from innkeeper.store.claims import ConsumerWrite, Replacement
from innkeeper.store.consumer_generation import ExpectedGeneration, check_generations
from innkeeper.store.consumers import Held, Holder


class Wanted(msgspec.Struct, frozen=True):
    """What one consumer shall hold, by uuid of provider; nothing: it ends."""

    consumer_uuid: ConsumerUuid
    project_id: str
    user_id: str
    consumer_type: str | None
    resources: Mapping[str, Mapping[str, int]]
    """Amounts by resource class, by uuid of provider."""
    seen_generation: ExpectedGeneration


async def show_allocations(placement: Placement, consumer_uuid: str) -> Held | None:
    """Give what a consumer holds; None if there is no such consumer."""
    uuid = canonical_uuid(consumer_uuid) or consumer_uuid
    return await consumers.held_by(placement.store, uuid)


async def provider_allocations(
    placement: Placement, uuid: str
) -> tuple[Provider, tuple[Holder, ...]]:
    """Give a provider and who holds what of it; raise NotFound."""
    rp_uuid = canonical_uuid(uuid) or uuid
    return await placement.store.read(lambda conn: consumers.holders_of(conn, rp_uuid))


async def set_allocations(placement: Placement, wanted: Sequence[Wanted]) -> None:
    """Make each consumer hold exactly what is wanted for it; all or nothing.

    Raises ConcurrentUpdate (a consumer's generation), InvalidInput (a provider that does not
    exist, or one in two spellings), UnknownName (a class), CapacityExceeded, UnitViolation,
    NoInventory.
    """
    writes = await consumer_writes(placement, wanted)
    await placement.store.write(Replacement(writes))


async def delete_allocations(placement: Placement, consumer_uuid: str) -> None:
    """End a consumer and all that it holds; raise NotFound if there is none."""
    uuid = canonical_uuid(consumer_uuid) or consumer_uuid
    if not await placement.store.write(lambda txn: claims.release(txn, uuid)):
        raise NotFound(f"No allocations for consumer '{consumer_uuid}'")


async def consumer_writes(placement: Placement, wanted: Sequence[Wanted]) -> list[ConsumerWrite]:
    """Give the writes that do what is wanted.

    Raises ConcurrentUpdate (a consumer's generation) before InvalidInput (a provider that does
    not exist), UnknownName (a class) or UnitViolation: whoever has old news shall hear that
    first. The write itself checks the generations again.
    """
    check_once([each.consumer_uuid for each in wanted], what="consumer")
    try:
        rows = [_rows(placement.index, each) for each in wanted]
        return [
            _consumer_write(placement.index, each, of)
            for each, of in zip(wanted, rows, strict=True)
        ]
    except (InvalidInput, UnknownName, UnitViolation):
        seen = {each.consumer_uuid: each.seen_generation for each in wanted}
        await placement.store.read(lambda conn: check_generations(conn, seen))
        raise


def _rows(index: Index, wanted: Wanted) -> list[RpRow]:
    """Give the rows of the providers that are named."""
    check_once(wanted.resources, what="resource provider")
    rows = []
    for rp_uuid in wanted.resources:
        row = find_row(index, rp_uuid)
        if row is None:
            raise InvalidInput(f"Allocation for resource provider '{rp_uuid}' that does not exist.")
        rows.append(row)
    return rows


def _consumer_write(index: Index, wanted: Wanted, rows: Sequence[RpRow]) -> ConsumerWrite:
    consumer = Consumer(
        wanted.consumer_uuid, wanted.project_id, wanted.user_id, wanted.consumer_type
    )
    found = []
    for row, (rp_uuid, amounts) in zip(rows, wanted.resources.items(), strict=True):
        rp_id, known_uuid = index.rp_id(row), index.uuid(row)
        for resource_class, amount in amounts.items():
            if resource_class not in index.resource_classes:
                raise UnknownName(f"No such resource class {resource_class}.")
            if amount > MAX_INT:
                raise UnitViolation(
                    f"Unable to create allocation for '{resource_class}' on resource provider"
                    f" '{rp_uuid}'. The requested amount would violate inventory constraints."
                )
            found.append(Allocation(rp_id, known_uuid, resource_class, amount))
    return ConsumerWrite(consumer, tuple(found), wanted.seen_generation)
