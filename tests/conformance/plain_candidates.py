"""The answer to a query for candidates, written the plain way: dicts, encoded at the end.

What the product puts together from pieces is compared with it, in content and in speed.
"""

from collections.abc import Iterable

import msgspec

from innkeeper.api.placement.candidate_json import (
    ALL_CLASSES_SINCE,
    BY_PROVIDER_SINCE,
    TRAITS_SINCE,
)
from innkeeper.api.placement.query.candidates import MAPPINGS_SINCE, NESTED_SINCE
from innkeeper.api.placement.versions import Version
from innkeeper.core.ids import RpRow
from innkeeper.core.request_group import CandidateRequest
from innkeeper.index.candidate import Candidate
from innkeeper.index.found import Candidates
from innkeeper.index.index import Index
from innkeeper.placement.providers import view
from innkeeper.placement.traits import in_order


def plain_answer(
    index: Index, version: Version, request: CandidateRequest, found: Candidates
) -> bytes:
    """Give the body."""
    plain = _Plain(index, version, request)
    return msgspec.json.encode(
        {
            "allocation_requests": [plain.request(each) for each in found],
            "provider_summaries": plain.summaries(found),
        }
    )


class _Plain:
    def __init__(self, index: Index, version: Version, request: CandidateRequest) -> None:
        self._index = index
        self._version = version
        self._classes = {name for group in request.groups for name, _ in group.resources}

    def request(self, candidate: Candidate) -> dict[str, object]:
        """Give a candidate as an allocation request."""
        by_provider: dict[str, dict[str, int]] = {}
        for row, resource_class, amount in candidate.allocations:
            by_provider.setdefault(self._uuid(row), {})[resource_class] = amount
        if self._version < BY_PROVIDER_SINCE:
            return {
                "allocations": [
                    {"resource_provider": {"uuid": uuid}, "resources": amounts}
                    for uuid, amounts in by_provider.items()
                ]
            }
        encoded: dict[str, object] = {
            "allocations": {uuid: {"resources": used} for uuid, used in by_provider.items()}
        }
        if self._version >= MAPPINGS_SINCE:
            encoded["mappings"] = {
                suffix: [self._uuid(row) for row in rows] for suffix, rows in candidate.mappings
            }
        return encoded

    def summaries(self, found: Candidates) -> dict[str, dict[str, object]]:
        """Give the summaries of the providers in candidates; from 1.29 of their whole trees."""
        rows = dict.fromkeys(row for each in found for row, _, _ in each.allocations)
        if self._version >= NESTED_SINCE:
            rows = dict.fromkeys(self._trees(rows))
        return {self._uuid(row): self._summary(row) for row in rows}

    def _trees(self, rows: Iterable[RpRow]) -> Iterable[RpRow]:
        for root in dict.fromkeys(self._index.root(row) for row in rows):
            yield from self._index.tree(root)

    def _summary(self, row: RpRow) -> dict[str, object]:
        summary: dict[str, object] = {
            "resources": {
                picture.inventory.resource_class: {
                    "capacity": picture.inventory.capacity,
                    "used": picture.used,
                }
                for picture in self._index.inventories(row)
                if self._version >= ALL_CLASSES_SINCE
                or picture.inventory.resource_class in self._classes
            }
        }
        if self._version >= TRAITS_SINCE:
            summary["traits"] = in_order(self._index.traits(row))
        if self._version >= NESTED_SINCE:
            place = view(self._index, row)
            summary["parent_provider_uuid"] = place.parent_uuid
            summary["root_provider_uuid"] = place.root_uuid
        return summary

    def _uuid(self, row: RpRow) -> str:
        return self._index.provider(row).uuid
