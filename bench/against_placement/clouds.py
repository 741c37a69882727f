"""Clouds to measure with: trees of providers, made as they are asked for.

The two that Placement's own performance jobs use are rebuilt here from what
openstack/placement's gate/perfload-runner.sh, gate/gabbits/nested-perfload.yaml and
cdent/placeload (all Apache-2.0) say of them; the wide tree is that of Launchpad bug 2126751.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

import msgspec

from bench.against_placement.requests import numbered_uuid
from innkeeper.core.inventory import Inventory

PERFLOAD_AGGREGATES: Final[tuple[str, ...]] = (
    "14a5c8a3-5a99-4e8f-88be-00d85fcb1c17",
    "66d98e7c-3c25-485d-a0dc-1cea651884de",
    "a59dbb28-fd98-4c6e-9ec5-ae5f3d04b0aa",
)
PERFLOAD_TRAITS: Final[tuple[str, ...]] = ("HW_CPU_X86_AVX2", "HW_CPU_X86_SSE2", "STORAGE_DISK_SSD")
FLAT: Final = (
    Inventory("DISK_GB", 40_000),
    Inventory("MEMORY_MB", 1_048_576),
    Inventory("VCPU", 256, allocation_ratio=16.0),
)
"""Hosts so large that thousands of claims leave the cloud as it is."""


class Node(msgspec.Struct, frozen=True):
    """One provider. Ids count from 1 in each cloud; a parent comes before its children."""

    id: int
    root: int
    parent: int | None = None
    inventories: tuple[Inventory, ...] = ()
    traits: tuple[str, ...] = ()
    aggregates: tuple[str, ...] = ()

    @property
    def uuid(self) -> str:
        """Its uuid, which says its id."""
        return uuid_of(self.id)


class Cloud(msgspec.Struct, frozen=True):
    """A cloud: how many trees of how many providers each, and what makes a tree."""

    name: str
    title: str
    trees: int
    tree_size: int
    make: Callable[[int, int], Iterable[Node]]
    """Takes a tree's position and the id of its root."""
    consumers: int = 0
    """How many hold something of its roots from the start."""

    def nodes(self) -> Iterator[Node]:
        """Give all providers."""
        for position in range(self.trees):
            yield from self.make(position, 1 + position * self.tree_size)

    @property
    def providers(self) -> int:
        """How many there are."""
        return self.trees * self.tree_size

    def roots(self, most: int) -> list[str]:
        """Give the uuids of up to ``most`` roots, from all over the cloud."""
        step = max(1, self.trees // most)
        return [uuid_of(1 + at * self.tree_size) for at in range(0, self.trees, step)][:most]


def uuid_of(node_id: int) -> str:
    """Give the uuid of a provider."""
    return numbered_uuid(node_id, of=0xB)


def flat(hosts: int, *, consumers: int = 0) -> Cloud:
    """Give hosts of one provider and three classes."""
    return Cloud(f"flat-{hosts}", f"{hosts:,} flat hosts", hosts, 1, _one_provider(FLAT), consumers)


def small(hosts: int) -> Cloud:
    """Give hosts that are full after a few claims, so that many claims are lost to others."""
    make = _one_provider((*FLAT[:-1], Inventory("VCPU", 16)))
    return Cloud(f"small-{hosts}", f"{hosts:,} hosts of 16 VCPUs", hosts, 1, make)


def _one_provider(inventories: tuple[Inventory, ...]) -> Callable[[int, int], Iterable[Node]]:
    def make(_position: int, root: int) -> Iterable[Node]:
        yield Node(root, root, inventories=inventories)

    return make


def nested(trees: int) -> Cloud:
    """Give hosts with two NUMA nodes, and two network functions below each."""
    numa = (Inventory("MEMORY_MB", 131_072), Inventory("VCPU", 32))

    def make(_position: int, root: int) -> Iterable[Node]:
        yield Node(root, root, inventories=(Inventory("DISK_GB", 4_000),))
        for node in (root + 1, root + 4):
            yield Node(node, root, root, numa, ("HW_NUMA_ROOT",))
            for function in (node + 1, node + 2):
                yield Node(function, root, node, (Inventory("SRIOV_NET_VF", 8),))

    return Cloud(f"nested-{trees}", f"{trees:,} trees of 7", trees, 7, make)


def gpus(hosts: int, each: int) -> Cloud:
    """Give hosts with GPUs as children, of one unit each."""
    host = (Inventory("MEMORY_MB", 1_048_576), Inventory("VCPU", 256))

    def make(_position: int, root: int) -> Iterable[Node]:
        yield Node(root, root, inventories=host)
        for at in range(1, each + 1):
            yield Node(root + at, root, root, (Inventory("PGPU", 1),))

    return Cloud(f"gpu-{hosts}x{each}", f"{hosts:,} hosts with {each} GPUs", hosts, each + 1, make)


def perfload_flat() -> Cloud:
    """Give the thousand providers of Placement's own perfload job."""
    inventories = (
        Inventory("DISK_GB", 8192, min_unit=5, max_unit=8192),
        Inventory("MEMORY_MB", 8192, min_unit=128, max_unit=8192),
        Inventory("VCPU", 32, max_unit=16),
    )

    def make(position: int, root: int) -> Iterable[Node]:
        first = slice(position % 3 + 1)
        yield Node(
            root,
            root,
            inventories=inventories,
            traits=PERFLOAD_TRAITS[first],
            aggregates=PERFLOAD_AGGREGATES[first],
        )

    return Cloud("perfload", "Placement's perfload, 1,000 flat", 1_000, 1, make)


def perfload_nested() -> Cloud:
    """Give the thousand trees of seven of Placement's own nested perfload job."""
    first = (
        Inventory("MEMORY_MB", 2048, min_unit=512, step_size=256),
        Inventory("VCPU", 4, reserved=2),
    )
    second = (Inventory("MEMORY_MB", 2048, min_unit=256, max_unit=1024), Inventory("VCPU", 4))
    fpga = (Inventory("FPGA", 1),)

    def make(_position: int, root: int) -> Iterable[Node]:
        disk = (Inventory("DISK_GB", 20_480),)
        yield Node(root, root, None, disk, ("COMPUTE_VOLUME_MULTI_ATTACH",))
        yield Node(root + 1, root, root, first, ("HW_NUMA_ROOT",))
        yield Node(root + 2, root, root + 1, fpga)
        yield Node(root + 3, root, root + 1, (Inventory("VGPU", 8),))
        yield Node(root + 4, root, root, second, ("HW_NUMA_ROOT", "CUSTOM_FOO"))
        yield Node(root + 5, root, root + 4, fpga)
        yield Node(root + 6, root, root + 4, fpga)

    return Cloud("perfload-nested", "Placement's nested perfload, 1,000 trees", 1_000, 7, make)


def wide(children: int) -> Cloud:
    """Give one root with many equal children."""

    def make(_position: int, root: int) -> Iterable[Node]:
        yield Node(root, root)
        for at in range(1, children + 1):
            yield Node(root + at, root, root, (Inventory("PGPU", 1),))

    return Cloud(f"wide-{children}", f"one tree of {children:,} devices", 1, children + 1, make)
