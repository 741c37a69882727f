"""What the candidates of a search must be, found by trying every combination.

This is for the few searches in which the two servers differ: which of them is right must not be
a matter of opinion. The judge is that of the unit tests (tests/unit/index/oracle.py), which shares
no code with Innkeeper's search; it also tells what the reference finds where it takes a request
for another one. It must never ask the reference.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import msgspec

from innkeeper.api.placement.params import Params
from innkeeper.api.placement.query.candidates import parse_candidate_request
from innkeeper.core.ids import RpUuid
from innkeeper.core.request_group import CandidateRequest, RequestGroup
from tests.conformance.oracle.exchange import Answer, Request
from tests.conformance.oracle.searches import canonical
from tests.conformance.oracle.step import View
from tests.unit.index.oracle import Part, is_valid, parts_of, told_of
from tests.unit.index.worlds import Rp, Stock, Told, World, rp_uuid

Tales = Counter[Told]
"""How often each candidate is listed; without its mappings where the version hides them."""


@dataclass(frozen=True)
class Whole:
    """One way to serve all groups."""

    anchor: int
    parts: tuple[Part, ...]
    told: Told


class Judge:
    """Knows the state of the moment, and one search."""

    def __init__(self, request: Request, view: View) -> None:
        self._view = view
        self._ids = {
            each["uuid"]: number
            for number, each in enumerate(
                view.get("/resource_providers").get("resource_providers", ()), start=1
            )
        }
        self.world = World({rp.id: rp for rp in map(self._rp, self._ids)})
        params = Params.parse(request.target.partition("?")[2])
        asked = parse_candidate_request(params, request.version)
        self.asked = self._with_ids(asked)
        self.limit = asked.limit

    def tales(self, answer: Answer) -> Tales:
        """Give what ``answer`` lists."""
        found: Tales = Counter()
        for each in canonical(answer.json["allocation_requests"]):
            allocations = frozenset(
                (self._ids[uuid], name, amount)
                for uuid, one in each["allocations"].items()
                for name, amount in one["resources"].items()
            )
            mappings = each.get("mappings", {}) if self.asked.mappings else {}
            rps = ((suffix, map(self._ids.__getitem__, each)) for suffix, each in mappings.items())
            found[allocations, frozenset((suffix, frozenset(each)) for suffix, each in rps)] += 1
        return found

    def wholes(self, request: CandidateRequest) -> Iterator[Whole]:
        """Give every way to serve ``request``, tree by tree."""
        for anchor, rp in self.world.rps.items():
            if rp.parent is not None or not request.root_required <= rp.traits:
                continue
            if request.root_forbidden & rp.traits:
                continue
            choices = [list(parts_of(self.world, group, anchor)) for group in request.groups]
            for parts in product(*choices):
                if is_valid(self.world, request, parts):
                    yield Whole(anchor, parts, told_of(parts))

    def shown(self, told: Told) -> Told:
        """Give a candidate as the version that was asked for shows it."""
        return told if self.asked.mappings else (told[0], frozenset())

    def is_right(self, answer: Answer) -> bool:
        """Tell whether ``answer`` lists what it must, each once: all, or as many as the limit."""
        wanted = {self.shown(whole.told) for whole in self.wholes(self.asked)}
        found = self.tales(answer)
        expected = len(wanted) if self.limit is None else min(self.limit, len(wanted))
        return found.keys() <= wanted and found.total() == len(found) == expected

    def as_misread(self) -> CandidateRequest | None:
        """Give what the reference takes the request for; None: for one that nobody can serve.

        It does not look at in_tree in a group without resources (but for whether there is such
        a provider), and finds nobody for such a group if that asks for no trait or aggregate.
        """
        groups = []
        for group in self.asked.groups:
            if not group.resources and not group.required and not group.member_of:
                return None
            known = group.in_tree in {rp_uuid(each) for each in self.world.rps}
            forgets = not group.resources and known
            groups.append(msgspec.structs.replace(group, in_tree=None) if forgets else group)
        return msgspec.structs.replace(self.asked, groups=tuple(groups))

    def _rp(self, uuid: str) -> Rp:
        path = f"/resource_providers/{uuid}"
        parent = self._view.get(path)["parent_provider_uuid"]
        used = self._view.get(f"{path}/usages")["usages"]
        return Rp(
            id=self._ids[uuid],
            parent=None if parent is None else self._ids[parent],
            stock={
                name: _stock(fields, used.get(name, 0))
                for name, fields in self._view.inventories(uuid).items()
            },
            traits=frozenset(self._view.get(f"{path}/traits")["traits"]),
            aggregates=frozenset(self._view.get(f"{path}/aggregates")["aggregates"]),
        )

    def _with_ids(self, request: CandidateRequest) -> CandidateRequest:
        """Give a request whose trees are named as those of the judge's world."""

        def renamed(group: RequestGroup) -> RequestGroup:
            if group.in_tree is None:
                return group
            number = self._ids.get(group.in_tree)
            tree = RpUuid("nobody") if number is None else rp_uuid(number)
            return msgspec.structs.replace(group, in_tree=tree)

        return msgspec.structs.replace(request, groups=tuple(map(renamed, request.groups)))


def _stock(fields: dict[str, Any], used: int) -> Stock:
    return Stock(
        total=fields["total"],
        used=used,
        max_unit=fields["max_unit"],
        min_unit=fields["min_unit"],
        step_size=fields["step_size"],
        reserved=fields["reserved"],
        ratio=fields["allocation_ratio"],
    )
