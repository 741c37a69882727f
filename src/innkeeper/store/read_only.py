"""A store that is only looked at: beside the process that writes it, or without any.

It takes no lock, upgrades nothing and writes nothing; so it may be opened at any time.
"""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from innkeeper.config import StoreSettings
from innkeeper.core.errors import SetupError, Unavailable
from innkeeper.core.picture import Picture
from innkeeper.store import schema
from innkeeper.store.dialects.backend import backend_of, is_embedded
from innkeeper.store.open_store import OpenStore
from innkeeper.store.txn import Txn

_Result = TypeVar("_Result")


class ReadOnlyStore(OpenStore):
    """An open store whose every write is refused."""

    def __init__(self, engine: Engine, *, reconnect_s: float = 0.0) -> None:
        super().__init__(engine, threads=1, reconnect_s=reconnect_s)

    @classmethod
    def look(
        cls, url: str, *, any_schema: bool = False, settings: StoreSettings | None = None
    ) -> "ReadOnlyStore":
        """Open the database at ``url``. Raises SetupError, saying what to do.

        With ``any_schema`` it may be of another schema than ours: only its revision can be read.
        """
        backend = backend_of(url, settings or StoreSettings())
        engine = backend.look()
        store = cls(engine, reconnect_s=backend.reconnect_s)
        try:
            with engine.connect() as conn:
                if any_schema:
                    schema.revision(conn)
                else:
                    schema.check(conn)
        except DBAPIError as error:
            engine.dispose()
            said = " ".join(str(error.orig).split()).rstrip(".")
            raise SetupError(
                f"Cannot read the database {backend.shown}: {said}. Check that it is an Innkeeper"
                " database, and run this as the user that Innkeeper runs as: who reads SQLite must"
                " be able to write the files beside it."
                if is_embedded(url)
                else f"Cannot read the database {backend.shown}: {said}."
            ) from error
        except SetupError:
            engine.dispose()
            raise
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


def holds_anything(url: str, *, settings: StoreSettings | None = None) -> bool:
    """Tell whether the database at ``url`` has tables or more. Raises SetupError."""
    engine = backend_of(url, settings or StoreSettings()).look()
    try:
        with engine.connect() as conn:
            return schema.holds_anything(conn)
    finally:
        engine.dispose()
