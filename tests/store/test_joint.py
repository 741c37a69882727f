"""Claims that are run together come out as they would one after the other."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from random import Random

import pytest
from sqlalchemy import select

from innkeeper.conductor.create import Creation, Wanted
from innkeeper.core.allocation import Allocation
from innkeeper.core.claim import Claim
from innkeeper.core.decision import Decision
from innkeeper.core.errors import (
    CapacityExceeded,
    ClaimLost,
    ConcurrentUpdate,
    DuplicateName,
    GroupPolicyViolation,
    NoInventory,
    UnitViolation,
)
from innkeeper.core.ids import CellName, HostName, InstanceUuid
from innkeeper.core.inventory import Inventory
from innkeeper.core.request_group import CandidateRequest
from innkeeper.core.request_spec import RequestSpec
from innkeeper.core.selection import Selection
from innkeeper.core.server_group import ServerGroup
from innkeeper.scheduler.claimer import Placed
from innkeeper.store import claims, groups
from innkeeper.store.audit import audit
from innkeeper.store.claims import Claiming, ConsumerWrite, Replacement
from innkeeper.store.tables import changes, inventories, resource_providers
from tests.store.conftest import World, allocations


def taking(*wanted: Claim) -> Replacement:
    """Give a request of consumers that are new."""
    return Replacement(tuple(ConsumerWrite(of.consumer, of.allocations, None) for of in wanted))


async def outcomes(world: World, ops: Sequence[Replacement]) -> list[type[object]]:
    """Send all at once; give the kinds of what came of them."""
    results = await asyncio.gather(*(world.store.write(op) for op in ops), return_exceptions=True)
    return [type(result) for result in results]


async def foreseen(
    world: World, ops: Sequence[Replacement] | Sequence[Claiming] | Sequence[Creation]
) -> list[tuple[type[object], str]]:
    """Give the kinds and words of what is foreseen of requests."""
    found = await world.store.write(lambda txn: type(ops[0]).foresee(txn, ops))
    return [(type(each), "" if each is None else str(each)) for each in found]


async def state(world: World, provider: Allocation) -> tuple[int, list[int]]:
    """Give a provider's generation, and what is used of its inventories."""
    generation = select(resource_providers.c.generation).where(
        resource_providers.c.id == provider.rp_id
    )
    used = (
        select(inventories.c.used)
        .where(inventories.c.rp_id == provider.rp_id)
        .order_by(inventories.c.rc_id)
    )
    assert (await world.store.read(audit)).clean
    return await world.store.read(
        lambda conn: (conn.execute(generation).scalar_one(), list(conn.scalars(used)))
    )


async def test_all_that_wait_are_one_transaction_and_each_raises_generations(world: World) -> None:
    host = await world.provider(Inventory("VCPU", 100), Inventory("MEMORY_MB", 1000))
    before = await world.store.read(lambda conn: len(conn.execute(select(changes)).all()))
    ops = [taking(world.claim((host, "VCPU", 1), (host, "MEMORY_MB", 10))) for _ in range(19)]
    # One request of two consumers raises the generation once.
    ops.append(taking(world.claim((host, "VCPU", 1)), world.claim((host, "VCPU", 2))))
    assert await outcomes(world, ops) == [type(None)] * 20
    assert await state(world, host) == (20, [22, 190])
    after = await world.store.read(lambda conn: len(conn.execute(select(changes)).all()))
    assert after == before + 1
    (usage,) = world.pictures[-1].usages
    assert (usage.generation, dict(usage.used)) == (20, {"VCPU": 22, "MEMORY_MB": 190})


async def test_each_that_fails_is_found_and_told_why(world: World) -> None:
    host = await world.provider(Inventory("VCPU", 100, step_size=2), Inventory("MEMORY_MB", 50))
    known = world.claim((host, "VCPU", 2))
    await world.store.write(taking(known))
    good = [taking(world.claim((host, "VCPU", 2), (host, "MEMORY_MB", 5))) for _ in range(9)]
    twice = world.claim((host, "VCPU", 2))
    ops = [
        *good[:4],
        taking(world.claim((host, "VCPU", 3))),
        taking(known),
        *good[4:],
        taking(world.claim((host, "DISK_GB", 1))),
        taking(world.claim((host, "VCPU", 98))),
        taking(twice),
        taking(twice),
    ]
    none = type(None)
    assert await outcomes(world, ops) == [
        *([none] * 4),
        UnitViolation,
        ConcurrentUpdate,
        *([none] * 5),
        NoInventory,
        CapacityExceeded,
        none,
        ConcurrentUpdate,
    ]
    assert await state(world, host) == (11, [22, 45])


async def test_what_schedulers_chose_is_one_transaction_and_a_claim_that_is_lost_is_named(
    world: World,
) -> None:
    host = await world.provider(Inventory("VCPU", 20))
    known = world.claim((host, "VCPU", 1))
    await world.store.write(Claiming([known]))
    before = await world.store.read(lambda conn: len(conn.execute(select(changes)).all()))
    ops = [Claiming([world.claim((host, "VCPU", 1)) for _ in range(2)]) for _ in range(5)]
    assert await outcomes(world, ops) == [type(None)] * 5
    after = await world.store.read(lambda conn: len(conn.execute(select(changes)).all()))
    assert after == before + 1

    def one() -> Claim:
        return world.claim((host, "VCPU", 1))

    found = await asyncio.gather(
        world.store.write(Claiming([one(), world.claim((host, "VCPU", 30)), one()])),
        world.store.write(Claiming([one()])),
        world.store.write(Claiming([one(), one(), known])),
        return_exceptions=True,
    )
    too_large, fits, again = found
    assert isinstance(too_large, ClaimLost)
    assert (too_large.position, type(too_large.cause)) == (1, CapacityExceeded)
    assert fits is None
    assert isinstance(again, ClaimLost)
    assert (again.position, type(again.cause)) == (2, DuplicateName)
    assert await state(world, host) == (12, [12])


async def test_those_that_came_first_get_what_there_is(world: World) -> None:
    host = await world.provider(Inventory("VCPU", 5))
    ops = [taking(world.claim((host, "VCPU", 1))) for _ in range(11)]
    expected = [type(None)] * 5 + [CapacityExceeded] * 6
    assert await outcomes(world, ops) == expected
    assert await state(world, host) == (5, [5])


async def test_what_others_give_back_is_there_for_those_that_take(world: World) -> None:
    host = await world.provider(Inventory("VCPU", 2))
    first = world.claim((host, "VCPU", 2))
    await world.store.write(taking(first))
    took, freed = await asyncio.gather(
        world.store.write(taking(world.claim((host, "VCPU", 2)))),
        world.store.write(lambda txn: claims.release(txn, first.consumer.uuid)),
    )
    assert (took, freed) == (None, True)
    assert await state(world, host) == (2, [2])


async def test_two_cannot_change_places_on_full_hosts(world: World) -> None:
    hosts = [await world.provider(Inventory("VCPU", 2)) for _ in range(2)]
    held = [world.claim((host, "VCPU", 2)) for host in hosts]
    await outcomes(world, [taking(of) for of in held])
    ops = [
        Replacement((ConsumerWrite(of.consumer, other.allocations, 1),))
        for of, other in zip(held, reversed(held), strict=True)
    ]
    assert await outcomes(world, ops) == [CapacityExceeded] * 2
    assert [await state(world, host) for host in hosts] == [(1, [2]), (1, [2])]


async def test_a_refusal_names_the_inventory_that_refused(world: World) -> None:
    host = await world.provider(
        Inventory("VCPU", 10), Inventory("MEMORY_MB", 100), Inventory("DISK_GB", 10)
    )
    await world.store.write(taking(world.claim((host, "DISK_GB", 5))))
    # Of the others more than half is asked for: once taken, it would not fit a second time.
    wanted = world.claim((host, "VCPU", 6), (host, "MEMORY_MB", 60), (host, "DISK_GB", 6))
    with pytest.raises(CapacityExceeded, match=r"'DISK_GB' .* 6 is asked for, 5 of 10 are used"):
        await world.store.write(taking(wanted))
    assert await state(world, host) == (1, [0, 0, 5])


@pytest.mark.parametrize("seed", range(12))
async def test_requests_that_are_run_together_fare_as_one_after_the_other(
    world: World, seed: int
) -> None:
    random = Random(seed)
    left = {name: random.randint(4, 20) for name in ("VCPU", "MEMORY_MB")}
    host = await world.provider(*(Inventory(name, total) for name, total in left.items()))

    def one() -> Claim:
        names = random.sample(sorted(left), random.randint(1, 2))
        return world.claim(*((host, name, random.randint(1, 4)) for name in names))

    kind = taking if seed % 2 else lambda *wanted: Claiming(wanted)
    requests = [[one() for _ in range(random.choice((1, 1, 1, 3)))] for _ in range(16)]
    expected: list[bool] = []
    for request in requests:
        asked = Counter[str]()
        for each in request:
            asked.update({of.resource_class: of.amount for of in each.allocations})
        expected.append(all(amount <= left[name] for name, amount in asked.items()))
        if expected[-1]:
            left = {name: amount - asked[name] for name, amount in left.items()}
    assert not all(expected)
    ops = [kind(*request) for request in requests]
    said = await foreseen(world, ops)
    results = await asyncio.gather(*(world.store.write(op) for op in ops), return_exceptions=True)
    assert said == [(type(each), "" if each is None else str(each)) for each in results]
    assert [result is None for result in results] == expected
    refused = [result for result in results if result is not None]
    assert {type(each) for each in refused} <= {CapacityExceeded, ClaimLost}
    _, used = await state(world, host)
    assert sum(used) == sum(
        of.amount
        for request, fits in zip(requests, expected, strict=True)
        if fits
        for each in request
        for of in each.allocations
    )


async def test_who_is_known_is_told_so_though_there_is_no_room_either(world: World) -> None:
    host = await world.provider(Inventory("VCPU", 2))
    known = world.claim((host, "VCPU", 2))
    await world.store.write(taking(known))
    new = world.claim((host, "VCPU", 1))
    asked = [taking(new), taking(known), taking(known)]
    expected = [CapacityExceeded, ConcurrentUpdate, ConcurrentUpdate]
    assert [kind for kind, _ in await foreseen(world, asked)] == expected
    assert await outcomes(world, asked) == expected
    lost = await asyncio.gather(
        *(world.store.write(Claiming([each])) for each in (known, new)), return_exceptions=True
    )
    assert [type(each.cause) for each in lost if isinstance(each, ClaimLost)] == [
        DuplicateName,
        CapacityExceeded,
    ]
    assert await state(world, host) == (1, [2])


async def test_of_a_group_nothing_is_foreseen_and_its_policy_is_named_first(world: World) -> None:
    group = ServerGroup(world.uuid(), "apart", "anti-affinity")
    await world.store.write(lambda txn: groups.add_group(txn, group))
    host = await world.provider(Inventory("VCPU", 2))
    await world.store.write(Claiming([world.claim((host, "VCPU", 2), group=group.uuid)]))
    ops = [
        Claiming([world.claim((host, "VCPU", 1), group=group.uuid)]),
        Claiming([world.claim((host, "VCPU", 1))]),
    ]
    none, no_room = await foreseen(world, ops)
    assert (none[0], no_room[0]) == (type(None), ClaimLost)
    lost = await asyncio.gather(*(world.store.write(op) for op in ops), return_exceptions=True)
    assert [type(each.cause) for each in lost if isinstance(each, ClaimLost)] == [
        GroupPolicyViolation,
        CapacityExceeded,
    ]


async def test_a_consumer_that_takes_nothing_is_not_there_afterwards(world: World) -> None:
    host = await world.provider(Inventory("VCPU", 2))
    nothing = Claiming([world.claim()])
    ops = [nothing, nothing, Claiming([world.claim((host, "VCPU", 3))])]
    found = [kind for kind, _ in await foreseen(world, ops)]
    assert found == [type(None), type(None), ClaimLost]


async def test_instances_that_lose_their_place_are_foreseen_and_the_others_are_created(
    world: World,
) -> None:
    host = await world.provider(Inventory("VCPU", 3))

    def creation(*amounts: int) -> Creation:
        placed = [
            Placed(
                InstanceUuid(world.uuid()),
                (
                    Selection(
                        HostName("h"),
                        CellName("a"),
                        host.rp_uuid,
                        allocations([(host, "VCPU", amount)]),
                    ),
                ),
                Decision("spread", 1),
            )
            for amount in amounts
        ]
        spec = RequestSpec(CandidateRequest(()))
        return Creation(Wanted(spec, {each.instance: "n" for each in placed}, False), placed)

    ops = [creation(1), creation(1, 5), creation(2), creation(1)]
    found = [kind for kind, _ in await foreseen(world, ops)]
    assert found == [type(None), ClaimLost, type(None), ClaimLost]
    results = await asyncio.gather(*(world.store.write(op) for op in ops), return_exceptions=True)
    lost = [each.position for each in results if isinstance(each, ClaimLost)]
    assert ([type(each) for each in results], lost) == (
        [tuple, ClaimLost, tuple, ClaimLost],
        [1, 0],
    )
    assert await state(world, host) == (2, [3])


async def test_who_is_named_twice_is_known_the_second_time(world: World) -> None:
    host = await world.provider(Inventory("VCPU", 4))
    one, large = world.claim((host, "VCPU", 1)), world.claim((host, "VCPU", 5))
    requests = [taking(one), taking(one), taking(large, large), taking(large)]
    found = [kind for kind, _ in await foreseen(world, requests)]
    # What comes of the third depends on what its first makes of its second.
    assert found == [type(None), ConcurrentUpdate, type(None), CapacityExceeded]
    expected = [type(None), ConcurrentUpdate, CapacityExceeded, CapacityExceeded]
    assert await outcomes(world, requests) == expected
    assert await state(world, host) == (1, [1])
