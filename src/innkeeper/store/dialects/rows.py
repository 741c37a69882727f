"""Rows that are given to a statement: what each engine makes a table of."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnClause, Double, Text, column
from sqlalchemy.types import TypeEngine

Kind = type[int] | type[float] | type[str]
"""Of a column of such a row."""

PARAMETER: Final = "rows"
"""The parameter: a JSON list of objects, one a row, with the names of columns. On SQLite it
says only where the values are to be bound."""

_TYPES: Final[Mapping[Kind, type[TypeEngine[Any]]]] = {int: BigInteger, float: Double, str: Text}


def columns_of(columns: Mapping[str, Kind]) -> list[ColumnClause[Any]]:
    """Give such columns."""
    return [column(name, _TYPES[kind]()) for name, kind in columns.items()]
