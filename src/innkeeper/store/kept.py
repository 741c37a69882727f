"""Answers about projects that are kept until a consumer of that project changes.

Whoever shows or checks quotas asks for the same few sums again and again, and each costs the
database a walk through all that the project holds. They belong to the loop, as the index does,
and are dropped when that takes the picture of the change: before whoever made it is answered.
"""

from collections.abc import Awaitable, Callable, Hashable
from typing import Final

from innkeeper.core.picture import Picture
from innkeeper.store.line import Rows

MOST: Final = 10_000
"""Answers that are kept: some 6 MB. Who may ask can ask about whatever he likes."""


class KeptAnswers:
    """The rows of some statements, by project."""

    def __init__(self) -> None:
        # Instead of rows that are under way there is a mark.
        self._projects: dict[str, dict[Hashable, Rows | _Mark]] = {}
        self._count = 0

    async def get(
        self, project_id: str, question: Hashable, ask: Callable[[], Awaitable[Rows]]
    ) -> Rows:
        """Give the rows that ``ask`` once gave for ``question``, or will give."""
        found = self._find(project_id, question)
        if found is not None and not isinstance(found, _Mark):
            return found
        # A change meanwhile takes the mark away: what comes of it then is right for who has asked
        # already, and for nobody else.
        mark = _Mark()
        self._keep(project_id, question, mark)
        rows = tuple(await ask())
        if self._find(project_id, question) is mark:
            self._keep(project_id, question, rows)
        return rows

    def forget(self, changed: Picture) -> None:
        """Drop what may have changed."""
        # Rows have names of resource classes.
        if changed.whole or changed.resource_classes is not None:
            self._projects.clear()
            self._count = 0
        for project_id in changed.projects:
            self._drop(project_id)

    def _find(self, project_id: str, question: Hashable) -> "Rows | _Mark | None":
        return self._projects.get(project_id, {}).get(question)

    def _keep(self, project_id: str, question: Hashable, what: "Rows | _Mark") -> None:
        answers = self._projects.setdefault(project_id, {})
        if question not in answers:
            self._count += 1
        answers[question] = what
        if self._count > MOST:
            self._drop(next(iter(self._projects)))

    def _drop(self, project_id: str) -> None:
        self._count -= len(self._projects.pop(project_id, ()))


class _Mark:
    """Stands for rows that are under way."""

    __slots__ = ()
