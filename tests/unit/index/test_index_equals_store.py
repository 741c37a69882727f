"""After any history of pictures the index is what one fresh load of the store gives."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import chain
from random import Random

import msgspec
from hypothesis import given

from innkeeper.core.host import Host
from innkeeper.core.ids import CellName, HostName, RpId, RpRow
from innkeeper.core.moment import to_us
from innkeeper.core.picture import (
    NamePicture,
    Picture,
    StockPicture,
    UsagePicture,
    WorkloadPicture,
)
from innkeeper.core.server_group import ServerGroup
from innkeeper.index.index import Index
from innkeeper.index.search import candidates
from tests.provider_pictures import ProviderPicture, table
from tests.unit.index.worlds import (
    AGGREGATES,
    CLASSES,
    NOW,
    TRAITS,
    Rp,
    World,
    a_few,
    a_request,
    a_stock,
    a_world,
    provider_picture,
    row_of,
    rp_uuid,
    seeds,
    told,
)

BATCHES = 12
"""Pictures in one history."""

LABELS = ("web", "training")


class Store:
    """A store that remembers everything and what the latest batch touched."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.world = a_world(random, 4)
        self.generations = dict.fromkeys(self.world.rps, 1)
        self.hosts: dict[str, Host] = {}
        self.workloads: dict[str, dict[str, int]] = {}
        self.groups: dict[str, ServerGroup] = {}
        self.names = [NamePicture(name, NOW) for name in CLASSES]
        self.last_id = max(self.world.rps)
        # Classes whose amounts the latest batch changed, by provider.
        self.restocked: dict[int, set[str]] = {}

    def picture_of(self, rp_id: int) -> ProviderPicture:
        picture = provider_picture(self.world, rp_id)
        generation = self.generations[rp_id]
        provider = msgspec.structs.replace(
            picture.provider, generation=generation, updated_at=NOW + timedelta(seconds=generation)
        )
        return msgspec.structs.replace(picture, provider=provider)

    def whole(self) -> Picture:
        return Picture(
            resource_classes=tuple(self.names),
            traits=tuple(NamePicture(name, NOW) for name in TRAITS),
            providers=table(map(self.picture_of, self.world.rps)),
            hosts=tuple(self.hosts.values()),
            groups=tuple(self.groups.values()),
            workloads=tuple(
                WorkloadPicture(HostName(name), tuple(counts.items()))
                for name, counts in self.workloads.items()
            ),
        )

    def usage_of(self, rp_id: int) -> UsagePicture:
        stocks = self.picture_of(rp_id).inventories
        used = tuple((each.inventory.resource_class, each.used) for each in stocks)
        return UsagePicture(*self.head_of(rp_id), used)

    def stocks_of(self, rp_id: int) -> Iterator[StockPicture]:
        """Give what changed of inventories in one picture or in several, and one of nothing."""
        changed = [
            each.inventory
            for each in self.picture_of(rp_id).inventories
            if each.inventory.resource_class in self.restocked[rp_id]
        ]
        half = self.random.randint(0, len(changed))
        for part in (changed[:half], changed[half:]):
            yield StockPicture(*self.head_of(rp_id), tuple(part))

    def head_of(self, rp_id: int) -> tuple[RpId, int, int]:
        provider = self.picture_of(rp_id).provider
        return provider.id, provider.generation, to_us(provider.updated_at)

    def batch(self) -> Picture:
        """Change a few things; give the picture of what changed."""
        before = self.world
        changed: set[int] = set()
        stocks: set[int] = set()
        self.restocked.clear()
        usages: set[int] = set()
        for _ in range(self.random.randint(1, 4)):
            change, told = self.random.choice(
                [
                    *((each, changed) for each in (self.add, self.move, self.edit, self.remove)),
                    (self.restock, stocks),
                    (self.use, usages),
                ]
            )
            told.update(change())
        rps = self.world.rps
        changed.update(
            each
            for each in rps
            if each in before.rps and before.root(each) != self.world.root(each)
        )
        changed &= set(rps)
        order = sorted(changed, key=lambda each: len(self.world.lineage(each)))
        return msgspec.structs.replace(
            self.host_changes(),
            removed=tuple(RpId(each) for each in before.rps if each not in rps),
            providers=table(map(self.picture_of, order)),
            stocks=tuple(chain.from_iterable(map(self.stocks_of, stocks & set(rps)))),
            usages=tuple(map(self.usage_of, usages & set(rps))),
        )

    def host_changes(self) -> Picture:
        random = self.random
        name = random.choice(["h1", "h2", "h3"])
        picture = Picture()
        if random.random() < 0.5:
            host = Host(
                name=HostName(name),
                cell=CellName(random.choice(["a", "b"])),
                rp_uuid=rp_uuid(random.randint(1, self.last_id + 1)),
                zone=random.choice(["z1", "z2"]),
                enabled=random.random() < 0.7,
                up=random.random() < 0.7,
            )
            self.hosts[name] = host
            self.workloads.setdefault(name, {})
            picture = Picture(hosts=(host,))
        elif name in self.hosts and random.random() < 0.3:
            del self.hosts[name], self.workloads[name]
            picture = Picture(hosts_removed=(name,))
        elif name in self.hosts:
            counts = {label: random.randint(1, 3) for label in a_few(random, LABELS)}
            self.workloads[name] = counts
            held = WorkloadPicture(HostName(name), tuple(counts.items()))
            picture = Picture(workloads=(held,))
        uuid = random.choice(["g1", "g2"])
        if uuid in self.groups and random.random() < 0.3:
            del self.groups[uuid]
            return msgspec.structs.replace(picture, groups_removed=(uuid,))
        self.groups[uuid] = ServerGroup(uuid, f"name{random.random()}", "affinity")
        return msgspec.structs.replace(picture, groups=(self.groups[uuid],))

    def add(self) -> set[int]:
        self.last_id += 1
        parent = self.random.choice([None, *self.world.rps])
        template = self.random.choice(list(a_world(self.random, 3).rps.values()))
        rp = msgspec.structs.replace(template, id=self.last_id, parent=parent)
        self.world = World({**self.world.rps, rp.id: rp})
        self.generations[rp.id] = 1
        return {rp.id}

    def move(self) -> set[int]:
        rps = self.world.rps
        if not rps:
            return set()
        moved = self.random.choice(list(rps))
        places = [each for each in rps if moved not in self.world.lineage(each)]
        rp = msgspec.structs.replace(rps[moved], parent=self.random.choice([None, *places]))
        return self.put(moved, rp)

    def edit(self) -> set[int]:
        if not self.world.rps:
            return set()
        edited = self.random.choice(list(self.world.rps))
        rp = msgspec.structs.replace(
            self.world.rps[edited],
            stock={name: a_stock(self.random) for name in a_few(self.random, CLASSES)},
            traits=a_few(self.random, TRAITS),
            aggregates=a_few(self.random, AGGREGATES),
        )
        return self.put(edited, rp)

    def restock(self) -> set[int]:
        if not self.world.rps:
            return set()
        owner = self.random.choice(list(self.world.rps))
        rp = self.world.rps[owner]
        names = self.random.sample(sorted(rp.stock), self.random.randint(0, len(rp.stock)))
        self.restocked.setdefault(owner, set()).update(names)
        stock = {
            name: msgspec.structs.replace(a_stock(self.random), used=rp.stock[name].used)
            for name in names
        }
        return self.put(owner, msgspec.structs.replace(rp, stock={**rp.stock, **stock}))

    def use(self) -> set[int]:
        if not self.world.rps:
            return set()
        user = self.random.choice(list(self.world.rps))
        rp = self.world.rps[user]
        stock = {
            name: msgspec.structs.replace(each, used=self.random.randint(0, 4))
            for name, each in rp.stock.items()
        }
        return self.put(user, msgspec.structs.replace(rp, stock=stock))

    def remove(self) -> set[int]:
        parents = {rp.parent for rp in self.world.rps.values()}
        leaves = [each for each in self.world.rps if each not in parents]
        if leaves:
            gone = self.random.choice(leaves)
            self.world = World({k: rp for k, rp in self.world.rps.items() if k != gone})
        return set()

    def put(self, rp_id: int, rp: Rp) -> set[int]:
        self.world = World({**self.world.rps, rp_id: rp})
        self.generations[rp_id] += 1
        return {rp_id}


def providers_told(index: Index) -> dict[int, object]:
    def ids(rows: tuple[RpRow, ...]) -> list[int]:
        return [int(index.provider(row).id) for row in rows]

    rows = [RpRow(row) for row in index.rows().tolist()]
    return {
        int(index.provider(row).id): (
            index.provider(row),
            index.inventories(row),
            index.traits(row),
            index.aggregates(row),
            ids(index.children(row)),
            ids(index.tree(row)),
        )
        for row in rows
    }


def hosts_told(index: Index) -> dict[str, object]:
    hosts = index.hosts

    def rp_id(row: int) -> int | None:
        return None if row < 0 else int(index.provider(RpRow(row)).id)

    def devices(name: str, at: int) -> list[object]:
        found = hosts.devices(name)
        columns = (found.rows[at].tolist(), found.free[at].tolist(), found.capacity[at].tolist())
        return [(rp_id(row), *rest) for row, *rest in zip(*columns, strict=True) if row >= 0]

    return {
        name: (
            rp_id(int(hosts.root[at])),
            hosts.cells[hosts.cell[at]],
            hosts.zones[hosts.zone[at]],
            bool(hosts.enabled[at]),
            bool(hosts.up[at]),
            [int(hosts.free(each)[at]) for each in CLASSES],
            [int(hosts.used(each)[at]) for each in CLASSES],
            [int(hosts.capacity(each)[at]) for each in CLASSES],
            [devices(each, at) for each in CLASSES],
            [int(hosts.workloads(each)[at]) for each in LABELS],
        )
        for at, name in enumerate(hosts.names)
        if hosts.alive[at] and hosts.position(name) == at
    }


def assert_same(index: Index, fresh: Index, random: Random) -> None:
    assert providers_told(index) == providers_told(fresh)
    assert hosts_told(index) == hosts_told(fresh)
    assert index.groups == fresh.groups
    assert index.hosts.labels() == fresh.hosts.labels()
    assert index.columns.trees.nested == fresh.columns.trees.nested
    assert set(index.columns.classes) == set(fresh.columns.classes)
    for _ in range(3):
        request = a_request(random)
        found = {told(index, each) for each in candidates(index, request)}
        assert found == {told(fresh, each) for each in candidates(fresh, request)}


@given(seeds)
def test_a_history_of_pictures_ends_where_one_load_does(random: Random) -> None:
    store = Store(random)
    index = Index()
    index.apply(store.whole())
    for _ in range(BATCHES):
        picture = store.batch()
        index.apply(picture)
        if random.random() < 0.3:
            index.apply(picture)
        if random.random() < 0.3:
            fresh = Index()
            fresh.apply(store.whole())
            assert_same(index, fresh, random)
    fresh = Index()
    fresh.apply(store.whole())
    assert_same(index, fresh, random)


@given(seeds)
def test_versions_rise_with_every_change_of_a_host(random: Random) -> None:
    store = Store(random)
    index = Index()
    index.apply(store.whole())
    for _ in range(BATCHES):
        before = hosts_told(index)
        versions = {name: int(index.hosts.version[at]) for at, name in enumerate(index.hosts.names)}
        index.apply(store.batch())
        for name, tale in hosts_told(index).items():
            at = index.hosts.position(name)
            if name in before and before[name] != tale:
                assert index.hosts.version[at] > versions[name]


@given(seeds)
def test_a_whole_picture_over_an_old_index_is_harmless(random: Random) -> None:
    store = Store(random)
    index = Index()
    index.apply(store.whole())
    index.apply(store.whole())
    fresh = Index()
    fresh.apply(store.whole())
    assert_same(index, fresh, random)
    assert row_of(index, 1) == row_of(fresh, 1)
