"""A route table: exact paths with named segments, found by a walk over the segments.

A path that is known with another method is told from one that is unknown, for 405 and 404.
"""

from collections.abc import Mapping
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")


class _Node(Generic[T]):
    """One place in the tree of segments."""

    __slots__ = ("any", "exact", "name", "target", "template")

    def __init__(self) -> None:
        self.exact: dict[str, _Node[T]] = {}
        self.any: _Node[T] | None = None
        self.name = ""
        self.target: T | None = None
        self.template = ""


class Match(msgspec.Struct, Generic[T], frozen=True):
    """What a path leads to."""

    target: T
    params: dict[str, str]
    """The named segments of the path, percent-decoded."""
    template: str
    """That of the path; of the root a slash."""


class RouteTable(Generic[T]):
    """Targets by path template, such as ``/resource_providers/{uuid}/traits``.

    ``forgives_slash``: whether one slash more at the end of a path makes no difference.
    """

    def __init__(self, routes: Mapping[str, T], *, forgives_slash: bool = True) -> None:
        self._forgives_slash = forgives_slash
        self._root: _Node[T] = _Node()
        for template, target in routes.items():
            self._add(template, target)

    def _add(self, template: str, target: T) -> None:
        node = self._root
        for segment in template.split("/")[1:]:
            if segment.startswith("{"):
                if node.any is None:
                    node.any = _Node()
                node = node.any
                node.name = segment[1:-1]
            elif segment:
                node = node.exact.setdefault(segment, _Node())
        node.target, node.template = target, template or "/"

    def find(self, path: str) -> Match[T] | None:
        """Give what ``path`` leads to, or None; "" is the same as "/"."""
        node = self._root
        params: dict[str, str] = {}
        segments = path.split("/")
        if segments[0]:
            return None
        if not segments[-1] and (self._forgives_slash or len(segments) <= 2):  # noqa: PLR2004 - "/"
            segments.pop()
        for segment in segments[1:]:
            found = node.exact.get(segment)
            if found is None:
                found = node.any
                if found is None or not segment:
                    return None
                params[found.name] = segment
            node = found
        return None if node.target is None else Match(node.target, params, node.template)
