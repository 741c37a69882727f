"""A cell never calls up: it has no way to, and what it has refuses."""

import ast
import inspect
from pathlib import Path
from typing import cast, get_type_hints

import pytest

import innkeeper.conductor.cell as cell_module
from innkeeper.bus.cell import CellBus
from innkeeper.bus.memory import MemoryBus
from innkeeper.conductor.agents import BuildTally
from innkeeper.conductor.cell import CellConductor
from innkeeper.conductor.cell_store import CellStore
from innkeeper.conductor.settings import ConductorSettings
from innkeeper.core.build import Active, Building, Record
from innkeeper.core.errors import OutsideCell
from innkeeper.core.ids import CellName, HostName, InstanceUuid, RpUuid
from innkeeper.core.instance import Instance
from innkeeper.core.selection import Selection
from innkeeper.store.open_store import OpenStore

A, B = CellName("a"), CellName("b")
NO_STORE = cast("OpenStore", None)
"""What is refused never gets as far as the store."""

FORBIDDEN = ("api", "auth", "index", "placement", "scheduler", "web")


class _Instance:
    """As much of an instance as CellStore looks at before it refuses."""

    def __init__(self, cell: CellName) -> None:
        self.uuid = InstanceUuid("i")
        self.cell = cell


def instance(cell: CellName) -> Instance:
    return cast("Instance", _Instance(cell))


def test_all_that_a_conductor_is_given_is_its_cell() -> None:
    hints = get_type_hints(CellConductor.__init__)
    assert hints == {
        "store": CellStore,
        "bus": CellBus,
        "owner": str,
        "settings": ConductorSettings,
        # What it counts goes out; nothing comes back.
        "tally": BuildTally,
        "return": type(None),
    }


@pytest.mark.parametrize("name", ["cell", "drive", "agents", "cell_store", "recording"])
def test_what_a_cell_is_made_of_knows_nothing_above_it(name: str) -> None:
    folder = Path(inspect.getfile(cell_module)).parent
    tree = ast.parse((folder / f"{name}.py").read_text("utf-8"))
    imported = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert [m for m in imported if m.split(".")[1:2] and m.split(".")[1] in FORBIDDEN] == []
    assert "innkeeper.conductor.api" not in imported


def test_store_and_bus_must_be_of_one_cell() -> None:
    with pytest.raises(OutsideCell):
        CellConductor(
            CellStore(NO_STORE, A),
            CellBus(MemoryBus(), B),
            owner="x",
            settings=ConductorSettings(),
        )


async def test_an_instance_of_another_cell_is_refused() -> None:
    store = CellStore(NO_STORE, A)
    with pytest.raises(OutsideCell):
        await store.record(instance(B), Record(Active(HostName("h"), 1), "keep"))


async def test_a_place_in_another_cell_is_refused() -> None:
    store = CellStore(NO_STORE, A)
    away = Building(Selection(HostName("h"), B, RpUuid("r"), ()), attempt=2)
    with pytest.raises(OutsideCell):
        await store.record(instance(A), Record(away, "move"))
