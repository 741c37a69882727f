"""Answers: what searches were told, for as long as nothing in the index changes.

Whoever builds many workloads at once asks the same many times between two commits, and until the
next of these there is but one answer.
"""

from collections.abc import Hashable
from typing import Final

MOST: Final = 8
"""Answers that are kept: a burst of builds is of a few flavors."""
MOST_BYTES: Final = 1024 * 1024
"""Of one answer: that of some 2,000 flat hosts, or of 500 trees of seven providers."""


class Answers:
    """The latest answers, by question."""

    __slots__ = ("_by_question",)

    def __init__(self) -> None:
        self._by_question: dict[Hashable, bytes] = {}

    def get(self, question: Hashable) -> bytes | None:
        """Give the answer to a question, if it is kept."""
        return self._by_question.get(question)

    def put(self, question: Hashable, answer: bytes) -> None:
        """Keep an answer until the index changes, or others take its place."""
        if len(answer) > MOST_BYTES:
            return
        if len(self._by_question) >= MOST:
            del self._by_question[next(iter(self._by_question))]
        self._by_question[question] = answer

    def drop(self) -> None:
        """Say that the index changed."""
        self._by_question.clear()
