"""Statements of the hottest paths: written in SQLAlchemy Core, run by the bare driver.

A statement is compiled once per dialect; after that a call costs what the driver costs (about
5 us on SQLite where Core takes 40 us). Values pass as the driver wants them: no type of
SQLAlchemy converts them, so points in time are given as microseconds.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from sqlalchemy import ClauseElement, literal_column
from sqlalchemy.engine import Dialect

from innkeeper.core.errors import StoreError
from innkeeper.store.strict import strictly

Scalar = str | int | float | bytes | None


def integer(value: Scalar) -> int:
    """Give ``value``, which a column of whole numbers holds."""
    if not isinstance(value, int):
        raise StoreError(f"A whole number was expected in a row, not {value!r}.")
    return value


class Cursor(Protocol):
    """What is used of a DB-API cursor."""

    @property
    def rowcount(self) -> int:
        """How many rows the last statement changed or found."""

    def execute(self, sql: str, parameters: object = ..., /) -> object:
        """Run one statement."""

    def fetchone(self) -> tuple[Scalar, ...] | None:
        """Give the next row."""

    def fetchall(self) -> list[tuple[Scalar, ...]]:
        """Give the rows that are left."""

    def close(self) -> object:
        """Let go of what it holds."""


class Prepared:
    """A Core statement that is compiled once per dialect and run by the bare cursor."""

    __slots__ = ("_compiled", "_statement")

    def __init__(self, statement: ClauseElement) -> None:
        self._statement = statement
        self._compiled: dict[tuple[str, bool], _Compiled] = {}

    def run(
        self,
        cursor: Cursor,
        dialect: Dialect,
        values: Mapping[str, Scalar],
        *,
        strict: bool = False,
    ) -> None:
        """Execute with named ``values``; rows and rowcount are then the cursor's.

        A ``strict`` one gives neither, and fails unless it changes or finds one row.
        """
        compiled = self._for(dialect, strict=strict)
        cursor.execute(compiled.sql, compiled.arrange(values))

    def sql(self, dialect: Dialect) -> str:
        """Give its text, as the driver takes it."""
        return self._for(dialect).sql

    def named(self, dialect: Dialect, values: Mapping[str, Scalar]) -> Mapping[str, Scalar]:
        """Give ``values`` and the literals, by name."""
        return self._for(dialect).named(values)

    def _for(self, dialect: Dialect, *, strict: bool = False) -> "_Compiled":
        found = self._compiled.get((dialect.name, strict))
        if found is None:
            statement = self._statement
            if strict:
                statement = strictly(statement, literal_column("1"))
            found = self._compiled[dialect.name, strict] = _Compiled(statement, dialect)
        return found


class _Compiled:
    """The text for one dialect, and how its driver takes the values."""

    __slots__ = ("_constants", "_order", "sql")

    def __init__(self, statement: ClauseElement, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        positions: Sequence[str] | None = getattr(compiled, "positiontup", None)
        self.sql = str(compiled)
        self._order = None if positions is None else tuple(positions)
        # Literals of the statement ("used + 1") are bound values too.
        self._constants: dict[str, Scalar] = {
            name: value for name, value in (compiled.params or {}).items() if value is not None
        }

    def arrange(self, values: Mapping[str, Scalar]) -> Mapping[str, Scalar] | tuple[Scalar, ...]:
        """Give ``values`` and the literals as the driver takes them: by position or by name."""
        values = self.named(values)
        return values if self._order is None else tuple([values[name] for name in self._order])

    def named(self, values: Mapping[str, Scalar]) -> Mapping[str, Scalar]:
        """Give ``values`` and the literals by name."""
        return {**self._constants, **values} if self._constants else values
