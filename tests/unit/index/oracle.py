"""All candidates of a request, found by trying every combination.

Slow and plain on purpose: it shares no code and no idea with the search that it judges.
"""

from collections.abc import Iterator
from itertools import product

from innkeeper.core.names import SHARES_VIA_AGGREGATE
from innkeeper.core.request_group import CandidateRequest, RequestGroup
from tests.unit.index.worlds import Rp, Stock, Told, World, rp_uuid

Part = tuple[str, tuple[tuple[int, str, int], ...], frozenset[int]]
"""How one group is served: its suffix, (provider, class, amount), providers."""


def every_candidate(world: World, request: CandidateRequest) -> frozenset[Told]:
    return frozenset(
        told
        for anchor, rp in world.rps.items()
        if rp.parent is None
        for told in candidates_of(world, request, anchor)
    )


def candidates_of(world: World, request: CandidateRequest, anchor: int) -> frozenset[Told]:
    traits = world.rps[anchor].traits
    if not request.root_required <= traits or request.root_forbidden & traits:
        return frozenset()
    parts = [list(parts_of(world, group, anchor)) for group in request.groups]
    chosen = (parts for parts in product(*parts) if is_valid(world, request, parts))
    return frozenset(told_of(parts) for parts in chosen)


def parts_of(world: World, group: RequestGroup, anchor: int) -> Iterator[Part]:
    if group.suffix:
        for rp in world.rps.values():
            has_all = all(fits(rp.stock.get(name), amount) for name, amount in group.resources)
            if has_all and serves(world, group, rp, anchor) and has_traits(group, rp.traits):
                triples = tuple((rp.id, name, amount) for name, amount in group.resources)
                yield group.suffix, triples, frozenset({rp.id})
        return
    choices = [
        [rp for rp in world.rps.values()
         if fits(rp.stock.get(name), amount) and serves(world, group, rp, anchor)]
        for name, amount in group.resources
    ]  # fmt: skip
    for rps in product(*choices):
        if any(rp.traits & group.forbidden for rp in rps):
            continue
        if has_traits(group, frozenset[str]().union(*(rp.traits for rp in rps))):
            triples = tuple(
                (rp.id, name, amount)
                for rp, (name, amount) in zip(rps, group.resources, strict=True)
            )
            yield "", triples, frozenset(rp.id for rp in rps)


def serves(world: World, group: RequestGroup, rp: Rp, anchor: int) -> bool:
    """Tell whether trees and aggregates allow ``rp`` to serve the group in the anchor's tree."""
    own = world.root(rp.id) == anchor
    if not own:
        reached = frozenset[str]().union(
            *(each.aggregates for each in world.rps.values() if world.root(each.id) == anchor)
        )
        if SHARES_VIA_AGGREGATE not in rp.traits or not rp.aggregates & reached:
            return False
    if group.in_tree is not None:
        tree = [world.root(each) for each in world.rps if rp_uuid(each) == group.in_tree]
        if world.root(rp.id) not in tree or (not own and not group.suffix):
            return False
    places = [rp.aggregates]
    if not group.suffix:
        places.append(world.rps[anchor].aggregates)
    if any(group.forbidden_aggregates & place for place in places):
        return False
    # What a root is a member of counts for its tree, not for those who share with it.
    counted = places if own else places[:1]
    return any(all(set(any_of) & place for any_of in group.member_of) for place in counted)


def has_traits(group: RequestGroup, traits: frozenset[str]) -> bool:
    return all(set(any_of) & traits for any_of in group.required) and not group.forbidden & traits


def fits(stock: Stock | None, amount: int) -> bool:
    return (
        stock is not None
        and amount <= stock.free
        and stock.min_unit <= amount <= stock.max_unit
        and amount % stock.step_size == 0
    )


def is_valid(world: World, request: CandidateRequest, parts: tuple[Part, ...]) -> bool:
    suffixed = [rps for suffix, _, rps in parts if suffix]
    if request.group_policy == "isolate" and len(frozenset[int]().union(*suffixed)) < len(suffixed):
        return False
    for suffixes in request.same_subtree:
        rps = frozenset[int]().union(*(rps for suffix, _, rps in parts if suffix in suffixes))
        if not any(all(top in world.lineage(rp) for rp in rps) for top in rps):
            return False
    sums = summed(parts)
    if not request.nested:
        used = {rp for rp, _ in sums}
        if len({world.root(rp) for rp in used}) < len(used):
            return False
    stocks = [(world.rps[rp].stock[name], amount) for (rp, name), amount in sums.items()]
    return all(amount <= min(stock.free, stock.max_unit) for stock, amount in stocks)


def summed(parts: tuple[Part, ...]) -> dict[tuple[int, str], int]:
    sums: dict[tuple[int, str], int] = {}
    for _, triples, _ in parts:
        for rp, name, amount in triples:
            sums[rp, name] = sums.get((rp, name), 0) + amount
    return sums


def told_of(parts: tuple[Part, ...]) -> Told:
    allocations = frozenset((rp, name, amount) for (rp, name), amount in summed(parts).items())
    return allocations, frozenset((suffix, rps) for suffix, _, rps in parts)
