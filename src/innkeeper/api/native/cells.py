"""Cells: which there are, whether they take instances, and whether they are up."""

from datetime import datetime

import msgspec

from innkeeper.api.native.call import Answer, Call
from innkeeper.api.native.links import Link
from innkeeper.api.native.service import Service
from innkeeper.api.native.versions import ROOT
from innkeeper.core.errors import NotFound
from innkeeper.core.ids import CellName
from innkeeper.store.cells import SeenCell, all_cells


class CellView(msgspec.Struct, frozen=True):
    """A cell as it is shown."""

    name: str
    enabled: bool
    """Whether it takes new instances."""
    up: bool
    """Whether a conductor of it was heard of lately."""
    seen_at: datetime
    hosts: int
    links: tuple[Link, ...]


class CellShown(msgspec.Struct, frozen=True):
    """One cell."""

    cell: CellView


class CellList(msgspec.Struct, frozen=True):
    """Every cell, by name: there are few."""

    cells: tuple[CellView, ...]
    links: tuple[Link, ...] = ()


async def list_cells(service: Service, _call: Call) -> Answer:
    """Give every cell."""
    found = await service.store.read(all_cells)
    return Answer(CellList(tuple(_view(seen, service) for seen in found)))


async def show_cell(service: Service, call: Call) -> Answer:
    """Give one cell. Raises NotFound."""
    return await _shown(service, call.path["name"])


async def enable_cell(service: Service, call: Call) -> Answer:
    """Let a cell take new instances. Raises NotFound."""
    return await _set(service, call, enabled=True)


async def disable_cell(service: Service, call: Call) -> Answer:
    """Give a cell no new instances; it serves those that it has. Raises NotFound."""
    return await _set(service, call, enabled=False)


async def _set(service: Service, call: Call, *, enabled: bool) -> Answer:
    name = CellName(call.path["name"])
    await service.watch.set_enabled(name, enabled=enabled)
    return await _shown(service, name)


async def _shown(service: Service, name: str) -> Answer:
    for seen in await service.store.read(all_cells):
        if seen.cell.name == name:
            return Answer(CellShown(_view(seen, service)))
    raise NotFound(f"There is no cell '{name}'.")


def _view(seen: SeenCell, service: Service) -> CellView:
    hosts = service.index.hosts
    number = hosts.cell_number(seen.cell.name)
    return CellView(
        name=seen.cell.name,
        enabled=seen.cell.enabled,
        up=seen.cell.up,
        seen_at=seen.seen_at,
        hosts=int((hosts.alive & (hosts.cell == number)).sum()),
        links=(
            Link("self", f"{ROOT}/cells/{seen.cell.name}"),
            Link("hosts", f"{ROOT}/hosts?cell={seen.cell.name}"),
        ),
    )
