import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from innkeeper.compute.drivers.port import Guest
from innkeeper.compute.drivers.simulated import Behaviour, SimulatedDriver
from innkeeper.compute.refusals import Refusal, Refusals
from innkeeper.core.errors import BuildFailed, SetupError
from innkeeper.core.ids import HostName, InstanceUuid
from tests.sim.virtual import VirtualLoop, run

A, B = HostName("a"), HostName("b")


def guest(number: int, host: HostName = A) -> Guest:
    return Guest(host, InstanceUuid(f"i{number}"), 1)


def outcomes(driver: SimulatedDriver, numbers: range) -> list[tuple[bool, float]]:
    async def main(loop: VirtualLoop) -> list[tuple[bool, float]]:
        seen = []
        for number in numbers:
            begun = loop.time()
            try:
                await driver.build(guest(number))
                built = True
            except BuildFailed:
                built = False
            seen.append((built, round(loop.time() - begun, 6)))
        return seen

    return run(main)


def test_a_seed_gives_the_same_builds_in_any_order() -> None:
    behaviour = Behaviour(build_s=2.0, build_sigma=0.5, failure_rate=0.3)
    one = outcomes(SimulatedDriver(behaviour, seed=1), range(40))
    other = outcomes(SimulatedDriver(behaviour, seed=1), range(39, -1, -1))
    assert one == other[::-1]
    assert one != outcomes(SimulatedDriver(behaviour, seed=2), range(40))
    assert {built for built, _ in one} == {True, False}
    assert len({took for _, took in one}) > 30


def test_a_host_may_differ_from_the_others() -> None:
    driver = SimulatedDriver(Behaviour(), seed=1, of_host={A: Behaviour(failure_rate=1.0)})

    async def main(_loop: VirtualLoop) -> None:
        with pytest.raises(BuildFailed):
            await driver.build(guest(1, A))
        await driver.build(guest(1, B))

    run(main)
    assert driver.guests(A) == ()
    assert driver.guests(B) == (guest(1, B),)


def test_guests_are_there_after_the_process_was_killed(tmp_path: Path) -> None:
    journal = tmp_path / "guests"
    program = f"""
import asyncio, os, pathlib, signal
from innkeeper.compute.drivers.port import Guest
from innkeeper.compute.drivers.simulated import Behaviour, SimulatedDriver

async def main():
    driver = SimulatedDriver(Behaviour(), seed=1, journal=pathlib.Path({str(journal)!r}))
    for number in range(3):
        await driver.build(Guest("a", f"i{{number}}", 1))
    await driver.destroy("a", "i1")
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""
    killed = subprocess.run([sys.executable, "-c", program], check=False)
    assert killed.returncode == -signal.SIGKILL
    with journal.open("ab") as file:
        os.write(file.fileno(), b'{"type":"made","guest":{"host":"a","inst')
    for _ in range(2):
        driver = SimulatedDriver(Behaviour(), seed=1, journal=journal)
        assert set(driver.guests(A)) == {guest(0), guest(2)}
        driver.close()


def test_refusals_outlive_the_process_and_only_ever_rise(tmp_path: Path) -> None:
    path = tmp_path / "refusals"
    refusals = Refusals(path)
    refusals.refuse(Refusal(A, InstanceUuid("i"), 2, "destroyed"))
    refusals.refuse(Refusal(A, InstanceUuid("i"), 1, "late"))
    refusals.close()
    again = Refusals(path)
    assert again.reason(A, InstanceUuid("i"), attempt=2) == "destroyed"
    assert again.reason(A, InstanceUuid("i"), attempt=3) is None
    assert again.reason(B, InstanceUuid("i"), attempt=1) is None
    again.close()


def test_what_is_no_journal_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "refusals"
    path.write_text("not a journal\n")
    with pytest.raises(SetupError):
        Refusals(path)
    with pytest.raises(SetupError):
        Refusals(tmp_path / "missing" / "refusals")
