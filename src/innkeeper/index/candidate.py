"""What search gives: candidates, and the survey of what could serve a request."""

import msgspec

from innkeeper.core.decision import Step
from innkeeper.core.ids import RpRow
from innkeeper.index.growing import Bools


class Candidate(msgspec.Struct, frozen=True, gc=False):
    """One way to serve a whole request. Rows are good until the index next changes."""

    allocations: tuple[tuple[RpRow, str, int], ...]
    """(provider, resource class, amount), ascending; summed over the request groups."""
    mappings: tuple[tuple[str, tuple[RpRow, ...]], ...]
    """(suffix, providers that serve that group), in the order of the request's groups."""
    root: RpRow
    """Root of the tree that it was found in; sharing providers may be of other trees."""


class Survey(msgspec.Struct, frozen=True):
    """Which trees may serve a request, and what ruled out the others."""

    roots: Bools
    """Per row: a root whose tree may serve every group (a necessary condition).

    It has one more element, False, at the end: what the row -1, of no provider, gets.
    """
    steps: tuple[Step, ...]
    """In order; the first starts from all roots."""
