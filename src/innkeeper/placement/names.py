"""Names that a request uses must exist: checked against the index before a search begins."""

from collections.abc import Iterable

from innkeeper.core.errors import UnknownName
from innkeeper.index.index import Index


def check_classes(index: Index, names: Iterable[str]) -> None:
    """Raise UnknownName for the first resource class that does not exist."""
    for name in names:
        if name not in index.resource_classes:
            raise UnknownName(f"No such resource class {name}.")


def check_requested(index: Index, names: Iterable[str]) -> None:
    """Raise UnknownName for the first resource class of a query that does not exist."""
    try:
        check_classes(index, names)
    except UnknownName as error:
        raise UnknownName(
            f"Invalid resource class in resources parameter: {error.detail}"
        ) from error


def check_traits(index: Index, names: Iterable[str]) -> None:
    """Raise UnknownName, naming all of them, if any trait does not exist."""
    unknown = sorted({name for name in names if name not in index.known_traits})
    if unknown:
        raise UnknownName(f"No such trait(s): {', '.join(unknown)}.")
