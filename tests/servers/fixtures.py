"""Databases for tests: `postgresql_url` and `mariadb_url`, each new and empty.

A server is started when the first test of a process asks for it. Measured: 1.2 s for PostgreSQL
and 0.7 s for MariaDB, so each worker of xdist has its own; a database takes 20 to 50 ms.
"""

from collections.abc import Iterator

import pytest

from tests.servers.mariadb import MariaDB
from tests.servers.postgresql import PostgreSQL
from tests.servers.server import DatabaseUrl, Server, running


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Server]:
    """Give the PostgreSQL of this process. Whoever stops it may leave it so."""
    with running(PostgreSQL) as server:
        yield server


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[Server]:
    """Give the MariaDB of this process. Whoever stops it may leave it so."""
    with running(MariaDB) as server:
        yield server


@pytest.fixture
def postgresql_url(postgresql_server: Server) -> Iterator[DatabaseUrl]:
    """Give the URL of an empty database of PostgreSQL."""
    with postgresql_server.database() as url:
        yield url


@pytest.fixture
def mariadb_url(mariadb_server: Server) -> Iterator[DatabaseUrl]:
    """Give the URL of an empty database of MariaDB."""
    with mariadb_server.database() as url:
        yield url
