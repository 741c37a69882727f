"""Allocation candidates."""

from collections.abc import Iterable, Sequence
from typing import Final

from innkeeper.api.http import Response
from innkeeper.api.placement.answers import json_answer
from innkeeper.api.placement.call import Call, pick
from innkeeper.api.placement.query.candidates import (
    MAPPINGS_SINCE,
    NESTED_SINCE,
    parse_candidate_request,
)
from innkeeper.api.placement.schemas import allocation_candidate as schemas
from innkeeper.api.placement.versions import Version
from innkeeper.core.ids import RpRow, RpUuid
from innkeeper.index.candidate import Candidate
from innkeeper.index.index import Index
from innkeeper.placement.candidates import find_candidates
from innkeeper.placement.providers import view
from innkeeper.placement.traits import in_order

BY_PROVIDER_SINCE: Final[Version] = (1, 12)
TRAITS_SINCE: Final[Version] = (1, 17)
ALL_CLASSES_SINCE: Final[Version] = (1, 27)


async def list_allocation_candidates(call: Call) -> Response:
    """GET /allocation_candidates."""
    schema = pick(call.version, *schemas.GET)
    request = parse_candidate_request(call.params(schema), call.version)
    found = find_candidates(call.placement, request)
    classes = frozenset(name for group in request.groups for name, _ in group.resources)
    encoder = _Encoder(call.placement.index, call.version, classes)
    return json_answer(
        call,
        {
            "allocation_requests": [encoder.request(each) for each in found],
            "provider_summaries": encoder.summaries(found),
        },
    )


class _Encoder:
    """Candidates as one version has them. It lives as long as one request."""

    def __init__(self, index: Index, version: Version, classes: frozenset[str]) -> None:
        self._index = index
        self._version = version
        self._classes = classes
        self._uuids: dict[RpRow, RpUuid] = {}

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

    def summaries(self, found: Sequence[Candidate]) -> dict[str, dict[str, object]]:
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

    def _uuid(self, row: RpRow) -> RpUuid:
        uuid = self._uuids.get(row)
        if uuid is None:
            uuid = self._uuids[row] = self._index.provider(row).uuid
        return uuid
