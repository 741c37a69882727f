"""The port of what is asked of a database so often that it has no thread: a statement, on the loop.

It must never decide what an answer means, nor try anything again: without an answer, whoever asked
goes the long way.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from sqlalchemy import Connection

from innkeeper.store.prepared import Scalar

Rows = Sequence[Sequence[Scalar]]

Told = Callable[[Rows | None], None]
"""Takes the rows of an answer. None: there was none, and its connection must be used no more."""


class Line(Protocol):
    """A connection that is asked one statement at a time, and used for nothing else meanwhile."""

    def ask(self, sql: str, values: Mapping[str, Scalar], told: Told) -> None:
        """Send it now; call ``told`` on the running loop, once, maybe before this returns.

        ``sql`` is as the driver's cursors take it, and one of few: it is prepared and kept.
        """

    def rest(self) -> None:
        """Let others use the connection, until it is asked again; who waits has no answer.

        To be called on the loop.
        """


Connect = Callable[[Connection], Line | None]
"""Makes a line of a connection, whose statements are each a transaction. None: no driver can."""
