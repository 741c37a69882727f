"""A store that is only looked at: beside the process that writes it, or without any.

It takes no lock, upgrades nothing and writes nothing; so it may be opened at any time.
"""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from innkeeper.core.errors import SetupError, Unavailable
from innkeeper.core.picture import Picture
from innkeeper.store import pictures, schema
from innkeeper.store.dialects import sqlite
from innkeeper.store.retry import translate
from innkeeper.store.store import Store, sqlite_path
from innkeeper.store.txn import Txn

_Result = TypeVar("_Result")


class ReadOnlyStore(Store):
    """An open store whose every write is refused."""

    def __init__(self, engine: Engine) -> None:
        # The parent's constructor makes a writer and wants a lock: there is neither here.
        self._engine = engine

    @classmethod
    def look(cls, url: str) -> "ReadOnlyStore":
        """Open the database at ``url``. Raises SetupError, saying what to do."""
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

    async def read(self, op: Callable[[Connection], _Result]) -> _Result:
        """Run ``op`` on a snapshot; give its result."""
        return await asyncio.to_thread(self.read_now, op)

    def read_now(self, op: Callable[[Connection], _Result]) -> _Result:
        """Do what ``read`` does, in the calling thread."""
        try:
            with self._engine.connect() as conn:
                return op(conn)
        except DBAPIError as error:
            raise translate(error) from error

    def load(self) -> Picture:
        """Give the picture of everything."""
        return self.read_now(pictures.whole)

    async def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()
