"""Whatever goes wrong, and in whatever order: when it stops, everything comes to rest."""

import asyncio
from pathlib import Path
from random import Random

import pytest

from innkeeper.core.errors import CellDown, Conflict, NotFound
from innkeeper.core.ids import InstanceUuid
from innkeeper.store import tasks
from tests.sim.faults import NO_FAULTS, Faults
from tests.sim.truths import assert_at_rest, listed
from tests.sim.virtual import VirtualLoop, run
from tests.sim.world import CELLS, CONDUCTORS_PER_CELL, SPEC, World, running

CHAOS_S = 240.0
REST_S = 3600.0
"""Far longer than any backoff or lease: what has not come to rest by then never will."""


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_all_comes_to_rest_after_chaos(tmp_path: Path, seed: int) -> None:
    run(lambda loop: chaos(loop, tmp_path, seed))


@pytest.mark.soak
def test_chaos_without_end(tmp_path: Path, soak_seconds: float) -> None:
    real = asyncio.SelectorEventLoop()
    until = real.time() + soak_seconds
    seed = 1_000
    while real.time() < until:
        folder = tmp_path / str(seed)
        folder.mkdir()
        run(lambda loop, at=folder, number=seed: chaos(loop, at, number))
        seed += 1
    real.close()


async def chaos(loop: VirtualLoop, folder: Path, seed: int) -> None:
    async with running(loop, folder, seed) as world:
        world.set_faults(faults_of(Random(seed)))
        troubles = [
            *(conductors_crash(world, number) for number in range(CONDUCTORS_PER_CELL)),
            agents_crash(world),
        ]
        clients = [one_client(world, number) for number in range(4)]
        await asyncio.gather(*troubles, *clients)
        world.set_faults(NO_FAULTS)
        await rest(world)
        await assert_at_rest(world)
        assert len(await listed(world)) > 0


def faults_of(random: Random) -> Faults:
    return Faults(
        lost=random.choice([0.0, 0.05, 0.3]),
        repeated=random.choice([0.0, 0.1, 0.4]),
        late_s=random.choice([1.0, 60.0]),
        stalled=random.choice([0.0, 0.02, 0.1]),
        stall_s=random.choice([5.0, 40.0]),
    )


async def conductors_crash(world: World, number: int) -> None:
    while world.loop.time() < CHAOS_S:
        await world.sleep_upto(40.0)
        cell = world.random.choice(CELLS)
        if (cell, number) in world.conductors:
            await world.crash_conductor(cell, number)
            await world.sleep_upto(30.0)
            await world.start_conductor(cell, number)


async def agents_crash(world: World) -> None:
    while world.loop.time() < CHAOS_S:
        await world.sleep_upto(60.0)
        cell = world.random.choice(CELLS)
        await world.crash_agent(cell)
        await world.sleep_upto(20.0)
        await world.start_agent(cell)


async def one_client(world: World, number: int) -> None:
    mine: list[InstanceUuid] = []
    while world.loop.time() < CHAOS_S:
        await world.sleep_upto(8.0)
        if mine and world.random.random() < 0.4:
            victim = mine.pop(world.random.randrange(len(mine)))
            try:
                await world.api.delete_instance(victim)
            except CellDown:
                mine.append(victim)
            except (Conflict, NotFound) as error:
                raise AssertionError(error) from error
        else:
            names = [f"{number}-{part}" for part in range(world.random.choice([1, 1, 3]))]
            made = await world.api.create_instances(SPEC, names, alternates=3)
            mine += [instance.uuid for instance in made]


async def rest(world: World) -> None:
    until = world.loop.time() + REST_S
    while world.loop.time() < until:
        if not await world.store.read(tasks.waiting):
            # Messages that are still on their way must not undo it.
            await asyncio.sleep(100.0)
            return
        await asyncio.sleep(1.0)
