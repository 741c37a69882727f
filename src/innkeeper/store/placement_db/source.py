"""Source: a database of openstack-placement that is opened, looked over and then read."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property

from sqlalchemy import Connection

from innkeeper.store.placement_db import broken
from innkeeper.store.placement_db.bookmark import fingerprint
from innkeeper.store.placement_db.broken import BrokenRow, Incomplete
from innkeeper.store.placement_db.forest import Forest, grow
from innkeeper.store.placement_db.opening import placement_url, reading, shown
from innkeeper.store.placement_db.theirs import Theirs


class Source:
    """One snapshot of a database of Placement. What needs a long look is looked for once."""

    def __init__(self, conn: Connection, name: str, records: Theirs) -> None:
        self._conn = conn
        self.name = name
        """Its URL without the password."""
        self.records = records

    @cached_property
    def forest(self) -> Forest:
        """Its provider trees."""
        return grow(self.records.parents())

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many there are of each thing that is moved."""
        return self.records.counts()

    @cached_property
    def incomplete(self) -> list[Incomplete]:
        """What is made whole while it is moved."""
        return broken.incomplete(self._conn, self.forest)

    def broken(self) -> Iterator[BrokenRow]:
        """Give the rows that cannot be moved, streamed."""
        return broken.broken_rows(self._conn)

    def fingerprint(self) -> str:
        """Give what changes whenever anything in the database does."""
        return fingerprint(self._conn)


@contextmanager
def opened(url: str, *, incomplete_project: str, incomplete_user: str) -> Iterator[Source]:
    """Open the database at ``url`` for reading, on one snapshot.

    The other two stand for the project and user of a consumer that has none. Raises SetupError.
    """
    place = placement_url(url)
    with reading(place) as conn:
        records = Theirs(
            conn, incomplete_project=incomplete_project, incomplete_user=incomplete_user
        )
        yield Source(conn, shown(place), records)
