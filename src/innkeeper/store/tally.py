"""Tally: how many instances are in which condition, counted by the database."""

import msgspec
from sqlalchemy import Connection, case, func, select

from innkeeper.store.tables import instances


class Tally(msgspec.Struct, frozen=True):
    """Counts of instances; those that are deleted are not in it."""

    active: int = 0
    building: int = 0
    refused: int = 0
    """In ERROR without ever having had a place."""
    failed: int = 0
    """In ERROR after their builds failed."""
    retried: int = 0
    """Of all these, those of which more than one build was tried."""

    @property
    def finished(self) -> int:
        """Those that nothing more happens to by itself."""
        return self.active + self.refused + self.failed


def tally(conn: Connection) -> Tally:
    """Count every instance."""
    c = instances.c
    placed = case((c.attempt > 0, 1), else_=0)
    retried = func.sum(case((c.attempt > 1, 1), else_=0))
    query = (
        select(c.status, placed.label("placed"), func.count().label("number"), retried)
        .where(c.status != "DELETED")
        .group_by(c.status, placed)
    )
    counts: dict[str, int] = {}
    for status, was_placed, number, again in conn.execute(query):
        name = {"ACTIVE": "active", "BUILD": "building"}.get(
            status, "failed" if was_placed else "refused"
        )
        counts[name] = counts.get(name, 0) + number
        # Some engines give sums as decimals.
        counts["retried"] = counts.get("retried", 0) + int(again)
    return Tally(**counts)
