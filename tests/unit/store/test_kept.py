"""Kept answers: never older than the last change that the index knows of."""

import asyncio

import pytest

from innkeeper.core.moment import from_us
from innkeeper.core.picture import NamePicture, Picture
from innkeeper.store import kept
from innkeeper.store.kept import KeptAnswers
from innkeeper.store.line import Rows


class Database:
    """What is asked: it counts, and answers when it is told to, if it is told to wait."""

    def __init__(self) -> None:
        self.asked = 0
        self.rows: Rows = ((0,),)
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self) -> Rows:
        self.asked += 1
        rows = self.rows
        await self.gate.wait()
        return rows


@pytest.fixture
def database() -> Database:
    return Database()


async def test_an_answer_is_kept_by_project_and_question(database: Database) -> None:
    answers = KeptAnswers()
    for project, question in [("a", 1), ("a", 1), ("a", 2), ("b", 1), ("b", 1), ("a", 2)]:
        assert await answers.get(project, question, database) == ((0,),)
    assert database.asked == 3


@pytest.mark.parametrize(
    ("changed", "asked"),
    [
        (Picture(), 0),
        (Picture(projects=frozenset({"b"})), 0),
        (Picture(projects=frozenset({"a", "b"})), 2),
        (Picture(resource_classes=(NamePicture("VCPU", from_us(0)),)), 2),
        (Picture(whole=True), 2),
    ],
)
async def test_what_changes_a_project_drops_all_that_is_kept_of_it(
    database: Database, changed: Picture, asked: int
) -> None:
    answers = KeptAnswers()
    for question in (1, 2):
        await answers.get("a", question, database)
    answers.forget(changed)
    database.rows = ((1,),)
    found = [await answers.get("a", question, database) for question in (1, 2)]
    assert found == [((1,),) if asked else ((0,),)] * 2
    assert database.asked == 2 + asked


async def test_what_was_asked_before_a_change_is_not_kept_after_it(database: Database) -> None:
    answers = KeptAnswers()
    database.gate.clear()
    early = asyncio.create_task(answers.get("a", 1, database))
    await asyncio.sleep(0)
    answers.forget(Picture(projects=frozenset({"a"})))
    database.rows = ((1,),)
    late = asyncio.create_task(answers.get("a", 1, database))
    await asyncio.sleep(0)
    database.gate.set()
    assert (await early, await late) == (((0,),), ((1,),))
    assert await answers.get("a", 1, database) == ((1,),)


async def test_who_asks_meanwhile_asks_for_himself(database: Database) -> None:
    answers = KeptAnswers()
    database.gate.clear()
    both = [asyncio.create_task(answers.get("a", 1, database)) for _ in range(2)]
    await asyncio.sleep(0)
    both[0].cancel()
    database.gate.set()
    assert await both[1] == ((0,),)
    assert database.asked == 2


async def test_a_failure_is_not_kept(database: Database) -> None:
    async def fail() -> Rows:
        raise ValueError("no")

    answers = KeptAnswers()
    with pytest.raises(ValueError, match="no"):
        await answers.get("a", 1, fail)
    assert await answers.get("a", 1, database) == ((0,),)


async def test_only_so_much_is_kept_and_the_oldest_project_goes_first(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "MOST", 4)
    answers = KeptAnswers()
    for project, question in [("a", 1), ("a", 2), ("b", 1), ("c", 1), ("c", 1), ("c", 2)]:
        await answers.get(project, question, database)
    assert database.asked == 5
    for project, question in [("b", 1), ("c", 1), ("c", 2)]:
        await answers.get(project, question, database)
    assert database.asked == 5
    await answers.get("a", 1, database)
    assert database.asked == 6
    # One project that alone is too much does not stay either.
    for question in range(20):
        await answers.get("d", question, database)
    assert answers._count == sum(map(len, answers._projects.values())) <= 4
