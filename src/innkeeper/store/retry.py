"""The only place that turns a driver's errors into ours, and that decides what is tried again."""

from typing import Final

from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from innkeeper.core.errors import Conflict, InnkeeperError, StoreError, Transient, Unavailable

MAX_TRIES: Final = 5
"""How often one batch is tried. A deadlock victim wins the second time, nearly always."""

_BUSY_CODES: Final = frozenset({"SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_BUSY_SNAPSHOT"})


def translate(error: DBAPIError) -> InnkeeperError:
    """Give the error of ours that means what the driver's ``error`` means.

    An integrity error is a Conflict: what an op wrote is refused by a key of the schema.
    """
    if isinstance(error, IntegrityError):
        return Conflict(f"The write breaks a rule of the store: {error.orig}.")
    name = getattr(error.orig, "sqlite_errorname", "")
    if name in _BUSY_CODES:
        return Transient(f"The database is busy ({name}).")
    if error.connection_invalidated:
        return Unavailable("The connection to the database was lost.")
    if isinstance(error, OperationalError):
        return Unavailable(f"The database cannot do it now: {error.orig}.")
    return StoreError(f"The database refused a statement: {error.orig}.")
