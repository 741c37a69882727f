"""Strict statements: which fail by themselves where they find other rows than they must.

So COMMIT can be sent along with them: nobody need look first whether all was done.
"""

from typing import Any, Final, cast

from sqlalchemy import (
    ClauseElement,
    ColumnElement,
    Integer,
    Select,
    UpdateBase,
    case,
    func,
    literal_column,
    select,
)
from sqlalchemy import cast as converted

REFUSAL: Final = "Innkeeper runs this again in steps; rows found: "
"""What stands in the server's log when such a statement has failed."""


def strictly(statement: ClauseElement, rows: ColumnElement[int]) -> ClauseElement:
    """Give what does the same and fails unless that changes, or finds, as many ``rows``.

    The engine must let a common table expression write.
    """
    if isinstance(statement, UpdateBase) and not statement.exported_columns:
        statement = statement.returning(literal_column("1").label("one"))
    done = cast("UpdateBase | Select[Any]", statement).cte("done")
    found = func.count()
    # No number; and not known to be none before it is run.
    fails = converted(func.concat(literal_column(f"'{REFUSAL}'"), found), Integer)
    return select(case((found == rows, 1), else_=fails)).select_from(done)
