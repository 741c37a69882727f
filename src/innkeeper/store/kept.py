"""Answers about projects that are kept until a consumer of that project changes.

Whoever shows or checks quotas asks for the same few sums again and again, and each costs the
database a walk through all that the project holds. They belong to the loop, as the index does,
and are dropped when that takes the picture of the change: before whoever made it is answered.
"""

from collections.abc import Awaitable, Callable, Hashable
from typing import Final, TypeVar

from innkeeper.core.picture import Picture
from innkeeper.store.line import Rows

MOST_PROJECTS: Final = 10_000
MOST_OF_PROJECT: Final = 100
"""Answers about one project: about each of its users, for example."""

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class KeptAnswers:
    """The rows of some statements, by project."""

    def __init__(self) -> None:
        # Under way is what has no rows yet.
        self._projects: dict[str, dict[Hashable, _Answer]] = {}

    async def get(
        self, project_id: str, question: Hashable, ask: Callable[[], Awaitable[Rows]]
    ) -> Rows:
        """Give the rows that ``ask`` once gave for ``question``, or will give."""
        answers = self._projects.get(project_id)
        if answers is None:
            answers = self._projects[project_id] = {}
            _keep_to(self._projects, MOST_PROJECTS)
        answer = answers.get(question)
        if answer is not None and answer.rows is not None:
            return answer.rows
        # It is kept here while it is under way, and a change meanwhile drops it: what comes of it
        # then is right for who has asked already, and for nobody else.
        mine = answers[question] = _Answer()
        _keep_to(answers, MOST_OF_PROJECT)
        mine.rows = await ask()
        return mine.rows

    def forget(self, changed: Picture) -> None:
        """Drop what may have changed."""
        # Rows have names of resource classes.
        if changed.whole or changed.resource_classes is not None:
            self._projects.clear()
        for project_id in changed.projects:
            self._projects.pop(project_id, None)


class _Answer:
    """The rows of an answer, once they are there."""

    __slots__ = ("rows",)

    def __init__(self) -> None:
        self.rows: Rows | None = None


def _keep_to(kept: dict[_Key, _Value], most: int) -> None:
    """Drop the oldest of what is kept if it is more than ``most``."""
    if len(kept) > most:
        del kept[next(iter(kept))]
