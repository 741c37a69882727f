"""The only place that turns a driver's errors into ours, and that decides what is tried again."""

from typing import Final

from sqlalchemy.exc import DBAPIError

from innkeeper.core.errors import Conflict, InnkeeperError, StoreError, Transient, Unavailable

MAX_TRIES: Final = 5
"""How often one batch is tried. A deadlock victim wins the second time, nearly always."""

_BUSY_CODES: Final = frozenset({"SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_BUSY_SNAPSHOT"})


def translate(error: Exception) -> InnkeeperError:
    """Give the error of ours that means what ``error`` of SQLAlchemy or the bare driver means.

    An integrity error is a Conflict: what an op wrote is refused by a key of the schema.
    """
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    cause = error.orig if isinstance(error, DBAPIError) else error
    # Every driver names its errors as the DB-API does, and shares no class with the others.
    kinds = {kind.__name__ for kind in type(cause).__mro__}
    code = getattr(cause, "sqlite_errorname", "")
    if "IntegrityError" in kinds:
        return Conflict(f"The write breaks a rule of the store: {cause}.")
    if code in _BUSY_CODES:
        return Transient(f"The database is busy ({code}).")
    if lost:
        return Unavailable("The connection to the database was lost.")
    if "OperationalError" in kinds:
        return Unavailable(f"The database cannot do it now: {cause}.")
    return StoreError(f"The database refused a statement: {cause}.")
