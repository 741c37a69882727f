"""Use cases of resource providers."""

import msgspec

from innkeeper.core.errors import InvalidInput, NotFound
from innkeeper.core.ids import AggregateUuid, RpRow, RpUuid, canonical_uuid
from innkeeper.core.provider import Provider
from innkeeper.index.index import Index
from innkeeper.placement.names import check_requested, check_traits
from innkeeper.placement.service import Placement
from innkeeper.store import providers as stored
from innkeeper.store.providers import NewProvider, ProviderChange


class ProviderView(msgspec.Struct, frozen=True):
    """A provider with its place in the tree by uuid."""

    provider: Provider
    parent_uuid: RpUuid | None
    root_uuid: RpUuid


class ProviderFilter(msgspec.Struct, frozen=True):
    """Which providers are wanted; all conditions must hold."""

    name: str | None = None
    uuid: str | None = None
    in_tree: str | None = None
    resources: tuple[tuple[str, int], ...] = ()
    required: tuple[tuple[str, ...], ...] = ()
    """All of these must hold; each is a tuple of traits any one of which will do."""
    forbidden: frozenset[str] = frozenset()
    member_of: tuple[tuple[AggregateUuid, ...], ...] = ()
    """All of these must hold; each is a tuple of aggregates any one of which will do."""
    forbidden_aggregates: frozenset[AggregateUuid] = frozenset()


def row_of(index: Index, uuid: str) -> RpRow:
    """Give the row of a provider by uuid, however that is written; raise NotFound."""
    row = index.row(canonical_uuid(uuid) or uuid)
    if row is None:
        raise NotFound(f"No resource provider with uuid {uuid} found")
    return row


def uuid_of(index: Index, uuid: str) -> RpUuid:
    """Give the canonical uuid of a provider that exists; raise NotFound."""
    return index.provider(row_of(index, uuid)).uuid


def show_provider(placement: Placement, uuid: str) -> ProviderView:
    """Give one provider; raise NotFound."""
    return view(placement.index, row_of(placement.index, uuid))


def view(index: Index, row: RpRow) -> ProviderView:
    """Give the provider in a row with its place in the tree."""
    return placed(index, index.provider(row))


def placed(index: Index, provider: Provider) -> ProviderView:
    """Give a provider, perhaps as it was just written, with its place in the tree."""
    if provider.parent_id is None:
        return ProviderView(provider, None, provider.uuid)
    return ProviderView(
        provider, _uuid_of_id(index, provider.parent_id), _uuid_of_id(index, provider.root_id)
    )


def _uuid_of_id(index: Index, rp_id: int) -> RpUuid:
    row = index.row_of_id(rp_id)
    if row is None:
        raise NotFound(f"The provider with id {rp_id} is gone.")
    return index.provider(row).uuid


def list_providers(placement: Placement, wanted: ProviderFilter) -> list[ProviderView]:
    """Give the providers that pass a filter. Raises UnknownName (a class or a trait)."""
    index = placement.index
    check_requested(index, (name for name, _ in wanted.resources))
    check_traits(index, [*(t for each in wanted.required for t in each), *wanted.forbidden])
    return [view(index, row) for row in _rows(index, wanted) if _passes(index, row, wanted)]


def _rows(index: Index, wanted: ProviderFilter) -> list[RpRow]:
    """Give the rows to look at: few if the filter names a provider or a tree."""
    if wanted.uuid is not None:
        row = index.row(canonical_uuid(wanted.uuid) or wanted.uuid)
        rows = [] if row is None else [row]
    elif wanted.in_tree is not None:
        row = index.row(canonical_uuid(wanted.in_tree) or wanted.in_tree)
        rows = [] if row is None else list(index.tree(row))
    else:
        rows = [RpRow(row) for row in index.rows().tolist()]
    if wanted.name is not None:
        rows = [row for row in rows if index.provider(row).name == wanted.name]
    return rows


def _passes(index: Index, row: RpRow, wanted: ProviderFilter) -> bool:
    return (
        (wanted.in_tree is None or wanted.uuid is None or _in_tree(index, row, wanted.in_tree))
        and _has_traits(index, row, wanted)
        and _is_member(index, row, wanted)
        and _has_room(index, row, wanted)
    )


def _in_tree(index: Index, row: RpRow, uuid: str) -> bool:
    other = index.row(canonical_uuid(uuid) or uuid)
    return other is not None and index.root(other) == index.root(row)


def _has_traits(index: Index, row: RpRow, wanted: ProviderFilter) -> bool:
    if not wanted.required and not wanted.forbidden:
        return True
    traits = frozenset(index.traits(row))
    return traits.isdisjoint(wanted.forbidden) and not any(
        traits.isdisjoint(any_of) for any_of in wanted.required
    )


def _is_member(index: Index, row: RpRow, wanted: ProviderFilter) -> bool:
    if not wanted.member_of and not wanted.forbidden_aggregates:
        return True
    aggregates = frozenset(index.aggregates(row))
    return aggregates.isdisjoint(wanted.forbidden_aggregates) and not any(
        aggregates.isdisjoint(any_of) for any_of in wanted.member_of
    )


def _has_room(index: Index, row: RpRow, wanted: ProviderFilter) -> bool:
    if not wanted.resources:
        return True
    pictures = {p.inventory.resource_class: p for p in index.inventories(row)}
    for resource_class, amount in wanted.resources:
        picture = pictures.get(resource_class)
        if (
            picture is None
            or not picture.inventory.admits_unit(amount)
            or picture.used + amount > picture.inventory.capacity
        ):
            return False
    return True


async def create_provider(
    placement: Placement, *, name: str, uuid: str | None, parent_uuid: str | None
) -> ProviderView:
    """Make a provider. Raises InvalidInput (its name or parent), DuplicateName."""
    new = NewProvider(
        RpUuid(_canonical(uuid) or placement.new_uuid()), name, _canonical(parent_uuid)
    )
    if not name:
        reason = stored.impossible("create", "name is required").detail
        raise InvalidInput(f'Unable to create resource provider "", {new.uuid}: {reason}')
    try:
        created = await placement.store.write(lambda txn: stored.create(txn, new))
    except InvalidInput as error:
        raise InvalidInput(
            f'Unable to create resource provider "{name}", {new.uuid}: {error.detail}'
        ) from error
    return placed(placement.index, created)


async def update_provider(placement: Placement, uuid: str, wanted: ProviderChange) -> ProviderView:
    """Rename or move a provider. Raises NotFound, InvalidInput, DuplicateName."""
    rp_uuid = uuid_of(placement.index, uuid)
    if isinstance(wanted.parent_uuid, str):
        wanted = ProviderChange(
            wanted.name, _canonical(wanted.parent_uuid), wanted.may_leave_parent
        )
    try:
        changed = await placement.store.write(lambda txn: stored.change(txn, rp_uuid, wanted))
    except InvalidInput as error:
        raise InvalidInput(f"Unable to save resource provider {uuid}: {error.detail}") from error
    return placed(placement.index, changed)


async def delete_provider(placement: Placement, uuid: str) -> None:
    """Delete a provider. Raises NotFound, CannotDeleteParent, ProviderInUse."""
    if placement.index.row(canonical_uuid(uuid) or uuid) is None:
        raise NotFound(f"No resource provider with uuid {uuid} found for delete")
    rp_uuid = uuid_of(placement.index, uuid)
    await placement.store.write(lambda txn: stored.remove(txn, rp_uuid))


def _canonical(uuid: str | None) -> RpUuid | None:
    return RpUuid(canonical_uuid(uuid) or uuid) if uuid else None
