"""The port of a driver that sends a statement and goes on: only who asks what came of it waits.

Where a connection has a pipeline, cursors are made of it, and a trip to the server is paid for by
what asks, not by what is sent. Whatever else uses the connection must drain the pipeline first.
"""

from typing import Final, Protocol, cast

from sqlalchemy import Connection

from innkeeper.store.prepared import Cursor

KEY: Final = "pipeline"
"""Where the pipeline of a connection is, among what the pool keeps about that."""


class Pipeline(Protocol):
    """What was sent on one connection and not yet asked for."""

    def cursor(self) -> Cursor:
        """Give a cursor that knows the last statement that it has sent."""

    def commit(self) -> None:
        """Send COMMIT along: it is carried out if nothing that was sent before it fails."""

    def drain(self) -> None:
        """Wait until all is answered; raise the first error, which undid what came after it."""

    def drop(self) -> None:
        """Do the same, and raise nothing: all of it is to be undone."""


def _of(conn: Connection) -> Pipeline | None:
    if conn.invalidated:
        return None
    return cast("Pipeline | None", conn.connection.info.get(KEY))


def goes_along(conn: Connection) -> bool:
    """Tell whether what is sent on ``conn`` goes along, so that to wait later is to wait less."""
    return _of(conn) is not None


def cursor_of(conn: Connection) -> Cursor:
    """Give a bare cursor in the transaction of ``conn``."""
    pipeline = _of(conn)
    return cast("Cursor", conn.connection.cursor()) if pipeline is None else pipeline.cursor()


def commit(conn: Connection) -> None:
    """Send COMMIT along on ``conn``, where statements go along."""
    pipeline = _of(conn)
    if pipeline is not None:
        pipeline.commit()


def drain(conn: Connection) -> None:
    """Raise what any statement raised that was sent on ``conn`` and not asked for."""
    pipeline = _of(conn)
    if pipeline is not None:
        pipeline.drain()


def drop(conn: Connection) -> None:
    """Ask for nothing more of what was sent on ``conn``."""
    pipeline = _of(conn)
    if pipeline is not None:
        pipeline.drop()
