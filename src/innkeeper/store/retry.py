"""The only place that turns a driver's errors into ours, and that decides what is tried again."""

from collections.abc import Callable
from typing import Final

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from innkeeper.core.errors import (
    Conflict,
    ConnectionLost,
    DuplicateName,
    InnkeeperError,
    StoreError,
    Transient,
    Unavailable,
)
from innkeeper.store.dialects import mariadb, postgresql, sqlite
from innkeeper.store.dialects.trouble import Trouble

MAX_TRIES: Final = 5
"""How often one batch is tried. A deadlock victim wins the second time, nearly always."""

_JUDGES: Final[dict[str, Callable[[Exception], Trouble]]] = {
    "pysqlite3": sqlite.trouble,
    "psycopg": postgresql.trouble,
    "pymysql": mariadb.trouble,
}
"""Who knows the errors of a driver, by the name of its package."""

_MEANINGS: Final[dict[Trouble, tuple[type[InnkeeperError], str]]] = {
    Trouble.DUPLICATE: (DuplicateName, "The name or uuid is taken"),
    Trouble.CONFLICT: (Conflict, "The write breaks a rule of the store"),
    Trouble.TRANSIENT: (Transient, "The database is busy"),
    Trouble.LOST: (ConnectionLost, "The connection to the database was lost"),
    Trouble.UNAVAILABLE: (Unavailable, "The database cannot do it now"),
    Trouble.REFUSED: (StoreError, "The database refused a statement"),
}


def translate(error: Exception) -> InnkeeperError:
    """Give the error of ours that means what ``error`` of SQLAlchemy or the bare driver means.

    An integrity error is a Conflict: what an op wrote is refused by a key of the schema.
    """
    if isinstance(error, PoolTimeout):
        return Unavailable("No connection to the database came free in time.")
    cause = error.orig if isinstance(error, DBAPIError) else error
    judge = _JUDGES.get(type(cause).__module__.partition(".")[0])
    trouble = Trouble.REFUSED if judge is None or cause is None else judge(cause)
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        trouble = Trouble.LOST
    kind, words = _MEANINGS[trouble]
    said = " ".join(str(cause).split())
    return kind(f"{words}: {said}.")
