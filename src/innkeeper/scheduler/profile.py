"""Profiles: a name for the filters, weighers and device chooser that decide together."""

from collections.abc import Mapping
from random import Random

import msgspec
import numpy as np

from innkeeper.core.cell import Cell
from innkeeper.core.ids import CellName
from innkeeper.core.server_group import ServerGroup
from innkeeper.scheduler.devices import BestFitDevice, DeviceChooser, RandomDevice
from innkeeper.scheduler.filters.availability_zone import AvailabilityZoneFilter
from innkeeper.scheduler.filters.base import Filter
from innkeeper.scheduler.filters.cell import CellFilter
from innkeeper.scheduler.filters.compute import ComputeFilter
from innkeeper.scheduler.filters.different_host import DifferentHostFilter
from innkeeper.scheduler.filters.ignore_hosts import IgnoreHostsFilter
from innkeeper.scheduler.filters.requested_host import RequestedHostFilter
from innkeeper.scheduler.filters.same_host import SameHostFilter
from innkeeper.scheduler.filters.server_group_affinity import ServerGroupAffinityFilter
from innkeeper.scheduler.filters.server_group_anti_affinity import ServerGroupAntiAffinityFilter
from innkeeper.scheduler.group_picks import GroupPicks
from innkeeper.scheduler.settings import SchedulerSettings
from innkeeper.scheduler.weighers.base import Weigher, Weighted
from innkeeper.scheduler.weighers.best_fit import BestFitWeigher
from innkeeper.scheduler.weighers.chance import RandomWeigher
from innkeeper.scheduler.weighers.cpu import CpuWeigher
from innkeeper.scheduler.weighers.disk import DiskWeigher
from innkeeper.scheduler.weighers.dot_product import DotProductWeigher
from innkeeper.scheduler.weighers.fgd import FgdWeigher
from innkeeper.scheduler.weighers.gpu_clustering import GpuClusteringWeigher
from innkeeper.scheduler.weighers.gpu_packing import GpuPackingWeigher
from innkeeper.scheduler.weighers.ram import RamWeigher
from innkeeper.scheduler.weighers.soft_affinity import ServerGroupSoftAffinityWeigher
from innkeeper.scheduler.weighers.soft_anti_affinity import ServerGroupSoftAntiAffinityWeigher


class Profile(msgspec.Struct, frozen=True):
    """What decides for a request that names it."""

    name: str
    filters: tuple[Filter, ...]
    weighers: tuple[Weighted, ...]
    devices: DeviceChooser


def built_in_filters(
    cells: Mapping[CellName, Cell], groups: Mapping[str, ServerGroup], picks: GroupPicks
) -> tuple[Filter, ...]:
    """Give the filters of every built-in profile; those that remove most come first.

    ``groups`` is the index's mapping of server groups.
    """
    return (
        ComputeFilter(),
        CellFilter(cells),
        AvailabilityZoneFilter(),
        RequestedHostFilter(),
        IgnoreHostsFilter(),
        SameHostFilter(),
        DifferentHostFilter(),
        ServerGroupAffinityFilter(groups, picks),
        ServerGroupAntiAffinityFilter(groups, picks),
    )


def built_in_profiles(
    settings: SchedulerSettings,
    filters: tuple[Filter, ...],
    *,
    groups: Mapping[str, ServerGroup],
    picks: GroupPicks,
    random: Random,
) -> dict[str, Profile]:
    """Give the built-in profiles by name. ``groups`` is the index's mapping of server groups.

    The GPU policies use raw whole numbers as published; ``spread`` and ``stack`` bring each
    weigher to 0..1 first, as Nova does.
    """
    classes, norm = settings.gpu, settings.gpu_norm
    fgd = FgdWeigher(classes, settings.typical)
    chance = RandomWeigher(np.random.default_rng(random.getrandbits(64)))
    soft = (
        Weighted(ServerGroupSoftAffinityWeigher(groups, picks), settings.soft_affinity_multiplier),
        Weighted(
            ServerGroupSoftAntiAffinityWeigher(groups, picks),
            settings.soft_anti_affinity_multiplier,
        ),
    )
    best_fit = BestFitDevice()
    profiles = (
        Profile("spread", filters, _by_free(settings, 1.0) + soft, best_fit),
        Profile("stack", filters, _by_free(settings, -1.0) + soft, best_fit),
        Profile("random", filters, (_raw(chance),), RandomDevice(random)),
        Profile("dot-product", filters, (_raw(DotProductWeigher(classes, norm)),), best_fit),
        Profile("gpu-clustering", filters, (_raw(GpuClusteringWeigher(classes, norm)),), best_fit),
        Profile("gpu-packing", filters, (_raw(GpuPackingWeigher(classes)),), best_fit),
        Profile(
            "best-fit",
            filters,
            (Weighted(BestFitWeigher(classes, norm), 1.0, "percent"),),
            best_fit,
        ),
        Profile("fgd", filters, (_raw(fgd),), fgd),
    )
    return {profile.name: profile for profile in profiles}


def _by_free(settings: SchedulerSettings, sign: float) -> tuple[Weighted, ...]:
    return (
        Weighted(RamWeigher(), sign * settings.ram_multiplier),
        Weighted(CpuWeigher(), sign * settings.cpu_multiplier),
        Weighted(DiskWeigher(), sign * settings.disk_multiplier),
    )


def _raw(weigher: Weigher) -> Weighted:
    return Weighted(weigher, 1.0, "raw")
