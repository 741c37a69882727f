"""Use cases of resource providers."""

from collections.abc import Sequence
from typing import Final

import msgspec

from innkeeper.core.errors import InvalidInput, NotFound, UnknownName
from innkeeper.core.ids import RpRow, RpUuid, canonical_uuid
from innkeeper.core.provider import Provider
from innkeeper.core.request_group import RequestGroup
from innkeeper.index.index import Index
from innkeeper.placement.names import check_requested, check_traits
from innkeeper.placement.service import Placement
from innkeeper.store import providers as stored
from innkeeper.store.providers import NewProvider, ProviderChange

_NONE: Final = RequestGroup()


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
    conditions: RequestGroup = RequestGroup()
    """What each must meet by itself, ``in_tree`` left out."""


def find_row(index: Index, uuid: str) -> RpRow | None:
    """Give the row of a provider by uuid, however that is written."""
    row = index.row(uuid)  # Most write it as it is kept.
    return index.row(canonical_uuid(uuid) or uuid) if row is None else row


def row_of(index: Index, uuid: str) -> RpRow:
    """Give the row of a provider by uuid, however that is written; raise NotFound."""
    row = find_row(index, uuid)
    if row is None:
        raise NotFound(f"No resource provider with uuid {uuid} found")
    return row


def uuid_of(index: Index, uuid: str) -> RpUuid:
    """Give the canonical uuid of a provider that exists; raise NotFound."""
    return index.uuid(row_of(index, uuid))


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
    return index.uuid(row)


def list_providers(placement: Placement, wanted: ProviderFilter) -> list[ProviderView]:
    """Give the providers that pass a filter. Raises UnknownName (a class or a trait)."""
    index, asked = placement.index, wanted.conditions
    try:
        check_traits(index, [*(t for each in asked.required for t in each), *asked.forbidden])
    except UnknownName as error:
        raise UnknownName(f'Invalid trait(s) in "required" parameter: {error.detail}') from error
    check_requested(index, (name for name, _ in asked.resources))
    named = _named(index, wanted)
    rows = named if named is not None and asked == _NONE else index.that_meet(asked, named)
    return [view(index, row) for row in rows]


def _named(index: Index, wanted: ProviderFilter) -> Sequence[RpRow] | None:
    """Give the rows that the filter names by a tree, uuid and name; None: it names none."""
    found: Sequence[RpRow] | None = None
    if wanted.in_tree is not None:
        row = find_row(index, wanted.in_tree)
        found = () if row is None else index.tree(row)
    if wanted.uuid is not None:
        found = _among(found, find_row(index, wanted.uuid))
    if wanted.name is not None:
        found = _among(found, index.row_named(wanted.name))
    return found


def _among(rows: Sequence[RpRow] | None, row: RpRow | None) -> Sequence[RpRow]:
    return () if row is None or (rows is not None and row not in rows) else (row,)


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
    if find_row(placement.index, uuid) is None:
        raise NotFound(f"No resource provider with uuid {uuid} found for delete")
    rp_uuid = uuid_of(placement.index, uuid)
    await placement.store.write(lambda txn: stored.remove(txn, rp_uuid))


def _canonical(uuid: str | None) -> RpUuid | None:
    return RpUuid(canonical_uuid(uuid) or uuid) if uuid else None
