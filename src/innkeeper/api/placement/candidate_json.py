"""The answer to a query for candidates, put together from pieces of JSON.

Most of an answer has been sent before: the summaries of providers that have not changed since.
They are kept by the index for each tree, and the requests are written straight as text.
"""

from collections.abc import Sequence
from functools import partial
from typing import Final

import msgspec

from innkeeper.api.placement.query.candidates import MAPPINGS_SINCE, NESTED_SINCE
from innkeeper.api.placement.versions import Version
from innkeeper.core.ids import RpRow
from innkeeper.core.request_group import CandidateRequest
from innkeeper.index.candidate import Candidate
from innkeeper.index.found import Candidates
from innkeeper.index.growing import distinct
from innkeeper.index.index import Index
from innkeeper.placement.traits import in_order

BY_PROVIDER_SINCE: Final[Version] = (1, 12)
TRAITS_SINCE: Final[Version] = (1, 17)
ALL_CLASSES_SINCE: Final[Version] = (1, 27)


def encoded_candidates(
    index: Index, version: Version, request: CandidateRequest, found: Candidates
) -> bytes:
    """Give the body of the answer that ``found`` is to ``request``."""
    pieces = found.written(index.columns.uuids, partial(_encoded, version))
    if not pieces:
        return b'{"allocation_requests":[],"provider_summaries":{}}'
    summaries = _Summaries(index, version, request).of(found)
    # Joined once, since each copy of a long answer takes as long as finding it.
    pieces[0] = b'{"allocation_requests":[' + pieces[0]
    pieces[-1] += b"]"
    summaries[0] = b'"provider_summaries":{' + summaries[0]
    summaries[-1] += b"}}"
    pieces += summaries
    return b",".join(pieces)


def _encoded(version: Version, candidate: Candidate, uuids: Sequence[bytes]) -> bytes:
    """Give a candidate as an allocation request; ``uuids`` are its providers' by row."""
    amounts: dict[RpRow, dict[str, int]] = {}
    for row, name, amount in candidate.allocations:
        amounts.setdefault(row, {})[name] = amount
    held = [
        (uuids[row], b'"resources":' + msgspec.json.encode(each)) for row, each in amounts.items()
    ]
    if version < BY_PROVIDER_SINCE:
        listed = [b'{"resource_provider":{"uuid":"%b"},%b}' % each for each in held]
        return b'{"allocations":[%b]}' % b",".join(listed)
    allocations = b",".join([b'"%b":{%b}' % each for each in held])
    if version < MAPPINGS_SINCE:
        return b'{"allocations":{%b}}' % allocations
    # A suffix needs no escapes: it consists of letters, digits, - and _ only.
    mappings = [
        b'"%b":["%b"]' % (suffix.encode(), b'","'.join([uuids[row] for row in rows]))
        for suffix, rows in candidate.mappings
    ]
    return b'{"allocations":{%b},"mappings":{%b}}' % (allocations, b",".join(mappings))


class _Summaries:
    """Gives the summaries of providers, ``"uuid":{...}``, as one version has them."""

    def __init__(self, index: Index, version: Version, request: CandidateRequest) -> None:
        self._index = index
        self._version = version
        self._classes = {name for group in request.groups for name, _ in group.resources}

    def of(self, found: Candidates) -> list[bytes]:
        """Give those of all who give something; from 1.29 of their whole trees."""
        givers = found.givers()
        if self._version < NESTED_SINCE:
            return [self._summary(row) for row in distinct(givers).tolist()]
        kept = self._index.kept.get
        return [kept(root) or self._of_tree(root) for root in self._index.roots(givers)]

    def _of_tree(self, root: RpRow) -> bytes:
        """Give the summaries of a tree, and keep them for the next answer."""
        tree = b",".join(self._summary(row) for row in self._index.tree(root))
        self._index.kept.put(root, tree)
        return tree

    def _summary(self, row: RpRow) -> bytes:
        resources = {
            name: {"capacity": capacity, "used": used}
            for name, capacity, used in self._index.stock(row)
            if self._version >= ALL_CLASSES_SINCE or name in self._classes
        }
        uuid = self._index.uuid
        summary: dict[str, object] = {"resources": resources}
        if self._version >= TRAITS_SINCE:
            summary["traits"] = in_order(self._index.traits(row))
        if self._version >= NESTED_SINCE:
            parent = self._index.parent(row)
            summary["parent_provider_uuid"] = None if parent is None else uuid(parent)
            summary["root_provider_uuid"] = uuid(self._index.root(row))
        return b'"%b":%b' % (uuid(row).encode(), msgspec.json.encode(summary))
