"""Use cases of resource classes."""

from innkeeper.core.errors import NotFound
from innkeeper.core.picture import NamePicture
from innkeeper.placement.service import Placement
from innkeeper.store import resource_classes as stored


def list_classes(placement: Placement) -> list[NamePicture]:
    """Give all resource classes, standard ones first."""
    return list(placement.index.resource_classes.values())


def show_class(placement: Placement, name: str) -> NamePicture:
    """Give one resource class; raise NotFound."""
    found = placement.index.resource_classes.get(name)
    if found is None:
        raise NotFound(f"No such resource class {name}.")
    return found


async def create_class(placement: Placement, name: str) -> bool:
    """Make a resource class, whose name must be a valid one; tell whether it is new."""
    return await placement.store.write(lambda txn: stored.create(txn, name))


async def rename_class(placement: Placement, name: str, new_name: str) -> None:
    """Rename a resource class. Raises NotFound, InvalidInput (a standard one), DuplicateName."""
    await placement.store.write(lambda txn: stored.rename(txn, name, new_name))


async def delete_class(placement: Placement, name: str) -> None:
    """Delete a resource class. Raises NotFound, InvalidInput (a standard one), NameInUse."""
    await placement.store.write(lambda txn: stored.remove(txn, name))
