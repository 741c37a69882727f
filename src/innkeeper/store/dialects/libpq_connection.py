"""psycopg's connection, whose waits are the loop's where the code that waits is on the loop."""

from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.waiting import Ready

from innkeeper.store import on_loop

_Result = TypeVar("_Result")


class LibpqConnection(psycopg.Connection[Any]):
    """A connection. Only to make one takes a thread."""

    def wait(self, gen: PQGen[_Result], *args: Any, **kwargs: Any) -> _Result:  # noqa: ANN401
        """Go through ``gen``, waiting for the socket as it says; give what it returns.

        What psycopg gives besides is how often to look for Ctrl-C, which is the loop's business.
        """
        if not on_loop.is_here():
            return super().wait(gen, *args, **kwargs)
        try:
            events = next(gen)
            while True:
                came = on_loop.wait_for_socket(self.pgconn.socket, events)
                events = gen.send(Ready(came))
        except OSError as error:
            raise psycopg.OperationalError("The socket of the connection was closed.") from error
        except StopIteration as ended:
            result: _Result = ended.value
            return result
