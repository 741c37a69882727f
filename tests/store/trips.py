"""Trips to PostgreSQL: each wait for what was sent through a pipeline."""

import pytest
from psycopg.pq import TransactionStatus

from innkeeper.store.dialects.libpq_pipeline import LibpqPipeline

Trip = tuple[str, TransactionStatus]
"""Of what (write or look), and how the transaction stood when it was answered."""


def trips(monkeypatch: pytest.MonkeyPatch) -> list[Trip]:
    """Give the trips from now on."""
    made: list[Trip] = []
    drain = LibpqPipeline.drain

    def counted(self: LibpqPipeline) -> None:
        waits = bool(self._waiting)
        drain(self)
        if waits:
            of = "look" if self._driver.autocommit else "write"
            made.append((of, TransactionStatus(self._pgconn.transaction_status)))

    monkeypatch.setattr(LibpqPipeline, "drain", counted)
    return made
