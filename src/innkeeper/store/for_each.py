"""Statements of the hottest paths that are run for each of many rows.

Such a statement is written once, over a row. The columns of that row are those of a table that is
sent along: one run, and one trip to a database behind a socket, whatever the number of rows. Behind
a socket one parameter holds that table, as JSON. Where the database is a file its values are bound
one by one, which SQLite reads in half the time or less. No two of the rows may change the same row
of the database.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, Final, Protocol, cast

import msgspec
from sqlalchemy import (
    ClauseElement,
    ColumnElement,
    Connection,
    Delete,
    FromClause,
    Insert,
    Integer,
    Table,
    UpdateBase,
    bindparam,
    insert,
    select,
)
from sqlalchemy.engine import Dialect

from innkeeper.store.dialects import mariadb, postgresql, sqlite
from innkeeper.store.dialects.rows import PARAMETER, Kind
from innkeeper.store.pipeline import cursor_of
from innkeeper.store.prepared import Cursor, Scalar
from innkeeper.store.strict import strictly

MAX_ROWS: Final = 1_000
"""Rows of one statement, which keeps its parameter small: 100 kB."""
MAX_BOUND: Final = 256
"""Rows whose values are bound one by one: some 2,500 of the 32,766 that SQLite takes."""
ANY_NUMBER: Final = 8
"""Up to so many rows a statement has a text for each number of them, beyond that for powers of two:
so few that they stay prepared."""

Row = Mapping[str, ColumnElement[Any]]
"""The columns of a row, by name, for a statement that is written over it."""
Values = tuple[Scalar, ...]
"""One row, in the order of its columns."""

_TABLES: Final[Mapping[str, Callable[[Mapping[str, Kind]], FromClause]]] = {
    "postgresql": postgresql.table_of,
    "mariadb": mariadb.table_of,
}
"""What makes a table of the one parameter that holds all rows, by the name of the dialect."""

_COUNT: Final = "given_rows"
"""The parameter that holds how many rows there are."""


class ForEach:
    """A Core statement over a row, compiled once per dialect and run by the bare cursor."""

    __slots__ = ("_columns", "_compiled", "_write")

    def __init__(self, write: Callable[[Row], ClauseElement], **columns: Kind) -> None:
        """Take what writes the statement over a row that has these ``columns``."""
        self._write = write
        self._columns = columns
        self._compiled: dict[tuple[str, bool], _Compiled] = {}

    def send(self, conn: Connection, rows: Sequence[Values], *, strict: bool = False) -> "Sent":
        """Execute for each row. Where the connection has a pipeline, only who asks more waits.

        A ``strict`` one, which there is only where a pipeline is, gives nothing, and fails unless
        it changes or finds as many rows.
        """
        compiled = self._for(conn.dialect, strict=strict)
        return Sent([compiled.run(cursor_of(conn), page) for page in compiled.pages(rows)])

    def _for(self, dialect: Dialect, *, strict: bool) -> "_Compiled":
        found = self._compiled.get((dialect.name, strict))
        if found is None:
            if dialect.name in _TABLES:
                found = _InOneParameter(self._write, self._columns, dialect, strict=strict)
            else:
                found = _Bound(self._write, self._columns, dialect)
            self._compiled[dialect.name, strict] = found
        return found


class Sent:
    """A statement that is under way for each of many rows."""

    __slots__ = ("_outcomes",)

    def __init__(self, outcomes: "Sequence[_Outcome]") -> None:
        self._outcomes = outcomes

    def count(self) -> int:
        """Wait for it; give how many rows of the database it found in all."""
        return sum([outcome.rowcount for outcome in self._outcomes])

    def rows(self) -> list[Values]:
        """Wait for it; give all that it selects or returns, in no order, once."""
        found: list[Values] = []
        for outcome in self._outcomes:
            found += outcome.fetchall()
            outcome.close()
        return found


def insert_of(table: Table, row: Row, *where: ColumnElement[bool]) -> Insert:
    """Give what inserts ``row`` into the columns of ``table`` that have its names, where it may."""
    return insert(table).from_select(list(row), select(*row.values()).where(*where))


class _Outcome(Protocol):
    """What is used of a cursor that was given a statement."""

    @property
    def rowcount(self) -> int:
        """How many rows it changed or found."""

    def fetchall(self) -> list[Values]:
        """Give the rows, once."""

    def close(self) -> object:
        """Let go of what it holds."""


class _Fetched:
    """Rows that were given at once."""

    __slots__ = ("_rows",)

    def __init__(self, rows: list[Values]) -> None:
        self._rows = rows

    @property
    def rowcount(self) -> int:
        return len(self._rows)

    def fetchall(self) -> list[Values]:
        return self._rows

    def close(self) -> None:
        """Do nothing."""


class _Compiled(Protocol):
    """A statement for one dialect."""

    def pages(self, rows: Sequence[Values]) -> Iterable[Sequence[Values]]:
        """Cut ``rows`` into what one run takes."""

    def run(self, cursor: Cursor, rows: Sequence[Values]) -> _Outcome:
        """Execute it for a page."""


class _InOneParameter:
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

    def pages(self, rows: Sequence[Values]) -> Iterable[Sequence[Values]]:
        if len(rows) <= MAX_ROWS:
            return (rows,) if rows else ()
        return [rows[start : start + MAX_ROWS] for start in range(0, len(rows), MAX_ROWS)]

    def run(self, cursor: Cursor, rows: Sequence[Values]) -> _Outcome:
        named = [self._row(*row) for row in rows]
        values = {**self._constants, PARAMETER: msgspec.json.encode(named).decode()}
        if self._strict:
            values[_COUNT] = len(rows)
        order = self._order
        cursor.execute(self._sql, values if order is None else [values[name] for name in order])
        return cursor


class _Bound:
    """A statement over a table whose values are bound one by one: SQLite's."""

    __slots__ = ("_after", "_before", "_gives", "_head", "_row", "_tail", "_texts")

    def __init__(
        self, write: Callable[[Row], ClauseElement], columns: Mapping[str, Kind], dialect: Dialect
    ) -> None:
        statement = write(cast("Row", sqlite.table_of(columns).c))
        self._gives = not isinstance(statement, UpdateBase) or bool(statement.exported_columns)
        if isinstance(statement, Delete):
            statement = sqlite.of_one_table(statement)
        compiled = statement.compile(dialect=dialect)
        # Literals of the statement ("used + 1") are bound values too, on both sides of the rows.
        constants: Mapping[str, Scalar] = compiled.params
        order: Sequence[str] = getattr(compiled, "positiontup", ())
        place = order.index(PARAMETER)
        self._before = [constants[name] for name in order[:place]]
        self._after = [constants[name] for name in order[place + 1 :]]
        self._head, self._tail = str(compiled).split(sqlite.ROWS)
        self._row = f"({','.join('?' * len(columns))})"
        self._texts: dict[int, str] = {}

    def pages(self, rows: Sequence[Values]) -> Iterable[Sequence[Values]]:
        first, left = 0, len(rows)
        while left:
            size = left if left <= ANY_NUMBER else min(1 << (left.bit_length() - 1), MAX_BOUND)
            yield rows[first : first + size]
            first, left = first + size, left - size

    def run(self, cursor: Cursor, rows: Sequence[Values]) -> _Outcome:
        text = self._texts.get(len(rows))
        if text is None:
            given = ",".join([self._row] * len(rows))
            text = self._texts[len(rows)] = f"{self._head}VALUES {given}{self._tail}"
        cursor.execute(text, [*self._before, *chain.from_iterable(rows), *self._after])
        # Until all is fetched a statement is under way, and no savepoint ends while one writes.
        return _Fetched(cursor.fetchall()) if self._gives else cursor
