"""Search: which allocation candidates serve a request.

The semantics are those of the Placement API, microversion 1.39.
"""

from collections.abc import Callable, Iterator, Sequence

from innkeeper.core.ids import RpRow
from innkeeper.core.request_group import CandidateRequest
from innkeeper.index.candidate import Candidate, Survey
from innkeeper.index.growing import Int32s
from innkeeper.index.index import Index

Prefer = Callable[[str, Int32s], Sequence[int]]
"""Given a resource class and the rows that could serve it, gives these rows, best first."""


def never() -> bool:
    """Tell that the deadline has not passed: there is none."""
    return False


def candidates(
    index: Index, request: CandidateRequest, *, expired: Callable[[], bool] = never
) -> list[Candidate]:
    """Give up to ``request.limit`` candidates."""
    raise NotImplementedError


def survey(index: Index, request: CandidateRequest) -> Survey:
    """Give which trees may serve a request, and what ruled out the others."""
    raise NotImplementedError


def within(
    index: Index,
    request: CandidateRequest,
    root: RpRow,
    *,
    prefer: Prefer | None = None,
    expired: Callable[[], bool] = never,
) -> Iterator[Candidate]:
    """Give the candidates of one tree, as they are asked for."""
    raise NotImplementedError
