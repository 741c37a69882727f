"""The port of what is asked of a database so often that it has no thread: one query, on the loop.

It must never decide what an answer means, nor try anything again: without an answer, whoever asked
goes the long way.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from sqlalchemy import Connection

Row = Sequence[bytes]
"""The values of a row as text; NULL is empty."""

Told = Callable[[Sequence[Row] | None], None]
"""Takes the rows of an answer. None: there was none, and its connection must be used no more."""


class Question(Protocol):
    """A query that is ready on a connection, on which nothing else runs while it is asked."""

    def ask(self, told: Told) -> None:
        """Send it now; call ``told`` on the running loop, once, maybe before this returns."""


Prepare = Callable[[Connection, str], Question | None]
"""Makes a query, which has no parameters, ready on a connection. None: the driver cannot."""
