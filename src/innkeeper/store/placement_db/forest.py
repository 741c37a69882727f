"""The order in which providers can be written: parents before children."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

import msgspec

MAX_LOOPS: Final = 100
"""Loops of parents that are cut open: one would be a wonder already."""


class Forest(msgspec.Struct, frozen=True):
    """Providers by depth, from the roots down; within a level by id."""

    levels: tuple[tuple[int, ...], ...]
    parents: Mapping[int, int | None]
    """The parent of each, None for a root; without what ``cut`` names."""
    cut: tuple[int, ...]
    """Providers that had a parent which is not there, or were their own ancestor: now roots."""


def grow(parents: Mapping[int, int | None]) -> Forest:
    """Arrange providers, given by id with the ids of their parents. It always ends."""
    whole: dict[int, int | None] = dict(parents)
    cut = [one for one, parent in parents.items() if parent is not None and parent not in parents]
    for one in cut:
        whole[one] = None
    levels = _levels(whole)
    for _ in range(MAX_LOOPS):
        placed = {one for level in levels for one in level}
        if len(placed) == len(whole):
            break
        # What no root leads to hangs below a loop. Any member of it will do: the smallest id.
        member = _in_loop(whole, min(whole.keys() - placed))
        cut.append(member)
        whole[member] = None
        levels = _levels(whole)
    return Forest(tuple(map(tuple, levels)), whole, tuple(sorted(cut)))


def _levels(parents: Mapping[int, int | None]) -> list[list[int]]:
    children: defaultdict[int | None, list[int]] = defaultdict(list)
    for one, parent in parents.items():
        children[parent].append(one)
    levels = [sorted(children[None])]
    while levels[-1]:
        levels.append(sorted(below for one in levels[-1] for below in children.get(one, ())))
    return levels[:-1]


def _in_loop(parents: Mapping[int, int | None], start: int) -> int:
    """Give the member with the smallest id of the loop that ``start`` leads up to."""
    seen: list[int] = []
    at: int | None = start
    while at is not None and at not in seen:
        seen.append(at)
        at = parents[at]
    return start if at is None else min(seen[seen.index(at) :])
