"""A cluster for tests: an index filled with pictures, and claimers that need no store."""

import asyncio
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from random import Random

import msgspec

from innkeeper.core.errors import CapacityExceeded, ClaimLost, Conflict
from innkeeper.core.host import Host
from innkeeper.core.ids import CellName, HostName, InstanceUuid, RpId, RpUuid
from innkeeper.core.inventory import Inventory
from innkeeper.core.moment import to_us
from innkeeper.core.picture import (
    InventoryPicture,
    NamePicture,
    Picture,
    UsagePicture,
    WorkloadPicture,
)
from innkeeper.core.provider import Provider
from innkeeper.core.request_group import CandidateRequest, RequestGroup
from innkeeper.core.request_spec import RequestSpec
from innkeeper.core.server_group import ServerGroup
from innkeeper.index.index import Index
from innkeeper.replay.openb import GPU_MILLI, OPENB, Node, model_trait
from innkeeper.scheduler.claimer import Placed
from innkeeper.scheduler.select import Scheduler
from innkeeper.scheduler.settings import SchedulerSettings
from tests.provider_pictures import ProviderPicture, table

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Cluster:
    """An index, and the amounts that were claimed: what a store would know."""

    def __init__(self) -> None:
        self.index = Index()
        self.used: dict[tuple[int, str], int] = {}
        self.capacity: dict[tuple[int, str], int] = {}
        self.workloads: dict[str, dict[str, int]] = {}
        self.groups: dict[str, ServerGroup] = {}
        self.of_instance: dict[str, HostName] = {}
        self._last_id = 0

    def add_host(
        self,
        name: str,
        inventories: dict[str, int],
        *,
        devices: Sequence[tuple[str, int, str]] = (),
        host: Host | None = None,
    ) -> Host:
        """Add a host with a flat root, and a child per device: (class, total, trait or "")."""
        root = self._provider(name, parent=None)
        host = host or Host(HostName(name), CellName("c1"), root.uuid)
        pictures = [self._picture(root, inventories)]
        for number, (resource_class, total, trait) in enumerate(devices):
            child = self._provider(f"{name}-{number}", parent=root)
            pictures.append(self._picture(child, {resource_class: total}, trait))
        traits = {name: NamePicture(name, NOW) for p in pictures for name in p.traits}
        self.index.apply(
            Picture(
                resource_classes=self._names(
                    {i.inventory.resource_class for p in pictures for i in p.inventories}
                ),
                traits=tuple((self.index.known_traits | traits).values()),
                providers=table(pictures),
                hosts=(
                    Host(
                        **{f: getattr(host, f) for f in host.__struct_fields__}
                        | {"rp_uuid": root.uuid}
                    ),
                ),
            )
        )
        return host

    def _names(self, more: set[str]) -> tuple[NamePicture, ...]:
        known = self.index.resource_classes
        return (*known.values(), *(NamePicture(n, NOW) for n in sorted(more - set(known))))

    def add_node(self, node: Node) -> None:
        """Add a node of the OpenB trace."""
        trait = model_trait(node.model) if node.model else ""
        self.add_host(
            node.name,
            {OPENB.cpu: node.cpu_milli, "MEMORY_MB": node.memory_mb},
            devices=[(OPENB.gpu, GPU_MILLI, trait)] * node.gpus,
        )

    def add_group(self, group: ServerGroup) -> None:
        self.groups[group.uuid] = group
        self.index.apply(Picture(groups=(group,)))

    def use(self, host: str, resource_class: str, amounts: Sequence[int]) -> None:
        """Set what is used of a class: by device if the host has such, else of its root."""
        position = self.index.hosts.position(host)
        assert position is not None
        tree = self.index.tree(self.index.hosts.root[position])
        rows = [
            row
            for row in tree
            if any(
                i.inventory.resource_class == resource_class for i in self.index.inventories(row)
            )
        ]
        for row, amount in zip(rows, amounts, strict=True):
            self._set_used({(self.index.provider(row).id, resource_class): amount})

    def claim(self, placed: Sequence[Placed], spec: RequestSpec) -> None:
        """Claim all or nothing, as the store would. Raises ClaimLost."""
        taken: dict[tuple[int, str], int] = {}
        for position, each in enumerate(placed):
            for allocation in each.selections[0].allocations:
                key = (allocation.rp_id, allocation.resource_class)
                taken[key] = taken.get(key, self.used.get(key, 0)) + allocation.amount
                if taken[key] > self.capacity[key]:
                    raise ClaimLost(position, CapacityExceeded(f"{key} is full"))
        self._set_used(taken)
        for each in placed:
            host = each.selections[0].host
            self.of_instance[each.instance] = host
            if spec.workload:
                counts = self.workloads.setdefault(host, {})
                counts[spec.workload] = counts.get(spec.workload, 0) + 1
                self.index.apply(
                    Picture(workloads=(WorkloadPicture(host, tuple(sorted(counts.items()))),))
                )
            if spec.group is not None:
                self._join(spec.group, host)

    def _join(self, uuid_: str, host: HostName) -> None:
        group = self.groups[uuid_]
        members = dict(group.members)
        members[host] = members.get(host, 0) + 1
        fields = {f: getattr(group, f) for f in group.__struct_fields__}
        self.add_group(ServerGroup(**fields | {"members": tuple(members.items())}))

    def _set_used(self, amounts: dict[tuple[int, str], int]) -> None:
        self.used.update(amounts)
        by_provider: dict[int, list[tuple[str, int]]] = {}
        for (rp_id, resource_class), amount in amounts.items():
            by_provider.setdefault(rp_id, []).append((resource_class, amount))
        self.index.apply(
            Picture(
                usages=tuple(
                    UsagePicture(RpId(rp_id), 1, to_us(NOW), tuple(used))
                    for rp_id, used in by_provider.items()
                )
            )
        )

    def _provider(self, name: str, parent: Provider | None) -> Provider:
        self._last_id += 1
        rp_id = RpId(self._last_id)
        return Provider(
            id=rp_id,
            uuid=RpUuid(str(uuid.UUID(int=rp_id))),
            name=name,
            generation=0,
            root_id=rp_id if parent is None else parent.id,
            parent_id=None if parent is None else parent.id,
            updated_at=NOW,
        )

    def _picture(
        self, provider: Provider, inventories: dict[str, int], trait: str = ""
    ) -> ProviderPicture:
        self.capacity |= {(provider.id, name): total for name, total in inventories.items()}
        return ProviderPicture(
            provider,
            tuple(InventoryPicture(Inventory(n, t), 0) for n, t in sorted(inventories.items())),
            (trait,) if trait else (),
        )


class ClusterClaimer:
    """Claims in the cluster's own books, after as many turns of the loop as wanted."""

    def __init__(self, cluster: Cluster, spec: RequestSpec, *, turns: int = 0) -> None:
        self.cluster, self.spec, self.turns = cluster, spec, turns
        self.tries = 0

    async def __call__(self, placed: Sequence[Placed], *, settle: Callable[[], None]) -> None:
        self.tries += 1
        for _ in range(self.turns):
            await asyncio.sleep(0)
        settle()
        self.cluster.claim(placed, self.spec)


def scheduler(cluster: Cluster, *, seed: int = 1, **settings: object) -> Scheduler:
    return Scheduler(
        cluster.index,
        settings=msgspec.structs.replace(SchedulerSettings(), **settings),
        random=Random(seed),
    )


def flat_request(**amounts: int) -> CandidateRequest:
    return CandidateRequest(groups=(RequestGroup(resources=tuple(sorted(amounts.items()))),))


def instances(count: int, *, first: int = 0) -> list[InstanceUuid]:
    return [InstanceUuid(f"i{number}") for number in range(first, first + count)]


SPEC = RequestSpec(flat_request(VCPU=2))


def cluster_of(*cpus: int, cells: str = "") -> Cluster:
    """Give hosts h0, h1, ... with so many VCPUs; ``cells`` has one letter per host."""
    cluster = Cluster()
    for number, cpu in enumerate(cpus):
        cell = CellName(cells[number] if cells else "c")
        name = HostName(f"h{number}")
        cluster.add_host(name, {"VCPU": cpu}, host=Host(name, cell, RpUuid("")))
    return cluster


async def place(
    cluster: Cluster,
    spec: RequestSpec = SPEC,
    *,
    count: int = 1,
    alternates: int = 0,
    which: Scheduler | None = None,
    claimer: ClusterClaimer | None = None,
) -> tuple[Placed, ...]:
    which = which or scheduler(cluster)
    return await which.select_destinations(
        spec,
        instances(count),
        alternates=alternates,
        claimer=claimer or ClusterClaimer(cluster, spec),
    )


def hosts_of(placed: Placed) -> list[str]:
    return [selection.host for selection in placed.selections]


class Refusing(ClusterClaimer):
    """Refuses the first claims on the hosts named, each with its conflict."""

    def __init__(self, cluster: Cluster, spec: RequestSpec, *, refuse: dict[str, Conflict]) -> None:
        super().__init__(cluster, spec)
        self.refuse = dict(refuse)

    async def __call__(self, placed: Sequence[Placed], *, settle: Callable[[], None]) -> None:
        for position, each in enumerate(placed):
            conflict = self.refuse.pop(each.selections[0].host, None)
            if conflict is not None:
                self.tries += 1
                settle()
                raise ClaimLost(position, conflict)
        await super().__call__(placed, settle=settle)
