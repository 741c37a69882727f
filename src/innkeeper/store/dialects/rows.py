"""Rows that are given to a statement in one parameter: what each engine makes a table of."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnClause, Double, Text, column
from sqlalchemy.types import TypeEngine

Kind = type[int] | type[float] | type[str]
"""Of a column of such a row."""

PARAMETER: Final = "rows"
"""The parameter: a JSON list of objects, one a row, with the names of columns."""

_TYPES: Final[Mapping[Kind, type[TypeEngine[Any]]]] = {int: BigInteger, float: Double, str: Text}


def type_of(kind: Kind) -> TypeEngine[Any]:
    """Give the type of such a column."""
    return _TYPES[kind]()


def columns_of(columns: Mapping[str, Kind]) -> list[ColumnClause[Any]]:
    """Give such columns."""
    return [column(name, type_of(kind)) for name, kind in columns.items()]
