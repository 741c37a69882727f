"""Resource providers: their records, their trees, and the generation that guards them."""

import contextlib
from collections import defaultdict
from typing import Final

import msgspec
from sqlalchemy import BigInteger, Connection, bindparam, delete, insert, or_, select, update

from innkeeper.core.errors import (
    CannotDeleteParent,
    ConcurrentUpdate,
    DuplicateName,
    InvalidInput,
    NotFound,
    ProviderInUse,
)
from innkeeper.core.ids import RpId, RpUuid
from innkeeper.core.moment import from_us
from innkeeper.core.provider import Provider
from innkeeper.store.for_each import Sent
from innkeeper.store.pipeline import cursor_of
from innkeeper.store.prepared import Prepared, integer
from innkeeper.store.tables import (
    allocations,
    inventories,
    provider_aggregates,
    provider_traits,
    resource_providers,
)
from innkeeper.store.txn import Txn

_ROOT_TO_COME: Final = 0
"""What stands for the root of a root while its own id is not known yet."""

_p = resource_providers.c
_FIND: Final = Prepared(select(resource_providers).where(_p.uuid == bindparam("of")))
_LOCK: Final = Prepared(
    select(resource_providers).where(_p.uuid == bindparam("of")).with_for_update()
)
_RAISE_GENERATION: Final = Prepared(
    update(resource_providers)
    .where(_p.id == bindparam("rp"), _p.generation == bindparam("seen", type_=BigInteger))
    .values(generation=_p.generation + 1, updated_at=bindparam("now_us"))
)
_RAISE_ANY: Final = Prepared(
    update(resource_providers)
    .where(_p.id == bindparam("rp"))
    .values(generation=_p.generation + 1, updated_at=bindparam("now_us"))
)


class NewProvider(msgspec.Struct, frozen=True):
    """A provider that is to be made."""

    uuid: RpUuid
    name: str
    parent_uuid: RpUuid | None = None


class ProviderChange(msgspec.Struct, frozen=True):
    """A new name, and perhaps a new place in a tree."""

    name: str
    parent_uuid: RpUuid | msgspec.UnsetType | None = msgspec.UNSET
    """None: it becomes a root. Unset: it stays where it is."""
    may_leave_parent: bool = True
    """Whether one that has a parent may get another, or none."""


def find(conn: Connection, uuid: str, *, lock: bool = False) -> Provider | None:
    """Give a provider by uuid; ``lock`` keeps others from changing it (where rows are locked)."""
    with contextlib.closing(cursor_of(conn)) as cursor:
        (_LOCK if lock else _FIND).run(cursor, conn.dialect, {"of": uuid})
        row = cursor.fetchone()
    if row is None:
        return None
    of, _, name, generation, root_id, parent_id, _, updated_us = row
    return Provider(
        id=RpId(integer(of)),
        uuid=RpUuid(uuid),
        name=str(name),
        generation=integer(generation),
        root_id=RpId(integer(root_id)),
        parent_id=None if parent_id is None else RpId(integer(parent_id)),
        updated_at=from_us(integer(updated_us)),
    )


def get(conn: Connection, uuid: str, *, lock: bool = False) -> Provider:
    """Give a provider by uuid; raise NotFound if there is none."""
    found = find(conn, uuid, lock=lock)
    if found is None:
        raise NotFound(f"No resource provider with uuid {uuid} found")
    return found


def get_seen(txn: Txn, uuid: str, generation: int | None) -> Provider:
    """Give and lock a provider that the caller saw at ``generation`` (None: whatever it is).

    Raises NotFound, ConcurrentUpdate.
    """
    provider = get(txn.conn, uuid, lock=True)
    if generation is not None and provider.generation != generation:
        raise ConcurrentUpdate(
            f"resource provider generation conflict for provider {uuid}: actual:"
            f" {provider.generation}, given: {generation}"
        )
    return provider


def impossible(action: str, reason: str) -> InvalidInput:
    """Give the error of a provider that cannot be as is wanted, in the words that clients know."""
    return InvalidInput(f"Object action {action} failed because: {reason}")


def raise_generation(txn: Txn, provider: Provider) -> int:
    """Raise a provider's generation by 1 and give it; raise ConcurrentUpdate if it has changed."""
    raised = raising(txn, provider.id, provider.generation)
    txn.check(
        lambda: raised.count() == 1,
        lambda: ConcurrentUpdate(
            "resource provider generation conflict: another request has changed the resource"
            f" provider {provider.uuid}. Please retry your update"
        ),
    )
    txn.provider_changed(provider.id)
    return provider.generation + 1


def raising(txn: Txn, rp_id: RpId, seen: int) -> Sent:
    """Raise the generation of a provider by 1 if it is still ``seen``; to be checked by who calls.

    Its count is 1 then, else 0.
    """
    cursor = cursor_of(txn.conn)
    values = {"rp": rp_id, "seen": seen, "now_us": txn.now_us}
    _RAISE_GENERATION.run(cursor, txn.dialect, values, strict=txn.strict)
    return Sent([cursor])


def raise_any(txn: Txn, rp_id: RpId) -> None:
    """Raise a provider's generation by 1, whatever it is: who has read it must read it again."""
    _RAISE_ANY.run(txn.cursor, txn.dialect, {"rp": rp_id, "now_us": txn.now_us})
    txn.provider_changed(rp_id)


def create(txn: Txn, new: NewProvider) -> Provider:
    """Make a provider, of generation 0. Raises InvalidInput (its parent), DuplicateName."""
    parent = None
    if new.parent_uuid is not None:
        if new.parent_uuid == new.uuid:
            raise impossible(
                "create",
                "parent provider UUID cannot be same as UUID. Please set parent provider UUID to"
                " None if there is no parent.",
            )
        parent = _parent(txn, new.parent_uuid)
    _check_free(txn, name=new.name, uuid=new.uuid)
    provider_id = txn.conn.scalar(
        insert(resource_providers)
        .values(
            uuid=new.uuid,
            name=new.name,
            generation=0,
            root_id=_ROOT_TO_COME if parent is None else parent.root_id,
            parent_id=None if parent is None else parent.id,
            created_at=txn.now,
            updated_at=txn.now,
        )
        .returning(_p.id)
    )
    if parent is None:
        txn.conn.execute(
            update(resource_providers).where(_p.id == provider_id).values(root_id=provider_id)
        )
    created = get(txn.conn, new.uuid)
    txn.provider_changed(created.id)
    return created


def change(txn: Txn, uuid: str, wanted: ProviderChange) -> Provider:
    """Rename a provider, and move it with all below it if asked to. Its generation stays.

    Raises NotFound, DuplicateName, InvalidInput (the parent is unknown, below it, or may not
    be left).
    """
    provider = get(txn.conn, uuid, lock=True)
    if wanted.parent_uuid is not msgspec.UNSET:
        # First: a parent that cannot be is told before a name that is taken.
        _place(txn, provider, wanted.parent_uuid, may_leave_parent=wanted.may_leave_parent)
    if wanted.name != provider.name:
        _check_rename(txn, wanted.name)
        _change(txn, provider.id, name=wanted.name)
    return get(txn.conn, uuid)


def remove(txn: Txn, uuid: str) -> None:
    """Delete a provider and its inventories.

    Raises NotFound, CannotDeleteParent, ProviderInUse.
    """
    provider = get(txn.conn, uuid, lock=True)
    children = select(_p.id).where(_p.parent_id == provider.id).limit(1)
    if txn.conn.execute(children).first() is not None:
        raise CannotDeleteParent(
            f"Unable to delete parent resource provider {uuid}: It has child resource providers."
        )
    held = select(allocations.c.rp_id).where(allocations.c.rp_id == provider.id).limit(1)
    if txn.conn.execute(held).first() is not None:
        raise ProviderInUse(
            f"Unable to delete resource provider {uuid}: Resource provider has allocations."
        )
    for table in (provider_traits, provider_aggregates, inventories):
        txn.conn.execute(delete(table).where(table.c.rp_id == provider.id))
    txn.conn.execute(delete(resource_providers).where(_p.id == provider.id))
    txn.provider_removed(provider.id)


def _parent(txn: Txn, uuid: str) -> Provider:
    found = find(txn.conn, uuid, lock=True)
    if found is None:
        raise impossible("create", "parent provider UUID does not exist.")
    return found


def _check_free(txn: Txn, *, name: str, uuid: str) -> None:
    """Raise DuplicateName if the name, or the uuid, of a new provider is taken."""
    query = select(_p.name, _p.uuid).where(or_(_p.name == name, _p.uuid == uuid))
    rows = txn.conn.execute(query).all()
    taken = []
    if any(row.uuid == uuid for row in rows):
        taken.append(f"uuid: {uuid}")
    if any(row.name == name for row in rows):
        taken.append(f"name: {name}")
    if taken:
        raise DuplicateName(f"Conflicting resource provider {', '.join(taken)} already exists.")


def _check_rename(txn: Txn, name: str) -> None:
    if txn.conn.execute(select(_p.id).where(_p.name == name)).first() is not None:
        raise DuplicateName(f"Conflicting resource provider {name} already exists.")


def _place(
    txn: Txn, provider: Provider, parent_uuid: str | None, *, may_leave_parent: bool
) -> None:
    """Put a provider below a parent (None: nowhere), and give its subtree the new root."""
    parent = None if parent_uuid is None else _parent(txn, parent_uuid)
    parent_id = None if parent is None else parent.id
    if parent_id == provider.parent_id:
        return
    if provider.parent_id is not None and not may_leave_parent:
        verb = "un-parenting" if parent is None else "re-parenting"
        raise impossible("update", f"{verb} a provider is not currently allowed.")
    subtree = _subtree(txn, provider)
    if parent_id in subtree:
        raise impossible("update", "creating loop in the provider tree is not allowed.")
    root_id = provider.id if parent is None else parent.root_id
    _change(txn, provider.id, parent_id=parent_id)
    if root_id != provider.root_id:
        for rp_id in subtree:
            _change(txn, rp_id, root_id=root_id)


def _change(txn: Txn, rp_id: RpId, **values: str | int | None) -> None:
    """Write what clients see of a provider, and that it was changed just now."""
    query = update(resource_providers).where(_p.id == rp_id)
    txn.conn.execute(query.values(**values, updated_at=txn.now))
    txn.provider_changed(rp_id)


def _subtree(txn: Txn, provider: Provider) -> list[RpId]:
    """Give the ids of a provider and all below it, parents before children."""
    children: defaultdict[int, list[RpId]] = defaultdict(list)
    tree = select(_p.id, _p.parent_id).where(_p.root_id == provider.root_id).with_for_update()
    for rp_id, parent_id in txn.conn.execute(tree):
        children[parent_id].append(RpId(rp_id))
    found = [provider.id]
    for rp_id in found:
        found.extend(children[rp_id])
    return found
