"""Use cases of traits, by themselves and of providers."""

from collections.abc import Collection, Iterable

from innkeeper.core.errors import NotFound
from innkeeper.core.ids import RpRow
from innkeeper.core.names import is_custom
from innkeeper.core.picture import NamePicture
from innkeeper.core.provider import Provider
from innkeeper.index.index import Index
from innkeeper.placement.providers import row_of, uuid_of
from innkeeper.placement.service import Placement
from innkeeper.store import traits as stored


def show_trait(placement: Placement, name: str) -> NamePicture:
    """Give one trait; raise NotFound."""
    found = placement.index.known_traits.get(name)
    if found is None:
        raise NotFound(f"No such trait(s): {name}.")
    return found


def list_traits(
    placement: Placement,
    *,
    names: Collection[str] | None = None,
    prefix: str = "",
    associated: bool | None = None,
) -> list[NamePicture]:
    """Give the traits with one of ``names``, with a prefix, and that providers have, or do not."""
    index = placement.index
    found = [t for t in index.known_traits.values() if t.name.startswith(prefix)]
    if names is not None:
        found = [trait for trait in found if trait.name in names]
    if associated is not None:
        used = _used(index)
        found = [trait for trait in found if (trait.name in used) is associated]
    return found


def _used(index: Index) -> set[str]:
    return {name for row in index.rows().tolist() for name in index.traits(RpRow(row))}


async def create_trait(placement: Placement, name: str) -> bool:
    """Make a trait, whose name must be a valid one; tell whether it is new."""
    return await placement.store.write(lambda txn: stored.create(txn, name))


async def delete_trait(placement: Placement, name: str) -> None:
    """Delete a trait. Raises NotFound, InvalidInput (a standard one), NameInUse."""
    await placement.store.write(lambda txn: stored.remove(txn, name))


def provider_traits(placement: Placement, uuid: str) -> tuple[Provider, list[NamePicture]]:
    """Give a provider and its traits; raise NotFound."""
    index = placement.index
    row = row_of(index, uuid)
    return index.provider(row), pictures(index, index.traits(row))


def pictures(index: Index, names: Collection[str]) -> list[NamePicture]:
    """Give the traits with these names, in order; unknown ones are left out."""
    return [index.known_traits[name] for name in in_order(names) if name in index.known_traits]


def in_order(names: Iterable[str]) -> list[str]:
    """Give standard traits before custom ones, and both by name."""
    return sorted(names, key=lambda name: (is_custom(name), name))


async def set_provider_traits(
    placement: Placement, uuid: str, names: Collection[str], *, seen_generation: int | None
) -> int:
    """Give a provider exactly these traits; give its generation.

    Raises NotFound, ConcurrentUpdate, UnknownName.
    """
    rp_uuid = uuid_of(placement.index, uuid)
    return await placement.store.write(
        lambda txn: stored.set_of_provider(txn, rp_uuid, names, seen_generation=seen_generation)
    )
