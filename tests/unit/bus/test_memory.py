import asyncio

import pytest

from innkeeper.bus.cell import CellBus, conductor_subject, host_subject
from innkeeper.bus.memory import MemoryBus
from innkeeper.core.errors import BusError, NoResponders, OutsideCell, RequestTimeout
from innkeeper.core.ids import CellName, HostName
from tests.sim.virtual import VirtualLoop, run


async def echo(payload: bytes) -> bytes:
    return payload + b"!"


async def silence(_payload: bytes) -> None:
    await asyncio.sleep(100.0)


def test_a_request_is_answered() -> None:
    async def main(_loop: VirtualLoop) -> None:
        bus = MemoryBus()
        await bus.subscribe("s", echo)
        assert await bus.request("s", b"hello", timeout_s=1.0) == b"hello!"
        await bus.close()

    run(main)


def test_nobody_listens_is_known_at_once() -> None:
    async def main(loop: VirtualLoop) -> None:
        bus = MemoryBus()
        subscription = await bus.subscribe("s", echo)
        await subscription.cancel()
        await subscription.cancel()
        with pytest.raises(NoResponders):
            await bus.request("s", b"", timeout_s=1.0)
        assert loop.time() == 0.0
        await bus.publish("s", b"")

    run(main)


def test_the_deadline_ends_the_wait_but_not_the_handling() -> None:
    done = []

    async def slow(payload: bytes) -> bytes:
        await asyncio.sleep(10.0)
        done.append(payload)
        return payload

    async def main(loop: VirtualLoop) -> None:
        bus = MemoryBus()
        await bus.subscribe("s", slow)
        with pytest.raises(RequestTimeout):
            await bus.request("s", b"work", timeout_s=3.0)
        assert loop.time() == 3.0
        await asyncio.sleep(10.0)
        assert done == [b"work"]

    run(main)


def test_a_handler_that_fails_costs_its_message_only() -> None:
    async def broken(payload: bytes) -> bytes:
        if payload == b"bad":
            raise ValueError(payload)
        return payload

    async def main(_loop: VirtualLoop) -> None:
        bus = MemoryBus()
        await bus.subscribe("s", broken)
        with pytest.raises(RequestTimeout, match="has no answer"):
            await bus.request("s", b"bad", timeout_s=1.0)
        assert await bus.request("s", b"good", timeout_s=1.0) == b"good"

    run(main)


def test_all_hear_what_is_published_but_of_a_queue_one() -> None:
    heard: list[str] = []

    async def main(_loop: VirtualLoop) -> None:
        bus = MemoryBus()
        for name, queue in (("a", None), ("b", None), ("q1", "q"), ("q2", "q")):

            async def note(_payload: bytes, name: str = name) -> None:
                heard.append(name)

            await bus.subscribe("s", note, queue=queue)
        for _ in range(4):
            await bus.publish("s", b"")
        await asyncio.sleep(1.0)
        await bus.close()

    run(main)
    assert heard.count("a") == heard.count("b") == 4
    assert heard.count("q1") == heard.count("q2") == 2


def test_close_stops_what_is_being_handled() -> None:
    async def main(loop: VirtualLoop) -> None:
        bus = MemoryBus()
        await bus.subscribe("s", silence)
        await bus.publish("s", b"")
        await asyncio.sleep(1.0)
        await bus.close()
        assert loop.time() == 1.0
        with pytest.raises(BusError):
            await bus.publish("s", b"")

    run(main)


@pytest.mark.parametrize(
    "subject", ["cell.b.conductor", "cell.ab.conductor", "api", "cell.a", "", "cell.b.host.h"]
)
def test_a_cell_reaches_its_own_subjects_and_no_other(subject: str) -> None:
    async def main(_loop: VirtualLoop) -> None:
        bus = MemoryBus()
        await bus.subscribe(subject, echo)
        cell = CellBus(bus, CellName("a"))
        with pytest.raises(OutsideCell):
            await cell.publish(subject, b"")
        with pytest.raises(OutsideCell):
            await cell.request(subject, b"", timeout_s=1.0)
        with pytest.raises(OutsideCell):
            await cell.subscribe(subject, echo)
        for own in (conductor_subject(cell.cell), host_subject(cell.cell, HostName("h"))):
            await cell.subscribe(own, echo)
            assert await cell.request(own, b"x", timeout_s=1.0) == b"x!"
            await cell.publish(own, b"x")
        await bus.close()

    run(main)
