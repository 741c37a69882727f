"""Need: what one provider has to serve."""

from collections.abc import Sequence

import numpy as np

from innkeeper.core.request_group import CandidateRequest
from innkeeper.index.fit import Fit

Resources = tuple[tuple[str, int], ...]


class Need:
    """What one provider has to serve: a suffixed group, or a part of the unsuffixed one.

    Needs of one ``kind`` ask for the same and are interchangeable.
    """

    __slots__ = ("contended", "fit", "group", "kind", "resources", "spans", "subtrees")

    def __init__(self, group: int, resources: Resources, *, spans: bool) -> None:
        self.group = group
        self.resources = resources
        self.spans = spans
        self.kind = 0
        self.subtrees: tuple[int, ...] = ()
        self.contended: Resources = ()
        self.fit = Fit(np.empty(0, np.int32), np.zeros(1, np.int32), ())


def required_together(
    needs: Sequence[Need], request: CandidateRequest
) -> tuple[tuple[str, ...], ...]:
    """Give the traits that the providers of the unsuffixed group must have between them.

    None if one provider serves all of it, so that it must have them by itself.
    """
    unsuffixed = [need for need in needs if need.spans]
    return request.groups[unsuffixed[0].group].required if len(unsuffixed) > 1 else ()
