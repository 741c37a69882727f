"""A store that is only looked at: beside the process that writes it, or without any.

It takes no lock, upgrades nothing and writes nothing; so it may be opened at any time.
"""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from innkeeper.core.errors import SetupError, Unavailable
from innkeeper.core.picture import Picture
from innkeeper.store import schema
from innkeeper.store.dialects import sqlite
from innkeeper.store.open_store import OpenStore
from innkeeper.store.store import sqlite_path
from innkeeper.store.txn import Txn

_Result = TypeVar("_Result")


class ReadOnlyStore(OpenStore):
    """An open store whose every write is refused."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, threads=1)

    @classmethod
    def look(cls, url: str, *, any_schema: bool = False) -> "ReadOnlyStore":
        """Open the database at ``url``. Raises SetupError, saying what to do.

        With ``any_schema`` it may be of another schema than ours: only its revision can be read.
        """
        path = sqlite_path(url)
        if not path.is_file():
            raise SetupError(
                f"There is no database {path}. Start `innkeeper up` or a replay first, or name"
                " another directory with --data-dir."
            )
        engine = sqlite.reader_engine(path, size=1)
        store = cls(engine)
        try:
            with engine.connect() as conn:
                if any_schema:
                    schema.revision(conn)
                else:
                    schema.check(conn)
        except DBAPIError as error:
            engine.dispose()
            raise SetupError(f"Cannot read the database {path}: {error.orig}.") from error
        return store

    def start(self, on_picture: Callable[[Picture], None]) -> None:
        """Do nothing: what others write meanwhile is not followed."""

    async def write(
        self, op: Callable[[Txn], _Result], *, settle: Callable[[], None] | None = None
    ) -> _Result:
        """Refuse it: raises Unavailable."""
        raise Unavailable("The database is open for reading only.")

    async def close(self) -> None:
        """Let go of the database."""
        self.close_readers()
