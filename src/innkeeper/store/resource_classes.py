"""Resource classes: their names. Standard ones are there from the start and stay."""

from sqlalchemy import delete, insert, select, update

from innkeeper.core.errors import DuplicateName, InvalidInput, NameInUse, NotFound
from innkeeper.core.ids import RpId
from innkeeper.core.names import is_custom
from innkeeper.store.tables import inventories, resource_classes
from innkeeper.store.txn import Txn


def create(txn: Txn, name: str) -> bool:
    """Make a resource class; tell whether it is new."""
    if txn.names.resource_classes.find(txn.conn, name) is not None:
        return False
    txn.conn.execute(
        insert(resource_classes).values(name=name, created_at=txn.now, updated_at=txn.now)
    )
    txn.resource_classes_changed()
    return True


def rename(txn: Txn, name: str, new_name: str) -> None:
    """Rename a resource class. Raises NotFound, InvalidInput (a standard one), DuplicateName."""
    class_id = _get(txn, name)
    if not is_custom(name):
        raise InvalidInput(f"Cannot update standard resource class {name}")
    if new_name != name and txn.names.resource_classes.find(txn.conn, new_name) is not None:
        raise DuplicateName(f"Resource class already exists: {new_name}")
    txn.conn.execute(
        update(resource_classes)
        .where(resource_classes.c.id == class_id)
        .values(name=new_name, updated_at=txn.now)
    )
    txn.resource_classes_changed()
    for rp_id in txn.conn.scalars(
        select(inventories.c.rp_id).where(inventories.c.rc_id == class_id)
    ):
        txn.provider_changed(RpId(rp_id))


def remove(txn: Txn, name: str) -> None:
    """Delete a resource class. Raises NotFound, InvalidInput (a standard one), NameInUse."""
    class_id = _get(txn, name)
    if not is_custom(name):
        raise InvalidInput(f"Cannot delete standard resource class {name}.")
    used = select(inventories.c.rp_id).where(inventories.c.rc_id == class_id).limit(1)
    if txn.conn.execute(used).first() is not None:
        raise NameInUse(f"Cannot delete resource class {name}. Class is in use in inventory.")
    txn.conn.execute(delete(resource_classes).where(resource_classes.c.id == class_id))
    txn.resource_classes_changed()


def _get(txn: Txn, name: str) -> int:
    class_id = txn.names.resource_classes.find(txn.conn, name)
    if class_id is None:
        raise NotFound(f"No such resource class {name}.")
    return class_id
