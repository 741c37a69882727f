"""Trips to PostgreSQL: each wait for what was sent through a pipeline, and each question."""

from typing import Any

import pytest
from psycopg.pq import TransactionStatus

from innkeeper.store.dialects.libpq import LibpqLine
from innkeeper.store.dialects.libpq_pipeline import LibpqPipeline

Trip = tuple[str, TransactionStatus]
"""Of what (write, look or ask), and how the transaction stood when it was answered."""


def trips(monkeypatch: pytest.MonkeyPatch) -> list[Trip]:
    """Give the trips from now on."""
    made: list[Trip] = []
    drain, ask = LibpqPipeline.drain, LibpqLine.ask

    def counted(self: LibpqPipeline) -> None:
        waits = bool(self._waiting)
        try:
            drain(self)
        finally:
            if waits:
                of = "look" if self._driver.autocommit else "write"
                made.append((of, TransactionStatus(self._pgconn.transaction_status)))

    def asked(self: LibpqLine, *question: Any) -> None:
        made.append(("ask", TransactionStatus.IDLE))
        ask(self, *question)

    monkeypatch.setattr(LibpqPipeline, "drain", counted)
    monkeypatch.setattr(LibpqLine, "ask", asked)
    return made
