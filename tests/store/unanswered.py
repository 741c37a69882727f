"""A COMMIT of which nobody learns whether it was carried out."""

import psycopg
import pytest

from innkeeper.core.errors import ConnectionLost, Unavailable
from innkeeper.store import changes
from innkeeper.store.dialects.libpq_pipeline import LibpqPipeline
from innkeeper.store.remote_writer import RemoteWriter
from innkeeper.store.store import Store
from tests.servers.server import DatabaseUrl


class Unanswered:
    """Lets the answer to the next COMMIT get lost, whether that goes along or goes by itself.

    Without ``along``, to the next that goes by itself.
    """

    def __init__(
        self,
        store: Store,
        url: DatabaseUrl,
        monkeypatch: pytest.MonkeyPatch,
        *,
        carried_out: bool,
        along: bool = True,
    ) -> None:
        assert store._remote is not None
        self.url = url
        self.carried_out = carried_out
        self.tries = 0
        self._writer: RemoteWriter = store._remote
        monkeypatch.setattr(self._writer, "commit", self._commit)
        self._send_commit = LibpqPipeline.commit

        def commit(pipeline: LibpqPipeline) -> None:
            self._commit_along(pipeline)

        if along:
            monkeypatch.setattr(LibpqPipeline, "commit", commit)

    def _commit(self) -> None:
        """Do what the writer's ``commit`` does."""
        self.tries += 1
        if self.tries > 1:
            return type(self._writer).commit(self._writer)
        if self.carried_out:
            type(self._writer).commit(self._writer)
            # As one of which the answer is lost, it lets go of its connection.
            self._writer.close()
            self.url.server.cut(self.url.name)
            raise ConnectionLost("The connection to the database was lost.")
        self.url.server.cut(self.url.name)
        return type(self._writer).commit(self._writer)

    def _commit_along(self, pipeline: LibpqPipeline) -> None:
        """Do what the pipeline's ``commit`` does."""
        self.tries += 1
        if self.tries == 1 and not self.carried_out:
            self.url.server.cut(self.url.name)
        self._send_commit(pipeline)
        if self.tries == 1 and self.carried_out:
            pipeline.drain()
            self.url.server.cut(self.url.name)
            raise psycopg.OperationalError("The connection was lost.")


def give_up_looking(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the writer's next look at what came of a COMMIT fail, and no other one made then."""
    writer, look = store._writer, changes.last_of

    def do_not_wait() -> bool:
        monkeypatch.delattr(writer, "_wait_for_it")
        return False

    def cannot_look(*_: object) -> None:
        monkeypatch.setattr(changes, "last_of", look)
        monkeypatch.setattr(writer, "_wait_for_it", do_not_wait)
        raise Unavailable("The database is still away.")

    monkeypatch.setattr(changes, "last_of", cannot_look)
