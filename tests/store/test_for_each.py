"""Statements for each of many rows do what they would do for one after the other."""

import asyncio
import importlib
import pkgutil
from typing import Final

import pytest
from sqlalchemy import BigInteger, Insert, delete, literal, select, text, update

import innkeeper.store
from innkeeper.core.errors import Conflict, NotFound
from innkeeper.store.for_each import (
    ANY_NUMBER,
    MAX_BOUND,
    MAX_ROWS,
    ForEach,
    Row,
    Values,
    insert_of,
)
from innkeeper.store.tables import writers
from innkeeper.store.txn import Txn
from tests.store.conftest import World

NUMBERS: Final = (0, 1, ANY_NUMBER, ANY_NUMBER + 1, 3 * MAX_BOUND - 1, MAX_ROWS + 1)
_w = writers.c


def added(row: Row) -> Insert:
    started = literal(7, BigInteger)
    return insert_of(writers, {"id": row["of"], "sequence": row["number"], "started_at": started})


ADD: Final = ForEach(added, of=str, number=int)
ADD_NEW: Final = ForEach(lambda row: added(row).returning(_w.id), of=str, number=int)
RENAME: Final = ForEach(
    # With literals on both sides of the rows.
    lambda row: (
        update(writers)
        .where(_w.id == row["before"], _w.sequence < 5)
        .values(id=row["after"], sequence=_w.sequence + 1)
    ),
    before=str,
    after=str,
)
FIND: Final = ForEach(lambda row: select(_w.id, _w.sequence).where(_w.id == row["of"]), of=str)
DROP: Final = ForEach(
    lambda row: delete(writers).where(_w.id == row["of"], _w.sequence == row["number"]),
    of=str,
    number=int,
)


def named(count: int, beginning: str) -> list[str]:
    return [f"{beginning}{number}" for number in range(count)]


@pytest.mark.parametrize("count", NUMBERS)
async def test_as_many_rows_are_written_found_and_deleted_as_were_given(
    world: World, count: int
) -> None:
    before, after = named(count, "a' ?:"), named(count, "B")

    def each(txn: Txn) -> list[list[Values]]:
        conn, there = txn.conn, [(name,) for name in (*before, *after)]
        found = []
        ADD.send(conn, [(name, 4) for name in before])
        found.append(FIND.send(conn, there).rows())
        assert RENAME.send(conn, list(zip(before, after, strict=True))).count() == count
        assert RENAME.send(conn, list(zip(after, before, strict=True))).count() == 0
        found.append(FIND.send(conn, there).rows())
        assert DROP.send(conn, [(name, 4) for name in after]).count() == 0
        assert DROP.send(conn, [(name, 5) for name in after[1:]]).count() == len(after[1:])
        found.append(FIND.send(conn, there).rows())
        return found

    new, renamed, left = await world.store.write(each)
    assert sorted(new) == sorted((name, 4) for name in before)
    assert sorted(renamed) == sorted((name, 5) for name in after)
    assert left == [(name, 5) for name in after[:1]]


@pytest.mark.parametrize("of_driver", [False, True])
async def test_what_fails_after_rows_were_given_back_fails_alone(
    world: World, *, of_driver: bool
) -> None:
    """Rows that nobody has asked for are no statement under way."""
    sent = []

    def fails(txn: Txn) -> None:
        sent.append(ADD_NEW.send(txn.conn, [(name, 4) for name in named(MAX_ROWS, "f")]))
        if of_driver:
            ADD_NEW.send(txn.conn, [("last", None)]).rows()
        raise NotFound("Nothing to do with it.")

    def succeeds(txn: Txn) -> int:
        return len(ADD_NEW.send(txn.conn, [(name, 4) for name in named(9, "s")]).rows())

    succeeded, failed, also = await asyncio.gather(
        *(world.store.write(op) for op in (succeeds, fails, lambda _: "also")),
        return_exceptions=True,
    )
    assert (succeeded, also) == (9, "also")
    assert isinstance(failed, Conflict if of_driver else NotFound)
    left = await world.store.write(lambda txn: FIND.send(txn.conn, [("f0",), ("s0",)]).rows())
    assert left == [("s0", 4)]


def statements_of(value: object) -> list[ForEach]:
    """Give the statements that a name of a module stands for."""
    of = value.values() if isinstance(value, dict) else (value, getattr(value, "_of_some", None))
    return [each for each in of if isinstance(each, ForEach)]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_sqlite_walks_through_no_table(world: World) -> None:
    modules = [
        importlib.import_module(f"innkeeper.store.{each.name}")
        for each in pkgutil.iter_modules(innkeeper.store.__path__)
    ]
    values = {id(value): value for module in modules for value in vars(module).values()}
    statements = [each for value in values.values() for each in statements_of(value)]
    assert len(statements) > 25

    def walked(txn: Txn) -> list[str]:
        tables = {name for (name,) in txn.conn.execute(text("SELECT name FROM sqlite_schema"))}
        seen: list[str] = []

        class Explained:
            """A cursor that runs nothing, and notes what would be walked through."""

            def fetchall(self) -> list[Values]:
                return []

            def execute(self, sql: str, values: object) -> None:
                steps = txn.conn.connection.cursor().execute(f"EXPLAIN QUERY PLAN {sql}", values)
                for step in steps.fetchall():
                    verb, name = step[3].split()[:2]
                    seen.extend([sql] if verb == "SCAN" and name in tables else [])

        for each in statements:
            for count in (1, 3, MAX_BOUND):
                row = (None,) * len(each._columns)
                each._for(txn.dialect, strict=False).run(Explained(), [row] * count)  # type: ignore[arg-type]
        return seen

    assert await world.store.write(walked) == []
