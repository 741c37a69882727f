"""Traits: their names, and which providers have them."""

from collections.abc import Collection

from sqlalchemy import delete, insert, select

from innkeeper.core.errors import InvalidInput, NameInUse, NotFound, UnknownName
from innkeeper.core.names import is_custom
from innkeeper.store.providers import get_seen, raise_generation
from innkeeper.store.tables import provider_traits, traits
from innkeeper.store.txn import Txn

_t = provider_traits.c


def create(txn: Txn, name: str) -> bool:
    """Make a trait; tell whether it is new."""
    if txn.names.traits.find(txn.conn, name) is not None:
        return False
    txn.conn.execute(insert(traits).values(name=name, created_at=txn.now, updated_at=txn.now))
    txn.traits_changed()
    return True


def remove(txn: Txn, name: str) -> None:
    """Delete a trait. Raises NotFound, InvalidInput (a standard one), NameInUse."""
    trait_id = txn.names.traits.find(txn.conn, name)
    if trait_id is None:
        raise NotFound(f"No such trait(s): {name}.")
    if not is_custom(name):
        raise InvalidInput(f"Cannot delete standard trait {name}.")
    used = select(_t.rp_id).where(_t.trait_id == trait_id).limit(1)
    if txn.conn.execute(used).first() is not None:
        raise NameInUse(f"The trait {name} is in use by a resource provider.")
    txn.conn.execute(delete(traits).where(traits.c.id == trait_id))
    txn.traits_changed()


def set_of_provider(
    txn: Txn, rp_uuid: str, names: Collection[str], *, seen_generation: int | None
) -> int:
    """Give a provider exactly these traits; give its generation, raised if anything changed.

    Raises NotFound, ConcurrentUpdate, UnknownName (naming all unknown traits).
    """
    provider = get_seen(txn, rp_uuid, seen_generation)
    unknown = [name for name in names if txn.names.traits.find(txn.conn, name) is None]
    if unknown:
        raise UnknownName(f"No such trait {', '.join(unknown)}")
    wanted = {txn.trait_id(name) for name in names}
    present = set(txn.conn.scalars(select(_t.trait_id).where(_t.rp_id == provider.id)))
    if wanted == present:
        return provider.generation
    generation = raise_generation(txn, provider)
    for trait_id in sorted(present - wanted):
        txn.conn.execute(
            delete(provider_traits).where(_t.rp_id == provider.id, _t.trait_id == trait_id)
        )
    for trait_id in sorted(wanted - present):
        txn.conn.execute(insert(provider_traits).values(rp_id=provider.id, trait_id=trait_id))
    return generation
