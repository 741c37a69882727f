"""The reader of the change feed: what has changed since it looked last, as one picture.

One look is one snapshot; looks never overlap. Whether anything has changed at all is a single
statement; where the driver can do that, the loop asks it, by ``peek``, on the connection of the
looks and between two of them, and has a look only if it must.
"""

import contextlib
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Final

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from innkeeper.core.errors import ConnectionLost
from innkeeper.core.picture import Picture
from innkeeper.store import changes, on_loop, pictures
from innkeeper.store.changes import Vector
from innkeeper.store.for_each import Sent
from innkeeper.store.line import Connect, Line, Rows
from innkeeper.store.patience import Patience
from innkeeper.store.pipeline import cursor_of, drain
from innkeeper.store.prepared import Cursor, integer
from innkeeper.store.retry import translate
from innkeeper.store.trim import KEEP_S

MAX_CHANGES: Final = 20_000
"""Changes that are caught up with; whoever is further behind reads everything anew, which is
cheaper then."""
NEAR: Final = 32
"""Changes that the loop goes through itself, in a few milliseconds. More are left to a thread."""
RELOAD_AFTER_S: Final = KEEP_S / 2
"""Who has not looked for so long reads everything anew: of a writer that was forgotten meanwhile
nothing would tell that changes are missing. Half of the time for which these are kept."""

Clock = Callable[[], float]


def awake_s() -> float:
    """Give seconds that never go back, and go on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class FeedReader:
    """Reads what all writers have changed."""

    def __init__(
        self,
        engine: Engine,
        *,
        connect: Connect,
        reconnect_s: float,
        clock: Clock = awake_s,
        reload_after_s: float = RELOAD_AFTER_S,
    ) -> None:
        """Read through ``engine``, whose transactions are snapshots.

        The loop asks on a line that ``connect`` makes. A connection that broke is made anew for
        up to ``reconnect_s`` seconds.
        """
        self._engine = engine
        self._errors = (DBAPIError, PoolTimeout, engine.dialect.loaded_dbapi.Error)
        self._over = threading.Event()
        self._reconnect_s = reconnect_s
        self._clock = clock
        self._reload_after_s = reload_after_s
        self._connect = connect
        self._conn: Connection | None = None
        self._line: Line | None = None
        self._vector_sql = changes.VECTOR.sql(engine.dialect)
        self._unanswered = False
        self._seen: Vector | None = None
        self._looked_at = 0.0
        # Writers that wrote between the last two looks, and are likely to have written again.
        self._busy: tuple[str, ...] = ()

    def peek(self, told: Callable[[bool], None]) -> None:
        """Ask on the loop, not during a look, whether all is as it was at the last look.

        ``told`` is called on the loop: it was so after this call; or it must be looked.
        """
        line = self._line
        if line is None or self._seen is None:
            self.rest()
            told(False)
        else:
            line.ask(self._vector_sql, {}, partial(self._answered, told, self._clock()))

    def rest(self) -> None:
        """Leave the connection to a look. To be called on the loop."""
        if self._line is not None:
            self._line.rest()

    def look(self) -> Picture | None:
        """Give what changed since the last look; None: nothing. The first look gives all.

        Raises what keeps it from looking; the next look goes on where the last good one was.
        """
        if self._unanswered:
            self._drop()
        patience = Patience(self._reconnect_s, self._over)
        while True:
            try:
                return self._look()
            except self._errors as error:
                self._drop()
                failure = translate(error)
                # A read may be repeated at will.
                if not isinstance(failure, ConnectionLost) or not on_loop.elsewhere(patience.wait):
                    raise failure from error
            except BaseException:
                self._drop()
                raise

    def forget(self) -> None:
        """Read everything anew at the next look."""
        self._seen = None

    def give_up(self) -> None:
        """Wait for a lost database no longer. May be called from another thread."""
        self._over.set()

    def close(self) -> None:
        """Let go of the connection."""
        self._drop()
        self._engine.dispose()

    def _answered(self, told: Callable[[bool], None], at: float, rows: Rows | None) -> None:
        same = False
        if rows is None:
            self._unanswered = True
        else:
            same = {str(writer): integer(number) for writer, number in rows} == self._seen
        if same:
            self._looked_at = at
        else:
            self.rest()
        told(same)

    def _look(self) -> Picture | None:
        conn = self._connection()
        at = self._clock()
        # Where it can be asked on the loop, it was.
        asked = self._line is not None
        if not asked and self._seen is not None and changes.vector(conn) == self._seen:
            self._looked_at = at
            return None
        with contextlib.closing(cursor_of(conn)) as cursor:
            cursor.execute("START TRANSACTION READ ONLY")
            known = None if self._seen is None else changes.guessed(conn, self._seen, self._busy)
            there = changes.vector(conn)
            read = partial(self._read, conn, cursor, there, known, awake=at - self._looked_at)
            # What is much had better not keep the loop.
            much = changes.ahead(there, self._seen or {}) > NEAR
            picture = on_loop.elsewhere(read) if much else read()
        drain(conn)
        seen = self._seen or {}
        self._busy = tuple(of for of, number in there.items() if number > seen.get(of, 0))
        self._seen, self._looked_at = there, at
        return picture

    def _read(
        self, conn: Connection, cursor: Cursor, there: Vector, known: Sent | None, *, awake: float
    ) -> Picture:
        """Read what is new up to ``there``, and end the transaction."""
        touched = None
        if self._seen is not None and awake < self._reload_after_s:
            touched = changes.between(conn, self._seen, there, most=MAX_CHANGES, known=known)
        if touched is None:
            whole = on_loop.elsewhere(partial(pictures.whole, conn))
            cursor.execute("COMMIT")
            return whole
        take = pictures.asked(conn, touched)
        cursor.execute("COMMIT")
        return take()

    def _connection(self) -> Connection:
        """Give the connection. By itself each of its statements is a transaction."""
        if self._conn is None:
            conn = on_loop.elsewhere(self._engine.connect)
            self._conn = conn.execution_options(isolation_level="AUTOCOMMIT")
            self._line = self._connect(self._conn)
        return self._conn

    def _drop(self) -> None:
        self._line, self._unanswered = None, False
        conn, self._conn = self._conn, None
        if conn is not None:
            conn.invalidate()
            conn.close()
