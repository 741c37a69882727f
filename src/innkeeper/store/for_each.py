"""Statements of the hottest paths that are run for each of many rows.

Such a statement is written once, over a row. The columns of that row are those of a table that one
parameter holds, as JSON: one run, and one trip to a database behind a socket, whatever the number
of rows. Only what gives nothing back has them as bound values where the database is a file: there
the driver is quicker to run it for one row after the other. So no two of the rows may change the
same row of the database.
"""

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final, Protocol, cast

import msgspec
from sqlalchemy import (
    BindParameter,
    ClauseElement,
    ColumnElement,
    Connection,
    FromClause,
    Insert,
    Integer,
    Table,
    UpdateBase,
    bindparam,
    column,
    insert,
    select,
)
from sqlalchemy.engine import Dialect

from innkeeper.store.dialects import mariadb, postgresql, sqlite
from innkeeper.store.dialects.rows import PARAMETER, Kind, type_of
from innkeeper.store.pipeline import cursor_of
from innkeeper.store.prepared import Cursor, Scalar
from innkeeper.store.strict import strictly

MAX_ROWS: Final = 1_000
"""Rows of one statement, which keeps its parameter small: 100 kB."""

Row = Mapping[str, ColumnElement[Any]]
"""The columns of a row, by name, for a statement that is written over it."""
Values = tuple[Scalar, ...]
"""One row, in the order of its columns."""

_TABLES: Final[Mapping[str, Callable[[Mapping[str, Kind]], FromClause]]] = {
    "postgresql": postgresql.table_of,
    "mariadb": mariadb.table_of,
    "sqlite": sqlite.table_of,
}
"""What makes a table of the one parameter that holds all rows, by the name of the dialect."""

_COUNT: Final = "given_rows"
"""The parameter that holds how many rows there are."""

_FILES: Final = frozenset({"sqlite"})
"""Dialects of databases that are files."""


class ForEach:
    """A Core statement over a row, compiled once per dialect and run by the bare cursor."""

    __slots__ = ("_columns", "_compiled", "_write")

    def __init__(self, write: Callable[[Row], ClauseElement], **columns: Kind) -> None:
        """Take what writes the statement over a row that has these ``columns``."""
        self._write = write
        self._columns = columns
        self._compiled: dict[tuple[str, bool], _AtOnce | _OneByOne] = {}

    def send(self, conn: Connection, rows: Sequence[Values], *, strict: bool = False) -> "Sent":
        """Execute for each row. Where the connection has a pipeline, only who asks more waits.

        A ``strict`` one gives nothing, and fails unless it changes or finds as many rows.
        """
        cursors = []
        for page in _pages(rows):
            cursor = cursor_of(conn)
            self._for(conn.dialect, strict=strict).run(cursor, page)
            cursors.append(cursor)
        return Sent(cursors)

    def _for(self, dialect: Dialect, *, strict: bool) -> "_AtOnce | _OneByOne":
        found = self._compiled.get((dialect.name, strict))
        if found is None:
            statement = self._write({name: column(name) for name in self._columns})
            gives_nothing = isinstance(statement, UpdateBase) and not statement.exported_columns
            if gives_nothing and dialect.name in _FILES:
                found = _OneByOne(self._write, self._columns, dialect)
            else:
                found = _AtOnce(self._write, self._columns, dialect, strict=strict)
            self._compiled[dialect.name, strict] = found
        return found


class Sent:
    """A statement that is under way for each of many rows."""

    __slots__ = ("_cursors",)

    def __init__(self, cursors: Sequence[Cursor]) -> None:
        self._cursors = cursors

    def count(self) -> int:
        """Wait for it; give how many rows of the database it found in all."""
        return sum([cursor.rowcount for cursor in self._cursors])

    def rows(self) -> list[Values]:
        """Wait for it; give all that it selects or returns, in no order, once."""
        found: list[Values] = []
        for cursor in self._cursors:
            found += cursor.fetchall()
            cursor.close()
        return found


def insert_of(table: Table, row: Row, *where: ColumnElement[bool]) -> Insert:
    """Give what inserts ``row`` into the columns of ``table`` that have its names, where it may."""
    if not where and all(isinstance(value, BindParameter) for value in row.values()):
        return insert(table).values(dict(row))  # SQLite takes a third less for it.
    return insert(table).from_select(list(row), select(*row.values()).where(*where))


def _pages(rows: Sequence[Values]) -> Sequence[Sequence[Values]]:
    if len(rows) <= MAX_ROWS:
        return (rows,) if rows else ()
    return [rows[start : start + MAX_ROWS] for start in range(0, len(rows), MAX_ROWS)]


class _ManyCursor(Protocol):
    """What drivers of files have."""

    def executemany(self, sql: str, parameters: Sequence[Values], /) -> object:
        """Run one statement for each row."""


class _OneByOne:
    """A statement over bound values."""

    __slots__ = ("_arrange", "_constants", "_sql")

    def __init__(
        self, write: Callable[[Row], ClauseElement], columns: Mapping[str, Kind], dialect: Dialect
    ) -> None:
        bound: dict[str, ColumnElement[Any]] = {
            name: bindparam(name, type_=type_of(kind)) for name, kind in columns.items()
        }
        compiled = write(bound).compile(dialect=dialect)
        self._sql = str(compiled)
        # Literals of the statement ("used + 1") are bound values too, and follow those of the row.
        literals = {k: v for k, v in (compiled.params or {}).items() if k not in columns}
        self._constants: Values = tuple(literals.values())
        places = [*columns, *literals]
        order: Sequence[str] = getattr(compiled, "positiontup", None) or ()
        self._arrange: Callable[[Values], Values] | None = None
        if tuple(order) != tuple(places):
            self._arrange = itemgetter(*(places.index(name) for name in order))

    def run(self, cursor: Cursor, rows: Sequence[Values]) -> None:
        arrange, constants = self._arrange, self._constants
        if arrange is not None:
            rows = [arrange(row + constants) for row in rows]
        cast("_ManyCursor", cursor).executemany(self._sql, rows)


class _AtOnce:
    """A statement over a table that one parameter holds."""

    __slots__ = ("_constants", "_order", "_row", "_sql", "_strict")

    def __init__(
        self,
        write: Callable[[Row], ClauseElement],
        columns: Mapping[str, Kind],
        dialect: Dialect,
        *,
        strict: bool,
    ) -> None:
        statement = write(cast("Row", _TABLES[dialect.name](columns).c))
        if strict:
            statement = strictly(statement, bindparam(_COUNT, type_=Integer))
        compiled = statement.compile(dialect=dialect)
        self._sql = str(compiled)
        # It is made and written in a seventh of the time that a dict takes.
        self._row = msgspec.defstruct("Row", [str(name) for name in columns], gc=False)
        self._order: Sequence[str] | None = getattr(compiled, "positiontup", None)
        self._constants: dict[str, Scalar] = dict(compiled.params or {})
        self._strict = strict

    def run(self, cursor: Cursor, rows: Sequence[Values]) -> None:
        named = [self._row(*row) for row in rows]
        values = {**self._constants, PARAMETER: msgspec.json.encode(named).decode()}
        if self._strict:
            values[_COUNT] = len(rows)
        order = self._order
        cursor.execute(self._sql, values if order is None else [values[name] for name in order])
