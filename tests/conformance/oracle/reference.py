"""Serve the reference (openstack-placement) so that it can be emptied between two histories.

    reference.py PORT DATA_DIR

Started by the environment of the peers, never imported. Beyond the API it answers RESET: it
forgets everything but the standard traits and classes. And after each write of allocations it
forgets the consumers that have none: the reference leaves them behind, which is a known error
and would spoil what comes after it. Its time is what a request's header x-now says.
"""

import signal
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from cheroot import wsgi
from oslo_utils import timeutils
from placement import db_api

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from tests.conformance.gabbi_live.reference_server import end, make_app

RESET = "/.reset"
CLAIMS = ("/allocations", "/reshaper")

TABLES = (
    *("allocations", "consumers", "inventories", "resource_provider_traits", "projects", "users"),
    *("resource_provider_aggregates", "placement_aggregates", "resource_providers"),
    "consumer_types",
)
EMPTY = (
    *(f"DELETE FROM {table}" for table in TABLES),  # noqa: S608 - names from above
    "DELETE FROM traits WHERE name LIKE 'CUSTOM%'",
    "DELETE FROM resource_classes WHERE name LIKE 'CUSTOM%'",
)
SWEEP = ("DELETE FROM consumers WHERE uuid NOT IN (SELECT consumer_id FROM allocations)",)
ENVIRONMENT = {
    "GABBI_SECURE_RBAC": "0",
    "GABBI_POLICY_FILE": "",
    "GABBI_CORS_ALLOWED_ORIGIN": "",
    "GABBI_CORS_ALLOW_HEADERS": "",
}


class Time:
    """What time it is: the header x-now of the request says so."""

    seconds = 1_800_000_000

    @classmethod
    def utcnow(cls, with_timezone: bool = False) -> datetime:  # noqa: FBT001, FBT002 - its own
        """Give the time as oslo's function of this name does."""
        now = datetime.fromtimestamp(cls.seconds, UTC)
        return now if with_timezone else now.replace(tzinfo=None)


Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def forget(statements: Iterable[str]) -> None:
    with db_api.get_placement_engine().begin() as conn:
        for statement in statements:
            conn.execute(sa.text(statement))


def date_standard_names() -> None:
    """Make them as old as this history."""
    with db_api.get_placement_engine().begin() as conn:
        for table in ("traits", "resource_classes"):
            moment = sa.column("created_at", sa.DateTime)
            names = sa.table(table, moment, sa.column("updated_at"))
            conn.execute(sa.update(names).values(created_at=Time.utcnow(), updated_at=None))


def forgetful(app: Wsgi) -> Wsgi:
    def served(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        Time.seconds = int(environ["HTTP_X_NOW"])
        if path == RESET:
            forget(EMPTY)
            date_standard_names()
            start_response("204 No Content", [])
            return []
        body = app(environ, start_response)
        if path.startswith(CLAIMS) and environ["REQUEST_METHOD"] != "GET":
            forget(SWEEP)
        return body

    return served


def hurry(connection: Any, _record: object) -> None:
    """Wait for no disk: nothing here outlives the test."""
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA journal_mode = MEMORY")


def main() -> None:
    port, data_dir = int(sys.argv[1]), Path(sys.argv[2])
    timeutils.utcnow = Time.utcnow
    app = make_app(data_dir, ENVIRONMENT)
    engine = db_api.get_placement_engine()
    sa.event.listen(engine, "connect", hurry)
    engine.dispose()
    signal.signal(signal.SIGTERM, end)
    # One thread: requests come one by one, and one connection to the database will do.
    wsgi.Server(("127.0.0.1", port), forgetful(app), numthreads=1).start()


if __name__ == "__main__":
    main()
