"""Audits and repairs end, whatever happens to them, and none that is under way is forgotten."""

import itertools
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal, cast
from uuid import UUID

import pytest

from innkeeper.api.native.audit_log import AuditLog, AuditRun
from innkeeper.api.native.repair_log import MAX_KEPT, RepairLog
from innkeeper.api.native.runs import Runs
from innkeeper.core.errors import Conflict, NotFound
from innkeeper.core.repair import Plan
from innkeeper.store.open_store import OpenStore
from innkeeper.store.repair import Mend

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def uuids() -> Callable[[], str]:
    number = itertools.count(1)
    return lambda: str(UUID(int=next(number)))


class Desk:
    """A store that gives what it is told to, or raises what nobody has thought of."""

    def __init__(self, given: object = None) -> None:
        self.given = given
        self.broken = False

    async def read(self, _op: object) -> Any:
        if self.broken:
            raise ZeroDivisionError
        return self.given

    async def write(self, _op: object) -> Any:
        await self.read(None)

    @property
    def store(self) -> OpenStore:
        return cast("OpenStore", self)


@pytest.fixture
def repairs() -> tuple[Desk, RepairLog]:
    desk = Desk((Plan((), ""), (cast("Mend", object()),)))
    return desk, RepairLog(desk.store, clock=lambda: NOW, new_uuid=uuids())


async def test_an_audit_that_fails_has_failed() -> None:
    desk = Desk()
    desk.broken = True
    audits = AuditLog(desk.store, clock=lambda: NOW, new_uuid=uuids())
    begun = audits.begin()
    assert audits.begin() is begun
    await audits.stop()
    ended = audits.get(begun.id)
    assert ended is not None
    assert (ended.state, ended.finished_at) == ("failed", NOW)
    assert audits.begin().id != begun.id
    await audits.stop()


async def test_a_repair_that_fails_has_failed(repairs: tuple[Desk, RepairLog]) -> None:
    desk, log = repairs
    first, second = await log.plan(None), await log.plan(None)
    await log.apply(first.id)
    desk.broken = True
    await log.stop()
    ended = log.get(first.id)
    assert (ended.state, ended.done) == ("failed", 0)
    assert "its log says" in ended.failure
    desk.broken = False
    await log.apply(second.id)
    await log.stop()
    assert (log.get(second.id).state, log.get(second.id).failure) == ("done", "")


async def test_a_repair_that_cannot_begin_may_begin_later(repairs: tuple[Desk, RepairLog]) -> None:
    desk, log = repairs
    run = await log.plan(None)
    desk.broken = True
    with pytest.raises(ZeroDivisionError):
        await log.apply(run.id)
    assert log.get(run.id).state == "planned"


async def test_plans_do_not_push_out_a_repair_that_is_under_way(
    repairs: tuple[Desk, RepairLog],
) -> None:
    _, log = repairs
    first = await log.plan(None)
    await log.apply(first.id)
    later = [await log.plan(None) for _ in range(MAX_KEPT)]
    assert log.get(first.id).state == "applying"
    with pytest.raises(NotFound):
        log.get(later[0].id)
    with pytest.raises(Conflict, match="Another"):
        await log.apply(later[-1].id)
    await log.stop()


def test_the_oldest_that_has_ended_is_forgotten() -> None:
    runs: Runs[AuditRun] = Runs(2)
    states: tuple[tuple[str, Literal["running", "done"]], ...] = (
        ("a", "running"),
        ("b", "done"),
        ("c", "done"),
    )
    for name, state in states:
        runs.put(AuditRun(name, state, NOW))
    assert [run.id for run in runs.latest()] == ["c", "a"]
