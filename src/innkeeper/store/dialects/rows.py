"""Rows that are given to a statement in one parameter: what each engine makes a table of."""

from typing import Final

Kind = type[int] | type[str]
"""Of a column of such a row."""

PARAMETER: Final = "rows"
"""The parameter: a JSON list of objects, one a row, with the names of columns."""
