"""A cell lets go of all that it has opened, whatever becomes of its stop."""

from pathlib import Path
from typing import cast

import pytest

from innkeeper.bus.memory import MemoryBus
from innkeeper.config import Config
from innkeeper.core.errors import Unavailable
from innkeeper.core.ids import CellName
from innkeeper.obs.tallies import Tallies
from innkeeper.store.open_store import OpenStore
from innkeeper.wiring.local_cell import LocalCell


class Gone:
    """A store that is away."""

    async def write(self, _op: object) -> None:
        raise Unavailable("The database is away.")


def opened_in(folder: Path) -> list[Path]:
    """Give the files of ``folder`` that this process has open."""
    opened = (each.resolve() for each in Path("/proc/self/fd").iterdir())
    return [each for each in opened if each.parent == folder]


async def test_a_stop_that_fails_closes_the_journals(tmp_path: Path) -> None:
    cell = LocalCell(
        CellName("a"),
        (),
        config=Config(data_dir=str(tmp_path)),
        store=cast("OpenStore", Gone()),
        bus=MemoryBus(),
        tallies=Tallies(),
    )
    with pytest.raises(Unavailable):
        await cell.stop()
    assert opened_in(tmp_path) == []
