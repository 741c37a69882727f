"""How long the search for candidates takes, beside a plain scan in Python in the same run.

    python -m bench search

The clouds are nearly full, as those are whose owners must search: one host in twenty has
room. The scan looks at each provider in a loop, as simple code would, and stops at the limit;
a ratio above one says how many times as long it took. The scan has an advantage where there
is room nearly everywhere: it takes all it may from the first trees, while the search takes from
all trees in turn. Times are of the CPU, so that what else runs on the machine matters less.
"""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import cycle, islice, product
from typing import Final

import msgspec

from innkeeper.core.ids import RpId, RpUuid
from innkeeper.core.inventory import Inventory
from innkeeper.core.moment import to_us
from innkeeper.core.picture import InventoryPicture, Picture, UsagePicture
from innkeeper.core.provider import Provider
from innkeeper.core.request_group import CandidateRequest, RequestGroup
from innkeeper.index.index import Index
from innkeeper.index.search import candidates, survey, within
from tests.provider_pictures import ProviderPicture, table

MIN_ROUNDS: Final = 5
MAX_ROUNDS: Final = 200
MAX_CASE_S: Final = 1.0
"""A case is repeated for about so long, within the bounds above."""

EVERY: Final = 20
"""One in so many hosts has room."""

MAX_PRODUCTS: Final = 200_000
"""Combinations that the scan may try in one round; a full one of 8 devices has 16.8 million."""

NOW: Final = datetime(2026, 11, 1, tzinfo=UTC)


class Cloud(msgspec.Struct):
    """An index, and the same providers as plain objects, by tree."""

    index: Index
    trees: list[list[ProviderPicture]]


class Case(msgspec.Struct, frozen=True):
    """One thing to measure, and what it is hoped to take."""

    name: str
    run: Callable[[], object]
    goal_ms: float
    scan: Callable[[], object] | None = None


def provider(
    rp_id: int,
    parent: int | None,
    amounts: dict[str, int],
    *traits: str,
    root: int | None = None,
    full: bool = False,
) -> ProviderPicture:
    """Give a provider with these inventories; in the tree of itself if it has no other root."""
    return ProviderPicture(
        provider=Provider(
            id=RpId(rp_id),
            uuid=RpUuid(f"00000000-0000-0000-0000-{rp_id:012d}"),
            name=f"provider-{rp_id}",
            generation=0,
            root_id=RpId(root or rp_id),
            parent_id=None if parent is None else RpId(parent),
            updated_at=NOW,
        ),
        inventories=tuple(
            InventoryPicture(Inventory(name, total), used=total if full else 0)
            for name, total in amounts.items()
        ),
        traits=traits,
    )


def cloud(trees: list[list[ProviderPicture]]) -> Cloud:
    """Load an index with trees."""
    index = Index()
    index.apply(Picture(providers=table(each for tree in trees for each in tree)))
    return Cloud(index, trees)


def flat(hosts: int) -> Cloud:
    """Give hosts of one provider and three classes."""
    amounts = {"DISK_GB": 4_000, "MEMORY_MB": 262_144, "VCPU": 64}
    return cloud(
        [
            [provider(rp_id, None, amounts, full=bool(rp_id % EVERY))]
            for rp_id in range(1, hosts + 1)
        ]
    )


def gpu_hosts(hosts: int, gpus: int) -> Cloud:
    """Give hosts with GPUs of one unit as children. Where there is no room, one is taken."""
    trees = []
    for number in range(hosts):
        root = 1 + number * (gpus + 1)
        tree = [provider(root, None, {"MEMORY_MB": 262_144, "VCPU": 64})]
        for at in range(1, gpus + 1):
            taken = at == gpus and bool(number % EVERY)
            tree.append(provider(root + at, root, {"PGPU": 1}, root=root, full=taken))
        trees.append(tree)
    return cloud(trees)


def numa_hosts(hosts: int) -> Cloud:
    """Give trees of seven: a root, two NUMA nodes with CPU and memory, two GPUs below each.

    One GPU below the first node is taken.
    """
    trees = []
    amounts = {"MEMORY_MB": 131_072, "VCPU": 32}
    for number in range(hosts):
        root = 1 + number * 7
        tree = [provider(root, None, {"DISK_GB": 4_000})]
        for node in (root + 1, root + 4):
            tree.append(provider(node, root, amounts, "HW_NUMA", root=root))
            for gpu in (node + 1, node + 2):
                taken = gpu == root + 2
                tree.append(provider(gpu, node, {"PGPU": 1}, root=root, full=taken))
        trees.append(tree)
    return cloud(trees)


FLAT_REQUEST: Final = CandidateRequest(
    groups=(RequestGroup(resources=(("DISK_GB", 20), ("MEMORY_MB", 2048), ("VCPU", 2))),)
)

NUMA_REQUEST: Final = CandidateRequest(
    groups=(
        RequestGroup(resources=(("DISK_GB", 20),)),
        RequestGroup("_NODE", resources=(("MEMORY_MB", 2048), ("VCPU", 2))),
        RequestGroup("_GPU1", resources=(("PGPU", 1),)),
        RequestGroup("_GPU2", resources=(("PGPU", 1),)),
    ),
    group_policy="isolate",
    same_subtree=(frozenset({"_NODE", "_GPU1", "_GPU2"}),),
)


def gpu_request(groups: int) -> CandidateRequest:
    """Ask for so many GPUs, each from a device of its own."""
    return CandidateRequest(
        groups=(
            RequestGroup(resources=(("MEMORY_MB", 2048), ("VCPU", 2))),
            *(RequestGroup(f"_{at}", resources=(("PGPU", 1),)) for at in range(groups)),
        ),
        group_policy="isolate",
    )


def limited(request: CandidateRequest, limit: int) -> CandidateRequest:
    """Give the request with a limit."""
    return msgspec.structs.replace(request, limit=limit)


def scan(trees: list[list[ProviderPicture]], request: CandidateRequest) -> list[object]:
    """Find candidates as simple code does: per tree, the product of each group's providers."""
    tried = 0
    found: list[object] = []
    for tree in trees:
        by_group = [[each for each in tree if serves(each, group)] for group in request.groups]
        for chosen in product(*by_group):
            tried += 1
            if tried > MAX_PRODUCTS:
                return found
            served = {
                group.suffix: each.provider
                for group, each in zip(request.groups, chosen, strict=True)
            }
            if goes_together(served, request):
                found.append(summed(served, request))
                if len(found) == request.limit:
                    return found
    return found


def goes_together(served: dict[str, Provider], request: CandidateRequest) -> bool:
    """Tell whether one provider for each group keeps group_policy and same_subtree."""
    if request.group_policy == "isolate":
        suffixed = [each.id for suffix, each in served.items() if suffix]
        if len(set(suffixed)) < len(suffixed):
            return False
    for suffixes in request.same_subtree:
        members = [served[suffix] for suffix in suffixes]
        # These trees are shallow: a member is above another if it is its parent.
        if not any(all(top.id in {each.id, each.parent_id} for each in members) for top in members):
            return False
    return True


def summed(served: dict[str, Provider], request: CandidateRequest) -> object:
    """Give the allocations and mappings of a choice."""
    allocations: dict[int, dict[str, int]] = {}
    for group in request.groups:
        mine = allocations.setdefault(served[group.suffix].id, {})
        for name, amount in group.resources:
            mine[name] = mine.get(name, 0) + amount
    return allocations, {suffix: [each.id] for suffix, each in served.items()}


def serves(each: ProviderPicture, group: RequestGroup) -> bool:
    """Tell whether one provider has room for all resources of a group."""
    stock = {kept.inventory.resource_class: kept for kept in each.inventories}
    for name, amount in group.resources:
        kept = stock.get(name)
        if kept is None or not kept.inventory.admits_unit(amount):
            return False
        if kept.used + amount > kept.inventory.capacity:
            return False
    return True


def cases() -> Iterator[Case]:
    """Give all cases, in order."""
    hosts = flat(10_000)
    for limit, goal_ms in ((10, 0.15), (1_000, 5.0)):
        request = limited(FLAT_REQUEST, limit)
        yield search_case(f"10,000 flat hosts, limit {limit:,}", hosts, goal_ms, request)
    yield Case(
        "10,000 flat hosts, limit 10, request never seen before",
        lambda: fresh_search(hosts.index, limited(FLAT_REQUEST, 10)),
        goal_ms=5.0,
    )
    yield Case("10,000 flat hosts, survey", lambda: survey(hosts.index, FLAT_REQUEST), goal_ms=0.15)
    yield within_case("10,000 flat hosts, best place on one", hosts.index, FLAT_REQUEST, EVERY)
    gpus = gpu_hosts(200, 8)
    for groups in (1, 2, 4, 8):
        request = gpu_request(groups)
        name = f"200 hosts with 8 GPUs, {groups} isolated groups"
        yield search_case(f"{name}, limit 1,000", gpus, 2.0, limited(request, 1_000))
        yield within_case(f"{name}, best place on one", gpus.index, request, 1)
    numa, asked = numa_hosts(1_000), limited(NUMA_REQUEST, 1_000)
    name = "1,000 trees of 7, same_subtree"
    yield search_case(f"{name}, limit 1,000", numa, 1.0, asked)
    yield Case(f"{name}, after each claim", after_claims(numa.index, asked, 6), goal_ms=2.0)
    yield Case(f"{name}, new traits", lambda: fresh_search(numa.index, asked), goal_ms=5.0)


def search_case(name: str, where: Cloud, goal_ms: float, asked: CandidateRequest) -> Case:
    """Measure the search, and the scan beside it."""
    return Case(
        name,
        lambda: candidates(where.index, asked),
        goal_ms,
        lambda: scan(where.trees, asked),
    )


def within_case(name: str, index: Index, request: CandidateRequest, rp_id: int) -> Case:
    """Measure the search for one candidate in one tree, as the scheduler does it."""
    row = index.row_of_id(rp_id)
    if row is None:
        raise LookupError(f"the cloud has no provider {rp_id}")
    return Case(
        name,
        lambda: list(islice(within(index, request, row, prefer=lambda _, rows: rows.tolist()), 1)),
        goal_ms=0.2,
    )


def fresh_search(index: Index, request: CandidateRequest) -> object:
    """Search as if any provider's traits had just changed."""
    index.columns.layout += 1
    return candidates(index, request)


def after_claims(index: Index, request: CandidateRequest, rp_id: int) -> Callable[[], object]:
    """Search each time after a GPU was claimed, or given back."""
    amounts = cycle((1, 0))

    def run() -> object:
        used = (("PGPU", next(amounts)),)
        index.apply(Picture(usages=(UsagePicture(RpId(rp_id), 1, to_us(NOW), used),)))
        return candidates(index, request)

    return run


def timed_ms(run: Callable[[], object]) -> list[float]:
    """Give the CPU times of many runs, ascending."""
    times: list[float] = []
    while len(times) < MIN_ROUNDS or (len(times) < MAX_ROUNDS and sum(times) < MAX_CASE_S * 1000):
        began = time.process_time()
        run()
        times.append((time.process_time() - began) * 1000)
    return sorted(times)


def main() -> None:
    """Print a line for each case."""
    print(f"{'case':58} {'min ms':>8} {'median':>8} {'goal':>8} {'scan ms':>9} {'ratio':>7}")
    for case in cases():
        times = timed_ms(case.run)
        line = f"{case.name:58} {times[0]:8.3f} {times[len(times) // 2]:8.3f} {case.goal_ms:8.2f}"
        if case.scan is not None:
            scanned = timed_ms(case.scan)
            line += f" {scanned[0]:9.2f} {scanned[0] / times[0]:7.1f}"
        print(line, flush=True)


if __name__ == "__main__":
    main()
