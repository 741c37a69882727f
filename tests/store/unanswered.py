"""A COMMIT of which nobody learns whether it was carried out."""

from innkeeper.core.errors import ConnectionLost
from innkeeper.store.remote_writer import RemoteWriter
from tests.servers.server import DatabaseUrl


class Unanswered:
    """Lets the answer to the next COMMIT get lost."""

    def __init__(self, url: DatabaseUrl, *, carried_out: bool) -> None:
        self.url = url
        self.carried_out = carried_out
        self.tries = 0

    def __call__(self, writer: RemoteWriter) -> None:
        self.tries += 1
        if self.tries > 1:
            return type(writer).commit(writer)
        if self.carried_out:
            type(writer).commit(writer)
            # As one of which the answer is lost, it lets go of its connection.
            writer.close()
            self.url.server.cut(self.url.name)
            raise ConnectionLost("The connection to the database was lost.")
        self.url.server.cut(self.url.name)
        return type(writer).commit(writer)
