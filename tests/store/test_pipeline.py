"""The pipeline of PostgreSQL: what nobody asks for goes along, in its order, and fails loudly."""

from collections.abc import Iterator
from typing import Final

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.pq import PipelineStatus, TransactionStatus

from innkeeper.core.errors import ConnectionLost
from innkeeper.store.dialects.libpq_pipeline import MOST_WAITING, LibpqPipeline
from innkeeper.store.retry import translate
from tests.servers.server import DatabaseUrl

pytestmark = pytest.mark.slow

ADD: Final = "INSERT INTO things VALUES (%(of)s::BIGINT, %(name)s)"
ALL: Final = "SELECT id, name FROM things ORDER BY id"

Driver = psycopg.Connection[tuple[object, ...]]


@pytest.fixture
def driver(postgresql_url: DatabaseUrl) -> Iterator[Driver]:
    with psycopg.connect(postgresql_url.replace("+psycopg", ""), prepare_threshold=None) as conn:
        conn.execute("CREATE TABLE things (id BIGINT PRIMARY KEY, name TEXT)")
        conn.commit()
        yield conn


@pytest.fixture
def pipeline(driver: Driver) -> LibpqPipeline:
    return LibpqPipeline(driver)


def test_what_is_not_asked_for_is_done_in_its_order(
    driver: Driver, pipeline: LibpqPipeline
) -> None:
    cursor, other = pipeline.cursor(), pipeline.cursor()
    cursor.execute(ADD, {"of": 1, "name": "a"})
    cursor.execute("UPDATE things SET name = name || %(more)s", {"more": "b"})
    other.execute(ALL)
    cursor.execute("DELETE FROM things")
    assert other.fetchone() == (1, "ab")
    assert other.fetchone() is None
    assert cursor.rowcount == 1
    pipeline.drain()
    assert driver.execute(ALL).fetchall() == []


def test_it_begins_a_transaction_which_the_driver_ends(
    driver: Driver, pipeline: LibpqPipeline
) -> None:
    for end in (driver.rollback, driver.commit):
        pipeline.cursor().execute(ADD, {"of": 1, "name": "a"})
        pipeline.drain()
        assert driver.pgconn.transaction_status == TransactionStatus.INTRANS
        assert driver.pgconn.pipeline_status == PipelineStatus.OFF
        end()
    assert driver.execute(ALL).fetchall() == [(1, "a")]


def test_what_fails_is_raised_when_anybody_asks_and_undoes_what_came_after(
    driver: Driver, pipeline: LibpqPipeline
) -> None:
    cursor, other = pipeline.cursor(), pipeline.cursor()
    cursor.execute("SAVEPOINT op")
    cursor.execute(ADD, {"of": 1, "name": "a"})
    cursor.execute(ADD, {"of": 1, "name": "again"})
    other.execute("SELECT count(*) FROM things")
    with pytest.raises(psycopg.errors.UniqueViolation, match="things_pkey"):
        other.fetchall()
    for asked in (cursor, other):
        with pytest.raises(psycopg.ProgrammingError):
            asked.fetchall()
    cursor.execute("ROLLBACK TO SAVEPOINT op")
    # It was left out before, and so was its preparation.
    other.execute("SELECT count(*) FROM things")
    assert other.fetchall() == [(0,)]
    driver.rollback()
    other.execute("SELECT count(*) FROM things")
    assert other.fetchall() == [(0,)]


def test_what_is_dropped_raises_nothing(driver: Driver, pipeline: LibpqPipeline) -> None:
    pipeline.cursor().execute("SELECT 1 / 0")
    pipeline.drop()
    assert driver.pgconn.transaction_status == TransactionStatus.INERROR
    driver.rollback()
    pipeline.drain()


@pytest.mark.parametrize("name", ["a\0b", "\ud800"])
def test_what_cannot_be_kept_is_refused_before_anything_is_sent(
    driver: Driver, pipeline: LibpqPipeline, name: str
) -> None:
    with pytest.raises((psycopg.DataError, UnicodeEncodeError)):
        pipeline.cursor().execute(ADD, {"of": 1, "name": name})
    assert driver.pgconn.pipeline_status == PipelineStatus.OFF
    assert driver.execute(ALL).fetchall() == []


def test_a_connection_that_is_cut_is_lost_and_dropping_is_silent(
    driver: Driver, pipeline: LibpqPipeline, postgresql_url: DatabaseUrl
) -> None:
    cursor = pipeline.cursor()
    cursor.execute(ADD, {"of": 1, "name": "a"})
    assert cursor.rowcount == 1
    with psycopg.connect(postgresql_url.replace("+psycopg", ""), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 10000)", (driver.pgconn.backend_pid,))

    def ask() -> None:
        for name in ("b", "c"):
            cursor.execute(ADD, {"of": 2, "name": name})
        cursor.fetchall()

    for _ in range(2):
        with pytest.raises(psycopg.Error) as raised:
            ask()
        assert isinstance(translate(raised.value), ConnectionLost)
        pipeline.drop()


def test_what_is_never_asked_for_does_not_pile_up(driver: Driver, pipeline: LibpqPipeline) -> None:
    count = 2 * MOST_WAITING
    for number in range(count):
        pipeline.cursor().execute(ADD, {"of": number, "name": "a"})
        assert len(pipeline._waiting) <= MOST_WAITING + 1
    pipeline.drain()
    assert len(driver.execute(ALL).fetchall()) == count


def test_more_than_the_buffers_hold_goes_both_ways_at_once(pipeline: LibpqPipeline) -> None:
    long = "long " * 200_000
    cursors = [pipeline.cursor() for _ in range(20)]
    for cursor in cursors:
        cursor.execute("SELECT %(it)s::TEXT, %(it)s::TEXT", {"it": long})
    assert all(cursor.fetchall() == [(long, long)] for cursor in cursors)


SCALARS: Final = {
    "BIGINT": st.integers(-(2**63), 2**63 - 1),
    "DOUBLE PRECISION": st.floats(),
    "TEXT": st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",))),
    "BYTEA": st.binary(),
}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.data())
def test_values_come_back_as_they_went(pipeline: LibpqPipeline, data: st.DataObject) -> None:
    kinds = data.draw(st.lists(st.sampled_from(sorted(SCALARS)), min_size=1, max_size=5))
    values = {
        f"v{at}": data.draw(st.none() | SCALARS[kind], label=kind) for at, kind in enumerate(kinds)
    }
    casts = ", ".join(f"%(v{at})s::{kind}" for at, kind in enumerate(kinds))
    cursor = pipeline.cursor()
    cursor.execute(f"SELECT {casts}, '100%%'", values)
    # The text of a float that is no number is not equal to itself; that of a row is.
    assert repr(cursor.fetchall()) == repr([(*values.values(), "100%")])
