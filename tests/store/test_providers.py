"""Providers, their inventories, traits and aggregates: what is written, and what is refused."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import msgspec
import pytest

from innkeeper.core import errors
from innkeeper.core.ids import AggregateUuid, RpUuid
from innkeeper.core.inventory import Inventory
from innkeeper.core.moment import to_us
from innkeeper.core.picture import StockPicture
from innkeeper.index.index import Index
from innkeeper.store import (
    aggregates,
    claims,
    consumers,
    inventories,
    providers,
    reshape,
    resource_classes,
    traits,
    usages,
)
from innkeeper.store.claims import ConsumerWrite
from innkeeper.store.providers import NewProvider, ProviderChange
from innkeeper.store.reshape import InventoryWrite
from innkeeper.store.txn import Txn
from tests.provider_pictures import ProviderPicture, listed
from tests.store.conftest import World
from tests.store.sharing import everything, loaded

T = TypeVar("T")

A = RpUuid("aaaaaaaa-0000-4000-8000-000000000001")
B = RpUuid("aaaaaaaa-0000-4000-8000-000000000002")
C = RpUuid("aaaaaaaa-0000-4000-8000-000000000003")
ABSENT = RpUuid("aaaaaaaa-0000-4000-8000-00000000000f")


async def write(world: World, op: Callable[[Txn], T]) -> T:
    return await world.store.write(op)


async def make(world: World, uuid: RpUuid, parent: RpUuid | None = None) -> None:
    new = NewProvider(uuid, f"name of {uuid}", parent)
    await write(world, lambda txn: providers.create(txn, new))


async def picture(world: World, uuid: RpUuid) -> ProviderPicture:
    loaded = world.store.load()
    return next(each for each in listed(loaded.providers) if each.provider.uuid == uuid)


async def generation(world: World, uuid: RpUuid) -> int:
    return (await picture(world, uuid)).provider.generation


async def root(world: World, uuid: RpUuid) -> RpUuid:
    by_id = {each.provider.id: each.provider for each in listed(world.store.load().providers)}
    return by_id[(await picture(world, uuid)).provider.root_id].uuid


# --- providers ------------------------------------------------------------------------------


async def test_a_new_provider_is_its_own_root(world: World) -> None:
    await make(world, A)
    provider = (await picture(world, A)).provider
    assert (provider.generation, provider.root_id, provider.parent_id) == (0, provider.id, None)
    assert listed(world.pictures[-1].providers)[0].provider == provider


async def test_a_child_has_the_root_of_its_parent(world: World) -> None:
    await make(world, A)
    await make(world, B, A)
    await make(world, C, B)
    assert await root(world, C) == A


@pytest.mark.parametrize(
    ("new", "error", "words"),
    [
        (NewProvider(A, "new"), errors.DuplicateName, "uuid: aaaa"),
        (NewProvider(B, f"name of {A}"), errors.DuplicateName, "name: name of"),
        (NewProvider(A, f"name of {A}"), errors.DuplicateName, "uuid: aaaa.*, name: name of"),
        (NewProvider(B, "new", ABSENT), errors.InvalidInput, "does not exist"),
        (NewProvider(B, "new", B), errors.InvalidInput, "cannot be same"),
    ],
)
async def test_a_provider_that_cannot_be_made(
    world: World, new: NewProvider, error: type[Exception], words: str
) -> None:
    await make(world, A)
    with pytest.raises(error, match=words):
        await write(world, lambda txn: providers.create(txn, new))
    assert len(world.store.load().providers.ids) == 1


async def test_a_subtree_moves_as_a_whole_and_keeps_its_generations(world: World) -> None:
    await make(world, A)
    await make(world, B)
    await make(world, C, B)
    moved = ProviderChange("b", A)
    await write(world, lambda txn: providers.change(txn, B, moved))
    assert [await root(world, uuid) for uuid in (A, B, C)] == [A, A, A]
    assert {each.provider.uuid for each in listed(world.pictures[-1].providers)} == {B, C}
    alone = ProviderChange("b", None)
    await write(world, lambda txn: providers.change(txn, B, alone))
    assert [await root(world, uuid) for uuid in (A, B, C)] == [A, B, B]
    assert [await generation(world, uuid) for uuid in (A, B, C)] == [0, 0, 0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (ProviderChange("b", C), "loop"),
        (ProviderChange("b", B), "loop"),
        (ProviderChange("b", ABSENT), "does not exist"),
        (ProviderChange("b", None, may_leave_parent=False), "un-parenting"),
        (ProviderChange("b", C, may_leave_parent=False), "re-parenting"),
    ],
)
async def test_a_move_that_is_refused(world: World, change: ProviderChange, words: str) -> None:
    await make(world, A)
    await make(world, B, A)
    await make(world, C, B)
    with pytest.raises(errors.InvalidInput, match=words):
        await write(world, lambda txn: providers.change(txn, B, change))
    assert (await picture(world, B)).provider.name == f"name of {B}"


async def test_whoever_shows_a_change_was_changed_and_nobody_else(world: World) -> None:
    await make(world, A)
    await make(world, B)
    await make(world, C, B)

    async def changed_by(wanted: ProviderChange) -> set[RpUuid]:
        before = {
            each.provider.uuid: each.provider for each in listed(world.store.load().providers)
        }
        await write(world, lambda txn: providers.change(txn, B, wanted))
        after = [each.provider for each in listed(world.store.load().providers)]
        return {each.uuid for each in after if each.updated_at > before[each.uuid].updated_at}

    assert await changed_by(ProviderChange(f"name of {B}", None)) == set()
    assert await changed_by(ProviderChange("b")) == {B}
    assert await changed_by(ProviderChange("b", A)) == {B, C}, "these have another root"


async def test_a_parent_that_cannot_be_is_told_before_a_name_that_is_taken(world: World) -> None:
    await make(world, A)
    await make(world, B)
    change = ProviderChange(f"name of {A}", ABSENT)
    with pytest.raises(errors.InvalidInput, match="does not exist"):
        await write(world, lambda txn: providers.change(txn, B, change))


async def test_a_name_that_is_taken(world: World) -> None:
    await make(world, A)
    await make(world, B)
    taken = ProviderChange(f"name of {A}")
    with pytest.raises(errors.DuplicateName):
        await write(world, lambda txn: providers.change(txn, B, taken))
    same = ProviderChange(f"name of {B}", msgspec.UNSET)
    await write(world, lambda txn: providers.change(txn, B, same))


async def test_only_a_leaf_without_allocations_is_deleted(world: World) -> None:
    host = await world.provider(Inventory("VCPU", 4))
    child = await world.provider(parent=host.rp_id)
    claim = world.claim((host, "VCPU", 1))
    await write(world, lambda txn: claims.claim(txn, claim))
    with pytest.raises(errors.CannotDeleteParent):
        await write(world, lambda txn: providers.remove(txn, host.rp_uuid))
    await write(world, lambda txn: providers.remove(txn, child.rp_uuid))
    assert world.pictures[-1].removed == (child.rp_id,)
    with pytest.raises(errors.ProviderInUse):
        await write(world, lambda txn: providers.remove(txn, host.rp_uuid))
    await write(world, lambda txn: claims.release(txn, claim.consumer.uuid))
    await write(world, lambda txn: providers.remove(txn, host.rp_uuid))
    with pytest.raises(errors.NotFound):
        await write(world, lambda txn: providers.remove(txn, host.rp_uuid))


# --- inventories ----------------------------------------------------------------------------


async def test_inventories_are_replaced_and_use_stays(world: World) -> None:
    host = await world.provider(Inventory("VCPU", 4), Inventory("DISK_GB", 10))
    claim = world.claim((host, "VCPU", 3))
    await write(world, lambda txn: claims.claim(txn, claim))
    wanted = [Inventory("VCPU", 2, allocation_ratio=1.5), Inventory("MEMORY_MB", 64)]
    raised = await write(
        world, lambda txn: inventories.set_all(txn, host.rp_uuid, wanted, seen_generation=1)
    )
    found = (await picture(world, host.rp_uuid)).inventories
    assert raised == await generation(world, host.rp_uuid) == 2
    assert {each.inventory for each in found} == set(wanted)
    assert {each.inventory.resource_class: each.used for each in found} == {
        "VCPU": 3,
        "MEMORY_MB": 0,
    }


async def test_inventories_that_stay_the_same_raise_the_generation_alone(world: World) -> None:
    same = [Inventory("VCPU", 4, allocation_ratio=16.1), Inventory("DISK_GB", 10, reserved=2)]
    host = await world.provider(*same)
    claim = world.claim((host, "VCPU", 3))
    await write(world, lambda txn: claims.claim(txn, claim))
    before = await picture(world, host.rp_uuid)

    def leave(txn: Txn) -> int:
        return inventories.change_amounts(txn, host.rp_id, (), seen_generation=1)

    raised = await write(world, leave)
    after = await picture(world, host.rp_uuid)
    assert raised == after.provider.generation == 2
    assert after.provider.updated_at > before.provider.updated_at
    assert after.inventories == before.inventories
    told = world.pictures[-1]
    assert (told.providers.ids, told.usages) == ((), ())
    assert told.stocks == (StockPicture(host.rp_id, 2, to_us(after.provider.updated_at), ()),)
    with pytest.raises(errors.ConcurrentUpdate):
        await write(world, leave)


async def test_other_amounts_are_written_and_told_without_the_rest_of_the_provider(
    world: World,
) -> None:
    host = await world.provider(Inventory("VCPU", 4), Inventory("DISK_GB", 10, reserved=2))
    claim = world.claim((host, "VCPU", 3))
    await write(world, lambda txn: claims.claim(txn, claim))
    other = Inventory("VCPU", 2, 1, 2, 9, 3, 0.7)

    def change(txn: Txn) -> int:
        return inventories.change_amounts(txn, host.rp_id, [other], seen_generation=1)

    raised = await write(world, change)
    after = await picture(world, host.rp_uuid)
    assert raised == after.provider.generation == 2
    assert {(each.inventory, each.used) for each in after.inventories} == {
        (other, 3),
        (Inventory("DISK_GB", 10, reserved=2), 0),
    }
    told = world.pictures[-1]
    assert (told.providers.ids, told.usages) == ((), ())
    (stock,) = told.stocks
    assert stock == StockPicture(host.rp_id, 2, to_us(after.provider.updated_at), (other,))
    before = world.store.load()
    with pytest.raises(errors.ConcurrentUpdate):
        await write(world, change)
    assert world.store.load() == before


async def test_writes_of_one_provider_that_come_together_are_shown_as_they_came(
    world: World,
) -> None:
    host = await world.provider(Inventory("VCPU", 4), Inventory("DISK_GB", 10))
    change = partial(inventories.change_amounts, rp_id=host.rp_id)
    index = Index()
    index.apply(world.store.load())

    def fail(txn: Txn) -> None:
        change(txn, changed=[Inventory("VCPU", 100)], seen_generation=2)
        message = "fails"
        raise LookupError(message)

    outcomes = await asyncio.gather(
        *(
            world.store.write(op)
            for op in (
                partial(claims.claim, wanted=world.claim((host, "VCPU", 3))),
                partial(change, changed=[Inventory("VCPU", 8)], seen_generation=1),
                fail,
                partial(change, changed=(), seen_generation=2),
                partial(change, changed=[Inventory("VCPU", 200)], seen_generation=9),
                partial(change, changed=[Inventory("DISK_GB", 20)], seen_generation=3),
                partial(claims.claim, wanted=world.claim((host, "VCPU", 5))),
            )
        ),
        return_exceptions=True,
    )
    kinds = [each if isinstance(each, int) else type(each) for each in outcomes if each is not None]
    assert kinds == [2, LookupError, 3, errors.ConcurrentUpdate, 4]
    for told in world.pictures:
        index.apply(told)
    assert everything(index) == loaded(world.store)
    row = index.row(host.rp_uuid)
    assert row is not None
    assert index.provider(row).generation == 5
    assert {each.inventory.total: each.used for each in index.inventories(row)} == {8: 8, 20: 0}


async def test_amounts_of_a_class_that_is_not_there_are_refused(world: World) -> None:
    host = await world.provider(Inventory("VCPU", 4))
    before = world.store.load()
    for wanted, error in (("DISK_GB", errors.ConcurrentUpdate), ("NONE", errors.UnknownName)):

        def change(txn: Txn, wanted: str = wanted) -> int:
            more = [Inventory("VCPU", 5), Inventory(wanted, 1)]
            return inventories.change_amounts(txn, host.rp_id, more, seen_generation=0)

        with pytest.raises(error):
            await write(world, change)
    assert world.store.load() == before


async def test_nothing_may_stay_nothing(world: World) -> None:
    host = await world.provider()
    raised = await write(
        world, lambda txn: inventories.set_all(txn, host.rp_uuid, [], seen_generation=0)
    )
    assert raised == await generation(world, host.rp_uuid) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"total": 5},
        {"reserved": 1},
        {"min_unit": 2},
        {"max_unit": 3},
        {"step_size": 2},
        {"allocation_ratio": 1.1},
    ],
)
async def test_whatever_differs_is_written(world: World, change: dict[str, int | float]) -> None:
    host = await world.provider(Inventory("VCPU", 4), Inventory("DISK_GB", 10))
    other = msgspec.structs.replace(Inventory("VCPU", 4), **change)
    wanted = [other, Inventory("DISK_GB", 10)]
    raised = await write(
        world, lambda txn: inventories.set_all(txn, host.rp_uuid, wanted, seen_generation=0)
    )
    found = (await picture(world, host.rp_uuid)).inventories
    assert raised == await generation(world, host.rp_uuid) == 1
    assert {each.inventory for each in found} == set(wanted)


@pytest.mark.parametrize(
    ("wanted", "seen", "error"),
    [
        ([Inventory("DISK_GB", 1)], 1, errors.InventoryInUse),
        ([Inventory("VCPU", 4)], 0, errors.ConcurrentUpdate),
        ([Inventory("VCPU", 4)], 2**70, errors.ConcurrentUpdate),
        ([Inventory("VCPU", 4), Inventory("NONE", 1)], 1, errors.UnknownName),
    ],
)
async def test_inventories_that_are_refused_change_nothing(
    world: World, wanted: list[Inventory], seen: int, error: type[Exception]
) -> None:
    host = await world.provider(Inventory("VCPU", 4))
    claim = world.claim((host, "VCPU", 3))
    await write(world, lambda txn: claims.claim(txn, claim))
    before = world.store.load()
    with pytest.raises(error):
        await write(
            world, lambda txn: inventories.set_all(txn, host.rp_uuid, wanted, seen_generation=seen)
        )
    assert world.store.load() == before


async def test_single_inventories(world: World) -> None:
    await make(world, A)
    vcpu = Inventory("VCPU", 4)
    more = Inventory("VCPU", 8)
    with pytest.raises(errors.UnknownName):
        await write(world, lambda txn: inventories.change(txn, A, vcpu, seen_generation=0))
    assert await write(world, lambda txn: inventories.add(txn, A, vcpu)) == 1
    with pytest.raises(errors.ConcurrentUpdate, match="already"):
        await write(world, lambda txn: inventories.add(txn, A, vcpu))
    with pytest.raises(errors.ConcurrentUpdate):
        await write(world, lambda txn: inventories.change(txn, A, more, seen_generation=0))
    assert await write(world, lambda txn: inventories.change(txn, A, more, seen_generation=1)) == 2
    with pytest.raises(errors.NotFound):
        await write(world, lambda txn: inventories.remove(txn, A, "DISK_GB"))
    assert await write(world, lambda txn: inventories.remove(txn, A, "VCPU")) == 3
    assert (await picture(world, A)).inventories == ()


# --- traits, resource classes, aggregates ---------------------------------------------------


async def test_traits_raise_the_generation_only_if_they_change(world: World) -> None:
    await make(world, A)
    names = ["CUSTOM_X", "HW_CPU_X86_AVX"]
    assert await write(world, lambda txn: traits.create(txn, "CUSTOM_X"))
    assert not await write(world, lambda txn: traits.create(txn, "CUSTOM_X"))
    for seen, raised in ((0, 1), (1, 1)):
        assert raised == await write(
            world, lambda txn, s=seen: traits.set_of_provider(txn, A, names, seen_generation=s)
        )
    assert (await picture(world, A)).traits == tuple(names)
    with pytest.raises(errors.UnknownName, match="No such trait CUSTOM_Y, CUSTOM_Z"):
        await write(
            world,
            lambda txn: traits.set_of_provider(
                txn, A, ["CUSTOM_Y", "CUSTOM_X", "CUSTOM_Z"], seen_generation=1
            ),
        )


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("CUSTOM_X", errors.NameInUse),
        ("CUSTOM_NONE", errors.NotFound),
        ("HW_CPU_X86_AVX", errors.InvalidInput),
    ],
)
async def test_a_trait_that_cannot_be_deleted(
    world: World, name: str, error: type[Exception]
) -> None:
    await make(world, A)
    await write(world, lambda txn: traits.create(txn, "CUSTOM_X"))
    await write(
        world, lambda txn: traits.set_of_provider(txn, A, ["CUSTOM_X"], seen_generation=None)
    )
    with pytest.raises(error):
        await write(world, lambda txn: traits.remove(txn, name))


async def test_a_resource_class_is_made_used_renamed_and_deleted(world: World) -> None:
    await make(world, A)
    gold = Inventory("CUSTOM_GOLD", 1)
    assert await write(world, lambda txn: resource_classes.create(txn, "CUSTOM_GOLD"))
    assert not await write(world, lambda txn: resource_classes.create(txn, "CUSTOM_GOLD"))
    await write(world, lambda txn: inventories.add(txn, A, gold))
    with pytest.raises(errors.NameInUse):
        await write(world, lambda txn: resource_classes.remove(txn, "CUSTOM_GOLD"))
    await write(world, lambda txn: resource_classes.rename(txn, "CUSTOM_GOLD", "CUSTOM_AU"))
    (told,) = listed(world.pictures[-1].providers)
    assert told.inventories[0].inventory.resource_class == "CUSTOM_AU"
    await write(world, lambda txn: inventories.remove(txn, A, "CUSTOM_AU"))
    await write(world, lambda txn: resource_classes.remove(txn, "CUSTOM_AU"))
    names = {each.name for each in world.pictures[-1].resource_classes or ()}
    assert "VCPU" in names
    assert "CUSTOM_AU" not in names


@pytest.mark.parametrize(
    ("name", "new_name", "error"),
    [
        ("VCPU", "CUSTOM_A", errors.InvalidInput),
        ("CUSTOM_NONE", "CUSTOM_A", errors.NotFound),
        ("CUSTOM_GOLD", "VCPU", errors.DuplicateName),
    ],
)
async def test_a_class_that_cannot_be_renamed(
    world: World, name: str, new_name: str, error: type[Exception]
) -> None:
    await write(world, lambda txn: resource_classes.create(txn, "CUSTOM_GOLD"))
    with pytest.raises(error):
        await write(world, lambda txn: resource_classes.rename(txn, name, new_name))


async def test_aggregates_with_and_without_a_generation(world: World) -> None:
    await make(world, A)
    one, two = (AggregateUuid(str(uuid)) for uuid in (B, C))
    for uuids, seen, raised in (([one, two], 0, 1), ([two], None, 1), ([two], 1, 2)):
        assert raised == await write(
            world,
            lambda txn, u=uuids, s=seen: aggregates.set_of_provider(txn, A, u, seen_generation=s),
        )
    assert (await picture(world, A)).aggregates == (two,)
    with pytest.raises(errors.ConcurrentUpdate):
        await write(world, lambda txn: aggregates.set_of_provider(txn, A, [], seen_generation=1))


# --- who holds what -------------------------------------------------------------------------


async def test_what_consumers_hold_from_both_ends(world: World) -> None:
    host = await world.provider(Inventory("VCPU", 4), Inventory("DISK_GB", 10))
    claim = world.claim((host, "VCPU", 1), (host, "DISK_GB", 2))
    await write(world, lambda txn: claims.claim(txn, claim))
    uuid = claim.consumer.uuid
    held = await consumers.held_by(world.store, uuid)
    assert held is not None
    assert held.consumer == msgspec.structs.replace(claim.consumer, generation=1)
    assert set(held.allocations) == set(claim.allocations)
    assert held.generations == {host.rp_uuid: 1}
    provider, holders = await world.store.read(
        lambda conn: consumers.holders_of(conn, host.rp_uuid)
    )
    assert provider.generation == 1
    assert [(h.consumer_uuid, h.generation, h.used) for h in holders] == [
        (uuid, 1, {"VCPU": 1, "DISK_GB": 2})
    ]
    assert await consumers.held_by(world.store, ABSENT) is None
    with pytest.raises(errors.NotFound):
        await world.store.read(lambda conn: consumers.holders_of(conn, ABSENT))


async def test_usages_of_a_project_by_type_and_user(world: World) -> None:
    host = await world.provider(Inventory("VCPU", 9), Inventory("DISK_GB", 10))
    for kind, user in (("INSTANCE", "u"), ("INSTANCE", "v"), (None, "u")):
        claim = world.claim((host, "VCPU", 1), (host, "DISK_GB", 2))
        consumer = msgspec.structs.replace(claim.consumer, consumer_type=kind, user_id=user)
        wanted = ConsumerWrite(consumer, claim.allocations)
        await write(world, lambda txn, w=wanted: claims.replace_all(txn, [w]))

    async def used(user: str | None = None) -> dict[str | None, tuple[int, dict[str, int]]]:
        found = await usages.of_project(world.store, "project", user_id=user)
        return {each.consumer_type: (each.consumers, dict(each.used)) for each in found}

    one, two = (1, {"VCPU": 1, "DISK_GB": 2}), (2, {"VCPU": 2, "DISK_GB": 4})
    assert await used() == {"INSTANCE": two, None: one}
    assert await used("u") == {"INSTANCE": one, None: one}
    assert await used("nobody") == {}


# --- reshape --------------------------------------------------------------------------------


async def test_reshape_moves_inventory_and_allocations_at_once(world: World) -> None:
    host = await world.provider(Inventory("VCPU", 4), Inventory("DISK_GB", 10))
    child = await world.provider(parent=host.rp_id)
    claim = world.claim((host, "VCPU", 4), (host, "DISK_GB", 2))
    await write(world, lambda txn: claims.claim(txn, claim))
    moved = world.claim((child, "VCPU", 4), (host, "DISK_GB", 2))
    writes = [
        InventoryWrite(host.rp_uuid, 1, (Inventory("DISK_GB", 10),)),
        InventoryWrite(child.rp_uuid, 0, (Inventory("VCPU", 4),)),
    ]
    consumer = ConsumerWrite(claim.consumer, moved.allocations, 1)
    await write(world, lambda txn: reshape.reshape(txn, writes, [consumer]))
    used = {
        (each.provider.uuid, p.inventory.resource_class): p.used
        for each in listed(world.store.load().providers)
        for p in each.inventories
    }
    assert used == {(host.rp_uuid, "DISK_GB"): 2, (child.rp_uuid, "VCPU"): 4}


@pytest.mark.parametrize(
    ("seen", "inventory", "error"),
    [
        (0, Inventory("VCPU", 4), errors.ConcurrentUpdate),
        (1, Inventory("DISK_GB", 4), errors.InventoryInUse),
        (1, Inventory("NONE", 4), errors.UnknownName),
    ],
)
async def test_a_reshape_that_is_refused_changes_nothing(
    world: World, seen: int, inventory: Inventory, error: type[Exception]
) -> None:
    host = await world.provider(Inventory("VCPU", 4))
    claim = world.claim((host, "VCPU", 4))
    await write(world, lambda txn: claims.claim(txn, claim))
    before = world.store.load()
    writes = [InventoryWrite(host.rp_uuid, seen, (inventory,))]
    with pytest.raises(error):
        await write(world, lambda txn: reshape.reshape(txn, writes, []))
    assert world.store.load() == before
