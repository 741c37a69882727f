"""Names in a request must exist, and each stand there once: checked before a search or a write."""

from collections.abc import Collection, Iterable

from innkeeper.core.errors import InvalidInput, UnknownName
from innkeeper.core.ids import canonical_uuid
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


def check_once(uuids: Collection[str], *, what: str) -> None:
    """Raise InvalidInput if a uuid is there twice, however it is written."""
    if len(uuids) < 2:  # noqa: PLR2004 - as most requests
        return
    seen: set[str] = set()
    for text in uuids:
        uuid = canonical_uuid(text) or text
        if uuid in seen:
            raise InvalidInput(f"The {what} {uuid} is named twice, spelt differently.")
        seen.add(uuid)
