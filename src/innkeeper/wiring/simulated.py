"""Simulated hosts: what `innkeeper up` has to offer when nobody brings hosts of his own."""

import uuid
from collections.abc import Iterator
from typing import Final

from innkeeper.config import Config, SimulationSettings
from innkeeper.core.ids import CellName, HostName, RpUuid
from innkeeper.core.inventory import Inventory
from innkeeper.core.report import HostReport, ProviderReport

_NAMESPACE: Final = uuid.UUID("1c1a1d5a-6a3a-5c60-8f0e-7d5d0f0b1e5f")
"""Of the uuids of simulated providers: the same name is the same provider, each time."""


def provider_uuid(name: str) -> RpUuid:
    """Give the uuid of the simulated provider of that name."""
    return RpUuid(str(uuid.uuid5(_NAMESPACE, name)))


def simulated_hosts(config: Config) -> dict[CellName, tuple[HostReport, ...]]:
    """Give the hosts of each cell: as many as configured, shared out in turn."""
    cells = [CellName(name) for name in config.cells.names]
    hosts: dict[CellName, list[HostReport]] = {cell: [] for cell in cells}
    for number in range(config.simulation.hosts):
        cell = cells[number % len(cells)]
        hosts[cell].append(_host(f"{cell}-host-{number // len(cells) + 1:04}", config.simulation))
    return {cell: tuple(reports) for cell, reports in hosts.items()}


def _host(name: str, simulation: SimulationSettings) -> HostReport:
    root = ProviderReport(
        uuid=provider_uuid(name),
        name=name,
        inventories=tuple(_inventories(simulation)),
        traits=("HW_CPU_X86_AVX2", "COMPUTE_VOLUME_MULTI_ATTACH"),
    )
    gpus = tuple(
        ProviderReport(
            uuid=provider_uuid(f"{name}_gpu{number}"),
            name=f"{name}_gpu{number}",
            inventories=(Inventory("PGPU", 1, max_unit=1),),
            parent=root.uuid,
        )
        for number in range(simulation.gpus)
    )
    return HostReport(HostName(name), (root, *gpus))


def _inventories(simulation: SimulationSettings) -> Iterator[Inventory]:
    amounts = (
        ("VCPU", simulation.vcpus),
        ("MEMORY_MB", simulation.memory_mb),
        ("DISK_GB", simulation.disk_gb),
    )
    for name, total in amounts:
        if total:
            yield Inventory(name, total, max_unit=total)
