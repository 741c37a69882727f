"""What is asked for: request groups, and the candidate request that holds them.

All of it is immutable and hashable, so that equal requests can share cached work.
"""

from typing import Literal

import msgspec

from innkeeper.core.ids import AggregateUuid, RpUuid


class RequestGroup(msgspec.Struct, frozen=True):
    """Resources and conditions that belong together.

    The unsuffixed group (``suffix`` "") may be served by several providers of one tree and by
    sharing providers; a suffixed group is served whole by one provider.
    """

    suffix: str = ""
    resources: tuple[tuple[str, int], ...] = ()
    """(resource class, amount), by class name. Empty: a resourceless group (suffixed only)."""
    required: tuple[tuple[str, ...], ...] = ()
    """All of these must hold; each is a tuple of traits any one of which will do."""
    forbidden: frozenset[str] = frozenset()
    """Traits that the provider must not have."""
    member_of: tuple[tuple[AggregateUuid, ...], ...] = ()
    """All of these must hold; each is a tuple of aggregates any one of which will do."""
    forbidden_aggregates: frozenset[AggregateUuid] = frozenset()
    in_tree: RpUuid | None = None
    """Only providers of the tree that holds this provider."""


class CandidateRequest(msgspec.Struct, frozen=True):
    """A whole query for allocation candidates, as microversion 1.39 can ask it."""

    groups: tuple[RequestGroup, ...]
    """At most one unsuffixed; suffixes are unique."""
    group_policy: Literal["none", "isolate"] | None = None
    """isolate: no two suffixed groups, resourceless ones too, are served by one provider."""
    limit: int | None = None
    """Largest number of allocation requests wanted; None: all."""
    same_subtree: tuple[frozenset[str], ...] = ()
    """For each set of suffixes: their providers have one of themselves as common ancestor."""
    root_required: frozenset[str] = frozenset()
    root_forbidden: frozenset[str] = frozenset()
    nested: bool = True
    """Whether several providers of one tree may be used (from 1.29)."""
    mappings: bool = True
    """Whether candidates that differ only in who serves which group count as two (from 1.34)."""
