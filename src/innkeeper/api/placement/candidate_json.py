"""The answer to a query for candidates, put together from pieces of JSON.

Most of an answer has been sent before: the summaries of providers that have not changed since.
They are kept by the index for each tree, and the requests are written straight as text.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from innkeeper.api.placement.query.candidates import MAPPINGS_SINCE, NESTED_SINCE
from innkeeper.api.placement.versions import Version
from innkeeper.core.ids import RpRow
from innkeeper.core.request_group import CandidateRequest
from innkeeper.index.candidate import Candidate
from innkeeper.index.index import Index
from innkeeper.placement.providers import view
from innkeeper.placement.traits import in_order

BY_PROVIDER_SINCE: Final[Version] = (1, 12)
TRAITS_SINCE: Final[Version] = (1, 17)
ALL_CLASSES_SINCE: Final[Version] = (1, 27)

_HOLE: Final = b"\0"
"""Where a uuid is to be put: JSON has this character nowhere."""

_Amounts = tuple[tuple[str, int], ...]


def encoded_candidates(
    index: Index, version: Version, request: CandidateRequest, found: Sequence[Candidate]
) -> bytes:
    """Give the body of the answer that ``found`` is to ``request``."""
    rows = tuple({row: None for each in found for row, _, _ in each.allocations})
    requests = _Requests(_Uuids(index, rows), version)
    pieces = [requests.encoded(each) for each in found]
    summaries = _Summaries(index, version, request).of(rows)
    if not pieces:
        return b'{"allocation_requests":[],"provider_summaries":{}}'
    # Joined once, since each copy of a long answer takes as long as finding it.
    pieces[0] = b'{"allocation_requests":[' + pieces[0]
    pieces[-1] += b"]"
    summaries[0] = b'"provider_summaries":{' + summaries[0]
    summaries[-1] += b"}}"
    pieces += summaries
    return b",".join(pieces)


class _Uuids(dict[RpRow, bytes]):
    """Uuids by row: of all that give something, and of others once they are asked for."""

    def __init__(self, index: Index, rows: Sequence[RpRow]) -> None:
        super().__init__(zip(rows, index.uuids(rows), strict=True))
        self._index = index

    def __missing__(self, row: RpRow) -> bytes:
        # It serves a group that asks for no resources.
        uuid = self[row] = self._index.uuids((row,))[0]
        return uuid


class _Requests:
    """Writes the candidates of one answer."""

    def __init__(self, uuids: Mapping[RpRow, bytes], version: Version) -> None:
        self._uuids = uuids
        self._by_provider = version >= BY_PROVIDER_SINCE
        self._mappings = version >= MAPPINGS_SINCE
        self._around: list[bytes] = []
        self._amounts: dict[_Amounts, bytes] = {}

    def encoded(self, candidate: Candidate) -> bytes:
        """Give a candidate as an allocation request."""
        row = candidate.allocations[0][0]
        if row != candidate.allocations[-1][0] or not _is_served_by_one(candidate):
            return self._whole(candidate, self._uuids)
        # One provider serves all that is asked for: such candidates differ in its uuid alone.
        if not self._around:
            self._around = self._whole(candidate, {row: _HOLE}).split(_HOLE)
        return self._uuids[row].join(self._around)

    def _whole(self, candidate: Candidate, uuids: Mapping[RpRow, bytes]) -> bytes:
        amounts: dict[RpRow, _Amounts] = {}
        for row, name, amount in candidate.allocations:
            amounts[row] = (*amounts.get(row, ()), (name, amount))
        held = [(uuids[row], self._resources(each)) for row, each in amounts.items()]
        if not self._by_provider:
            listed = [b'{"resource_provider":{"uuid":"%b"},%b}' % each for each in held]
            return b'{"allocations":[%b]}' % b",".join(listed)
        allocations = b",".join([b'"%b":{%b}' % each for each in held])
        if not self._mappings:
            return b'{"allocations":{%b}}' % allocations
        # A suffix needs no escapes: it consists of letters, digits, - and _ only.
        mappings = [
            b'"%b":["%b"]' % (suffix.encode(), b'","'.join([uuids[row] for row in rows]))
            for suffix, rows in candidate.mappings
        ]
        return b'{"allocations":{%b},"mappings":{%b}}' % (allocations, b",".join(mappings))

    def _resources(self, amounts: _Amounts) -> bytes:
        found = self._amounts.get(amounts)
        if found is None:
            found = self._amounts[amounts] = b'"resources":' + msgspec.json.encode(dict(amounts))
        return found


def _is_served_by_one(candidate: Candidate) -> bool:
    """Tell whether the one provider that gives all amounts serves all groups as well."""
    if len(candidate.mappings) == 1:
        return True
    alone = (candidate.allocations[0][0],)
    return all(rows == alone for _, rows in candidate.mappings)


class _Summaries:
    """Gives the summaries of providers, ``"uuid":{...}``, as one version has them."""

    def __init__(self, index: Index, version: Version, request: CandidateRequest) -> None:
        self._index = index
        self._version = version
        self._classes = {name for group in request.groups for name, _ in group.resources}

    def of(self, rows: Sequence[RpRow]) -> list[bytes]:
        """Give the summaries of some providers; from 1.29 of their whole trees."""
        if self._version < NESTED_SINCE:
            return [self._summary(row) for row in rows]
        kept = self._index.kept
        found = []
        for root in dict.fromkeys(self._index.roots(rows)):
            tree = kept.get(root)
            if tree is None:
                tree = b",".join(self._summary(row) for row in self._index.tree(root))
                kept.put(root, tree)
            found.append(tree)
        return found

    def _summary(self, row: RpRow) -> bytes:
        resources = {
            name: {"capacity": capacity, "used": used}
            for name, capacity, used in self._index.stock(row)
            if self._version >= ALL_CLASSES_SINCE or name in self._classes
        }
        place = view(self._index, row)
        summary: dict[str, object] = {"resources": resources}
        if self._version >= TRAITS_SINCE:
            summary["traits"] = in_order(self._index.traits(row))
        if self._version >= NESTED_SINCE:
            summary["parent_provider_uuid"] = place.parent_uuid
            summary["root_provider_uuid"] = place.root_uuid
        return b'"%b":%b' % (place.provider.uuid.encode(), msgspec.json.encode(summary))
