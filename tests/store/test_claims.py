"""Claims hold, or refuse with a precise error and change nothing."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import get_args

import msgspec
import pytest
from sqlalchemy import select

from innkeeper.core.allocation import Allocation
from innkeeper.core.errors import (
    CapacityExceeded,
    ConcurrentUpdate,
    GroupPolicyViolation,
    InnkeeperError,
    NoInventory,
    UnitViolation,
    UnknownName,
)
from innkeeper.core.ids import HostName
from innkeeper.core.inventory import Inventory
from innkeeper.core.server_group import GroupPolicy, ServerGroup
from innkeeper.store import claims, groups
from innkeeper.store.audit import audit
from innkeeper.store.claims import ConsumerWrite
from innkeeper.store.tables import allocations as allocation_rows
from innkeeper.store.tables import consumers, inventories, resource_providers
from tests.store.conftest import World, allocations


async def used(world: World, provider: Allocation) -> list[int]:
    query = (
        select(inventories.c.used)
        .where(inventories.c.rp_id == provider.rp_id)
        .order_by(inventories.c.rc_id)
    )
    return list(await world.store.read(lambda conn: conn.scalars(query).all()))


async def generation(world: World, provider: Allocation) -> int | None:
    query = select(resource_providers.c.generation).where(resource_providers.c.id == provider.rp_id)
    return await world.store.read(lambda conn: conn.scalar(query))


async def is_clean(world: World) -> bool:
    return (await world.store.read(audit)).clean


async def test_a_claim_holds_and_says_so(world: World) -> None:
    host = await world.provider(Inventory("VCPU", 4), Inventory("MEMORY_MB", 100))
    claim = world.claim((host, "VCPU", 3), (host, "MEMORY_MB", 50))
    await world.store.write(partial(claims.claim, wanted=claim))
    assert await used(world, host) == [3, 50]
    assert await generation(world, host) == 1
    (usage,) = world.pictures[-1].usages
    assert (usage.rp_id, usage.generation) == (host.rp_id, 1)
    assert dict(usage.used) == {"VCPU": 3, "MEMORY_MB": 50}


@pytest.mark.parametrize(
    ("resource_class", "amount", "error"),
    [
        ("VCPU", 7, CapacityExceeded),
        ("VCPU", 1, UnitViolation),
        ("VCPU", 3, UnitViolation),
        ("VCPU", 10, UnitViolation),
        ("DISK_GB", 1, NoInventory),
        ("CUSTOM_NONE", 1, UnknownName),
    ],
)
async def test_a_refused_claim_changes_nothing(
    world: World, resource_class: str, amount: int, error: type[InnkeeperError]
) -> None:
    inventory = Inventory("VCPU", 6, min_unit=2, max_unit=8, step_size=1 if amount == 7 else 2)
    host = await world.provider(inventory, Inventory("MEMORY_MB", 100))
    claim = world.claim((host, "MEMORY_MB", 50), (host, resource_class, amount))
    with pytest.raises(error):
        await world.store.write(partial(claims.claim, wanted=claim))
    assert await used(world, host) == [0, 0]
    assert await generation(world, host) == 0
    assert await world.store.read(lambda conn: conn.execute(select(consumers)).all()) == []


async def test_reserved_and_ratio_make_the_capacity(world: World) -> None:
    host = await world.provider(Inventory("VCPU", 10, reserved=3, allocation_ratio=1.5))
    await world.store.write(partial(claims.claim, wanted=world.claim((host, "VCPU", 10))))
    with pytest.raises(CapacityExceeded, match="10 of 10 are used"):
        await world.store.write(partial(claims.claim, wanted=world.claim((host, "VCPU", 1))))


async def test_parallel_claims_never_pass_capacity(world: World) -> None:
    host = await world.provider(Inventory("VCPU", 10))
    outcomes = await asyncio.gather(
        *(
            world.store.write(partial(claims.claim, wanted=world.claim((host, "VCPU", 3))))
            for _ in range(20)
        ),
        return_exceptions=True,
    )
    assert sum(outcome is None for outcome in outcomes) == 3
    assert sum(isinstance(outcome, CapacityExceeded) for outcome in outcomes) == 17
    assert await used(world, host) == [9]
    assert await is_clean(world)


async def test_a_release_gives_all_back_and_leaves_generations(world: World) -> None:
    host = await world.provider(Inventory("VCPU", 10))
    claim = world.claim((host, "VCPU", 3))
    await world.store.write(partial(claims.claim, wanted=claim))
    assert await world.store.write(lambda txn: claims.release(txn, claim.consumer.uuid))
    assert not await world.store.write(lambda txn: claims.release(txn, claim.consumer.uuid))
    assert await used(world, host) == [0]
    assert await generation(world, host) == 1
    assert await world.store.read(lambda conn: conn.execute(select(consumers)).all()) == []


async def test_a_move_swaps_atomically_or_not_at_all(world: World) -> None:
    source = await world.provider(Inventory("VCPU", 4))
    full = await world.provider(Inventory("VCPU", 2))
    target = await world.provider(Inventory("VCPU", 4))
    claim = world.claim((source, "VCPU", 4))
    await world.store.write(partial(claims.claim, wanted=claim))
    to_full = world.claim((full, "VCPU", 4))
    with pytest.raises(CapacityExceeded):
        await world.store.write(
            lambda txn: claims.move(
                txn, type(claim)(claim.consumer, claim.host, to_full.allocations)
            )
        )
    assert await used(world, source) == [4]
    to_target = world.claim((target, "VCPU", 4))
    await world.store.write(
        lambda txn: claims.move(txn, type(claim)(claim.consumer, claim.host, to_target.allocations))
    )
    assert [await used(world, rp) for rp in (source, full, target)] == [[0], [0], [4]]
    assert await is_clean(world)


async def test_what_one_consumer_gives_up_another_takes_in_the_same_write(world: World) -> None:
    host = await world.provider(Inventory("VCPU", 4))
    first, second = world.claim((host, "VCPU", 4)), world.claim((host, "VCPU", 4))
    await world.store.write(partial(claims.claim, wanted=first))
    writes = (ConsumerWrite(second.consumer, second.allocations), ConsumerWrite(first.consumer, ()))
    await world.store.write(lambda txn: claims.replace_all(txn, writes))
    assert await used(world, host) == [4]
    assert await generation(world, host) == 2
    uuids = await world.store.read(lambda conn: conn.scalars(select(consumers.c.uuid)).all())
    assert list(uuids) == [second.consumer.uuid]


async def test_lessening_an_overage_is_accepted(world: World) -> None:
    host = await world.provider(Inventory("VCPU", 10))
    claim = world.claim((host, "VCPU", 10))
    await world.store.write(partial(claims.claim, wanted=claim))
    await world.store.write(
        lambda txn: txn.conn.execute(inventories.update().values(total=4, capacity=4))
    )
    for amount, error in ((11, CapacityExceeded), (9, None)):
        write = partial(
            claims.replace,
            consumer=claim.consumer,
            wanted=allocations([(host, "VCPU", amount)]),
            expected_generation="any",
        )
        if error is None:
            await world.store.write(write)
        else:
            with pytest.raises(error):
                await world.store.write(write)
    assert await used(world, host) == [9]


@pytest.mark.parametrize("expected", [None, 1, 3])
async def test_a_consumer_generation_that_is_not_the_current_one(
    world: World, expected: int | None
) -> None:
    host = await world.provider(Inventory("VCPU", 10))
    claim = world.claim((host, "VCPU", 1))
    for _ in range(2):
        await world.store.write(
            lambda txn: claims.replace(
                txn, claim.consumer, claim.allocations, expected_generation="any"
            )
        )
    with pytest.raises(ConcurrentUpdate, match=r"expected 2 but got (None|\d)"):
        await world.store.write(
            lambda txn: claims.replace(
                txn, claim.consumer, claim.allocations, expected_generation=expected
            )
        )
    await world.store.write(
        lambda txn: claims.replace(txn, claim.consumer, claim.allocations, expected_generation=2)
    )


async def test_emptying_a_consumer_ends_it(world: World) -> None:
    host = await world.provider(Inventory("VCPU", 10))
    claim = world.claim((host, "VCPU", 1))
    await world.store.write(partial(claims.claim, wanted=claim))
    await world.store.write(
        lambda txn: claims.replace(txn, claim.consumer, (), expected_generation=1)
    )
    assert await generation(world, host) == 2
    left = await world.store.read(lambda conn: conn.execute(select(allocation_rows)).all())
    assert left == []
    assert await is_clean(world)


async def add_group(world: World, policy: GroupPolicy, most: int = 1) -> str:
    group = ServerGroup(world.uuid(), "g", policy, max_server_per_host=most)
    await world.store.write(lambda txn: groups.add_group(txn, group))
    return group.uuid


@pytest.mark.parametrize(("most", "won"), [(1, 1), (2, 2)])
async def test_anti_affinity_holds_under_parallel_claims(world: World, most: int, won: int) -> None:
    host = await world.provider(Inventory("VCPU", 100))
    group = await add_group(world, "anti-affinity", most)
    outcomes = await asyncio.gather(
        *(
            world.store.write(
                partial(claims.claim, wanted=world.claim((host, "VCPU", 1), group=group))
            )
            for _ in range(8)
        ),
        return_exceptions=True,
    )
    assert sum(outcome is None for outcome in outcomes) == won
    assert sum(isinstance(outcome, GroupPolicyViolation) for outcome in outcomes) == 8 - won
    assert world.pictures[-1].groups[0].members == (("h", won),)
    assert await is_clean(world)


async def test_affinity_holds_until_the_last_member_leaves(world: World) -> None:
    host = await world.provider(Inventory("VCPU", 100))
    group = await add_group(world, "affinity")
    first = world.claim((host, "VCPU", 1), group=group, host="h1")
    other = world.claim((host, "VCPU", 1), group=group, host="h2")
    await world.store.write(partial(claims.claim, wanted=first))
    with pytest.raises(GroupPolicyViolation):
        await world.store.write(partial(claims.claim, wanted=other))
    await world.store.write(lambda txn: claims.release(txn, first.consumer.uuid))
    await world.store.write(partial(claims.claim, wanted=other))
    assert world.pictures[-1].groups[0].members == (("h2", 1),)
    assert await is_clean(world)


def joined(group: ServerGroup, hosts: Sequence[int]) -> ServerGroup | None:
    """Give the group with a new member on each host, one after the other; None: not all may."""
    for host in hosts:
        name = HostName(f"h{host}")
        if not group.admits(name):
            return None
        counts = Counter(dict(group.members)) + Counter([name])
        group = msgspec.structs.replace(group, members=tuple(sorted(counts.items())))
    return group


HOSTS_OF_MEMBERS = [(1, 2, 3), (2, 2), (1, 2), (1, 1), (1, 1, 1), (2, 2, 3, 3), (2, 2, 2)]


@pytest.mark.parametrize("policy", get_args(GroupPolicy))
async def test_members_that_come_together_are_admitted_as_one_after_the_other(
    world: World, policy: GroupPolicy
) -> None:
    provider = await world.provider(Inventory("VCPU", 1000))
    for hosts in HOSTS_OF_MEMBERS:
        other = await add_group(world, policy, 2)
        uuid = await add_group(world, policy, 2)
        first = world.claim((provider, "VCPU", 1), group=uuid, host="h1")
        await world.store.write(partial(claims.claim, wanted=first))
        group = world.pictures[-1].groups[0]
        expected = joined(group, hosts)
        new = [
            world.claim((provider, "VCPU", 1), group=of, host=f"h{host}")
            for of, host in [(other, 1), *((uuid, host) for host in hosts)]
        ]
        if expected is None:
            with pytest.raises(GroupPolicyViolation):
                await world.store.write(partial(claims.claim_all, wanted=new))
        else:
            await world.store.write(partial(claims.claim_all, wanted=new))
        (found,) = await world.store.read(partial(groups.group_pictures, uuids=[uuid]))
        assert found == (expected or group), hosts
    assert await is_clean(world)


async def test_a_consumer_that_is_emptied_leaves_its_group(world: World) -> None:
    host = await world.provider(Inventory("VCPU", 100))
    group = await add_group(world, "anti-affinity")
    first, second = (world.claim((host, "VCPU", 1), group=group) for _ in range(2))
    await world.store.write(partial(claims.claim, wanted=first))
    await world.store.write(
        partial(claims.replace, consumer=first.consumer, wanted=(), expected_generation=1)
    )
    await world.store.write(partial(claims.claim, wanted=second))
    assert world.pictures[-1].groups[0].members == (("h", 1),)
    assert await is_clean(world)


async def test_groups_are_read_by_any_number_of_names(world: World) -> None:
    """More than a statement may have bound values."""
    group = await add_group(world, "affinity")
    names = [group, *(f"none {number}" for number in range(70_000))]
    found = await world.store.read(lambda conn: groups.group_pictures(conn, names))
    assert [each.uuid for each in found] == [group]


async def test_a_member_of_a_group_that_is_gone_can_move(world: World) -> None:
    host = await world.provider(Inventory("VCPU", 100))
    group = await add_group(world, "anti-affinity")
    member = world.claim((host, "VCPU", 1), group=group)
    await world.store.write(partial(claims.claim, wanted=member))
    await world.store.write(lambda txn: groups.remove_group(txn, group))
    elsewhere = msgspec.structs.replace(member, host=HostName("h2"))
    await world.store.write(partial(claims.move, wanted=elsewhere))
    assert await is_clean(world)
