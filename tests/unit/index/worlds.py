"""Small clouds for the tests of the index: written down by hand, or drawn by Hypothesis."""

from datetime import UTC, datetime
from random import Random

import msgspec
from hypothesis import strategies as st

from innkeeper.core.allocation import Allocation
from innkeeper.core.ids import AggregateUuid, RpId, RpRow, RpUuid
from innkeeper.core.inventory import Inventory
from innkeeper.core.names import SHARES_VIA_AGGREGATE
from innkeeper.core.picture import InventoryPicture, Picture
from innkeeper.core.provider import Provider
from innkeeper.core.request_group import CandidateRequest, RequestGroup
from innkeeper.index.candidate import Candidate
from innkeeper.index.index import Index
from tests.provider_pictures import ProviderPicture, table

NOW = datetime(2026, 11, 1, tzinfo=UTC)

CLASSES = ("A", "B", "C")
TRAITS = ("T", "U")
AGGREGATES = ("X", "Y")

Told = tuple[frozenset[tuple[int, str, int]], frozenset[tuple[str, frozenset[int]]]]
"""A candidate by provider ids: (provider, class, amount) and (suffix, providers)."""


class Stock(msgspec.Struct, frozen=True):
    """An inventory and its usage, in few words."""

    total: int = 8
    used: int = 0
    max_unit: int = 1000
    min_unit: int = 1
    step_size: int = 1
    reserved: int = 0
    ratio: float = 1.0

    @property
    def free(self) -> int:
        return int((self.total - self.reserved) * self.ratio) - self.used


class Rp(msgspec.Struct, frozen=True):
    """A provider, in few words; ids grow with creation."""

    id: int
    parent: int | None = None
    stock: dict[str, Stock] = {}
    traits: frozenset[str] = frozenset()
    aggregates: frozenset[str] = frozenset()


class World(msgspec.Struct, frozen=True):
    """All providers, by id."""

    rps: dict[int, Rp]

    def root(self, rp_id: int) -> int:
        parent = self.rps[rp_id].parent
        return rp_id if parent is None else self.root(parent)

    def lineage(self, rp_id: int) -> frozenset[int]:
        parent = self.rps[rp_id].parent
        return frozenset({rp_id}) | (frozenset() if parent is None else self.lineage(parent))


def world(*rps: Rp) -> World:
    return World({rp.id: rp for rp in rps})


def rp_uuid(rp_id: int) -> RpUuid:
    return RpUuid(f"00000000-0000-0000-0000-{rp_id:012d}")


def allocation(rp_id: int, name: str, amount: int) -> Allocation:
    return Allocation(RpId(rp_id), rp_uuid(rp_id), name, amount)


def provider_picture(where: World, rp_id: int) -> ProviderPicture:
    rp = where.rps[rp_id]
    return ProviderPicture(
        provider=Provider(
            id=RpId(rp_id),
            uuid=rp_uuid(rp_id),
            name=f"rp{rp_id}",
            generation=1,
            root_id=RpId(where.root(rp_id)),
            parent_id=None if rp.parent is None else RpId(rp.parent),
            updated_at=NOW,
        ),
        inventories=tuple(
            InventoryPicture(
                Inventory(
                    resource_class=name,
                    total=stock.total,
                    reserved=stock.reserved,
                    min_unit=stock.min_unit,
                    max_unit=stock.max_unit,
                    step_size=stock.step_size,
                    allocation_ratio=stock.ratio,
                ),
                used=stock.used,
            )
            for name, stock in sorted(rp.stock.items())
        ),
        traits=tuple(sorted(rp.traits)),
        aggregates=tuple(AggregateUuid(each) for each in sorted(rp.aggregates)),
    )


def loaded(where: World) -> Index:
    index = Index()
    index.apply(Picture(providers=table(provider_picture(where, each) for each in where.rps)))
    return index


def row_of(index: Index, rp_id: int) -> RpRow:
    row = index.row_of_id(rp_id)
    assert row is not None
    return row


def told(index: Index, candidate: Candidate) -> Told:
    def rp_id(row: RpRow) -> int:
        return int(index.provider(row).id)

    return (
        frozenset((rp_id(row), name, amount) for row, name, amount in candidate.allocations),
        frozenset((suffix, frozenset(map(rp_id, rows))) for suffix, rows in candidate.mappings),
    )


def group(suffix: str = "", /, **amounts: int) -> RequestGroup:
    return RequestGroup(suffix=suffix, resources=tuple(sorted(amounts.items())))


def a_world(random: Random, most: int) -> World:
    """Give up to ``most`` providers in a few trees, some of which share."""
    rps: dict[int, Rp] = {}
    nesting = random.choice([0.0, 0.6, 0.8])
    sharing = random.choice([0.0, 0.3])
    for rp_id in range(1, random.randint(1, most) + 1):
        traits = a_few(random, TRAITS)
        if random.random() < sharing:
            traits |= {SHARES_VIA_AGGREGATE}
        nested = bool(rps) and random.random() < nesting
        rps[rp_id] = Rp(
            id=rp_id,
            parent=random.choice(list(rps)) if nested else None,
            stock={name: a_stock(random) for name in CLASSES if random.random() < 0.6},
            traits=traits,
            aggregates=a_few(random, AGGREGATES),
        )
    return World(rps)


def a_stock(random: Random) -> Stock:
    return Stock(
        total=random.randint(2, 8),
        used=random.choice([0, 0, 1, 3]),
        max_unit=random.choice([2, 3, 1000, 1000]),
        min_unit=random.choice([1, 1, 1, 1, 2]),
        step_size=random.choice([1, 1, 1, 1, 2]),
        reserved=random.choice([0, 0, 1]),
        ratio=random.choice([1.0, 1.0, 1.5]),
    )


def a_request(random: Random) -> CandidateRequest:
    """Give any request; often with groups alike, which may be told apart by suffix only."""
    subtree = random.random() < 0.3
    asked = [a_group(random, "", resourceless=False)] if random.random() < 0.6 else []
    for number in range(random.randint(0 if asked else 1, 3)):
        if asked and asked[-1].suffix and random.random() < 0.5:
            asked.append(msgspec.structs.replace(asked[-1], suffix=f"_{number}"))
        else:
            asked.append(a_group(random, f"_{number}", resourceless=subtree))
    suffixes = [each.suffix for each in asked if each.suffix]
    return CandidateRequest(
        groups=tuple(asked),
        group_policy=random.choice(["none", "isolate"]),
        same_subtree=tuple(
            frozenset(random.sample(suffixes, random.randint(1, len(suffixes))))
            for _ in range(random.randint(1, 2) if subtree and suffixes else 0)
        ),
        root_required=frozenset(random.choice(["", "", "", "", "", "", "T"])),
        root_forbidden=frozenset(random.choice(["", "", "", "", "", "", "U"])),
        nested=random.random() < 0.8,
    )


def a_group(random: Random, suffix: str, *, resourceless: bool) -> RequestGroup:
    """Give a group that has each condition at times."""

    def at_times() -> bool:
        return random.random() < 0.08

    names = sorted(random.sample(CLASSES, random.choice([1, 1, 2])))
    if suffix and resourceless and random.random() < 0.5:
        names = []
    x, y = map(AggregateUuid, AGGREGATES)
    return RequestGroup(
        suffix=suffix,
        resources=tuple((name, random.choice([1, 1, 2, 3])) for name in names),
        required=random.choice([(("T",),), (("T", "U"),), (("T",), ("U",))]) if at_times() else (),
        forbidden=frozenset({"U"}) if at_times() else frozenset(),
        member_of=random.choice([((x,),), ((x, y),), ((x,), (y,))]) if at_times() else (),
        forbidden_aggregates=frozenset({y}) if at_times() else frozenset(),
        in_tree=rp_uuid(random.randint(1, 4)) if at_times() else None,
    )


def a_few(random: Random, values: tuple[str, ...]) -> frozenset[str]:
    return frozenset(value for value in values if random.random() < 0.5)


seeds = st.builds(Random, st.integers(0, 2**32))
"""What the functions above draw from: far quicker than drawing each value by Hypothesis."""

sizes = st.integers(1, 8)
