"""Each rule of the search, one small cloud at a time."""

from itertools import count, islice, permutations
from math import perm

import msgspec
import pytest

from innkeeper.core.ids import AggregateUuid, RpId, RpRow
from innkeeper.core.moment import to_us
from innkeeper.core.names import SHARES_VIA_AGGREGATE
from innkeeper.core.picture import Picture, UsagePicture
from innkeeper.core.request_group import CandidateRequest, RequestGroup
from innkeeper.index.fit import FIRST_BLOCK
from innkeeper.index.growing import Int32s
from innkeeper.index.index import Index
from innkeeper.index.search import candidates, survey, within
from tests.provider_pictures import table
from tests.unit.index.worlds import (
    NOW,
    Rp,
    Stock,
    Told,
    World,
    group,
    loaded,
    provider_picture,
    row_of,
    rp_uuid,
    told,
    world,
)

SHARES = frozenset({SHARES_VIA_AGGREGATE})
X, Y = AggregateUuid("X"), AggregateUuid("Y")


def host(rp_id: int, cpu: int = 8, **more: Stock) -> Rp:
    return Rp(rp_id, stock={"CPU": Stock(cpu), **more})


def gpu(rp_id: int, parent: int, total: int = 1, *traits: str) -> Rp:
    return Rp(rp_id, parent, stock={"GPU": Stock(total)}, traits=frozenset(traits))


def gpu_host(rp_id: int, gpus: int) -> list[Rp]:
    return [host(rp_id), *(gpu(rp_id + number, rp_id) for number in range(1, gpus + 1))]


def find(where: World, request: CandidateRequest) -> list[Told]:
    index = loaded(where)
    return [told(index, each) for each in candidates(index, request)]


def providers(where: World, *groups: RequestGroup, **wide: object) -> set[frozenset[int]]:
    """Give which providers are used together."""
    request = msgspec.structs.replace(CandidateRequest(groups=groups), **wide)
    return {frozenset(rp for rp, _, _ in allocations) for allocations, _ in find(where, request)}


def alone(*rp_ids: int) -> set[frozenset[int]]:
    return {frozenset({rp_id}) for rp_id in rp_ids}


def test_a_flat_host_serves_all_classes() -> None:
    where = world(host(1, RAM=Stock(64)), host(2), host(3, RAM=Stock(64)))
    found = find(where, CandidateRequest(groups=(group(CPU=2, RAM=4),)))
    assert found == [
        (frozenset({(rp, "CPU", 2), (rp, "RAM", 4)}), frozenset({("", frozenset({rp}))}))
        for rp in (1, 3)
    ]


@pytest.mark.parametrize(
    ("stock", "amount", "fits"),
    [
        (Stock(8, used=4), 4, True),
        (Stock(8, used=4), 5, False),
        (Stock(8, reserved=4), 5, False),
        (Stock(8, ratio=2.0), 16, True),
        (Stock(5, ratio=1.5), 7, True),
        (Stock(5, ratio=1.5), 8, False),
        (Stock(8, max_unit=2), 3, False),
        (Stock(8, min_unit=2), 1, False),
        (Stock(8, step_size=2), 3, False),
        (Stock(8, step_size=2), 4, True),
        (Stock(8, used=9), 1, False),
        (Stock(8), 2**40, False),
        (Stock(8, step_size=2), 2**80, False),
        (Stock(2**31 - 1, ratio=3.4e38, max_unit=2**31 - 1), 2**31 - 1, True),
    ],
)
def test_an_amount_fits_capacity_and_units(stock: Stock, amount: int, *, fits: bool) -> None:
    where = world(Rp(1, stock={"CPU": stock}))
    assert providers(where, group(CPU=amount)) == (alone(1) if fits else set())


def test_traits_are_required_any_of_and_forbidden() -> None:
    where = world(
        *(
            msgspec.structs.replace(host(rp_id), traits=frozenset(traits))
            for rp_id, traits in enumerate(["", "A", "B", "AB", "ABC"], start=1)
        )
    )
    asked = group(CPU=1)

    def having(**conditions: object) -> set[frozenset[int]]:
        return providers(where, msgspec.structs.replace(asked, **conditions))

    assert having(required=(("A",),)) == alone(2, 4, 5)
    assert having(required=(("A",), ("B",))) == alone(4, 5)
    assert having(required=(("A", "B"),)) == alone(2, 3, 4, 5)
    assert having(required=(("B", "C"),), forbidden=frozenset("C")) == alone(3, 4)
    assert having(forbidden=frozenset("AC")) == alone(1, 3)
    assert having(required=(("UNKNOWN",),)) == set()
    assert having(forbidden=frozenset({"UNKNOWN"})) == alone(1, 2, 3, 4, 5)


def test_traits_of_the_unsuffixed_group_are_had_together() -> None:
    disk = Rp(2, 1, stock={"DISK": Stock()}, traits=frozenset("S"))
    plain = Rp(3, 1, stock={"DISK": Stock()})
    where = world(Rp(1, stock={"CPU": Stock()}, traits=frozenset("H")), disk, plain)
    asked = msgspec.structs.replace(group(CPU=1, DISK=1), required=(("H",), ("S",)))
    assert providers(where, asked) == {frozenset({1, 2})}
    # The trait of a provider that gives nothing does not count.
    only = msgspec.structs.replace(group(CPU=1), required=(("S",),))
    assert providers(where, only) == set()
    # Each provider that is used must be without the forbidden ones.
    without = msgspec.structs.replace(group(CPU=1, DISK=1), forbidden=frozenset("S"))
    assert providers(where, without) == {frozenset({1, 3})}


def test_member_of_is_an_and_of_ors() -> None:
    where = world(
        *(
            msgspec.structs.replace(host(rp_id), aggregates=frozenset(aggregates))
            for rp_id, aggregates in enumerate(["", "X", "Y", "XY"], start=1)
        )
    )
    asked = group(CPU=1)

    def in_aggregates(**conditions: object) -> set[frozenset[int]]:
        return providers(where, msgspec.structs.replace(asked, **conditions))

    assert in_aggregates(member_of=((X,),)) == alone(2, 4)
    assert in_aggregates(member_of=((X, Y),)) == alone(2, 3, 4)
    assert in_aggregates(member_of=((X,), (Y,))) == alone(4)
    assert in_aggregates(forbidden_aggregates=frozenset({X})) == alone(1, 3)
    assert in_aggregates(member_of=((AggregateUuid("none"),),)) == set()


def test_an_aggregate_of_the_root_counts_for_the_unsuffixed_group_only() -> None:
    root = Rp(1, stock={"CPU": Stock()}, aggregates=frozenset("X"))
    where = world(root, gpu(2, 1), gpu(3, 4), Rp(4, stock={"CPU": Stock()}))
    member = {"member_of": ((X,),)}
    banned = {"forbidden_aggregates": frozenset({X})}
    assert providers(where, msgspec.structs.replace(group(GPU=1), **member)) == alone(2)
    assert providers(where, msgspec.structs.replace(group("_1", GPU=1), **member)) == set()
    assert providers(where, msgspec.structs.replace(group(GPU=1), **banned)) == alone(3)
    assert providers(where, msgspec.structs.replace(group("_1", GPU=1), **banned)) == alone(2, 3)


def test_in_tree_names_any_provider_of_the_tree() -> None:
    where = world(*gpu_host(1, 2), *gpu_host(11, 1))
    in_tree = msgspec.structs.replace(group(GPU=1), in_tree=rp_uuid(2))
    assert providers(where, in_tree) == alone(2, 3)
    unknown = msgspec.structs.replace(group(GPU=1), in_tree=rp_uuid(99))
    assert providers(where, unknown) == set()


def test_root_traits_are_those_of_the_root() -> None:
    marked = msgspec.structs.replace(host(1), traits=frozenset("R"))
    where = world(marked, gpu(2, 1), host(11), gpu(12, 11, 1, "R"))
    assert providers(where, group(GPU=1), root_required=frozenset("R")) == alone(2)
    assert providers(where, group(GPU=1), root_forbidden=frozenset("R")) == alone(12)


def test_isolate_takes_different_providers_and_none_may_take_one_twice() -> None:
    where = world(host(1), gpu(2, 1, 2), gpu(3, 1, 1))
    two = (group("_1", GPU=1), group("_2", GPU=1))
    both = {frozenset({2, 3})}
    assert providers(where, *two, group_policy="isolate") == both
    assert providers(where, *two, group_policy="none") == both | alone(2)


def test_isolate_holds_for_resourceless_groups_too() -> None:
    where = world(host(1), gpu(2, 1, 1, "T"))
    marked = RequestGroup(suffix="_2", required=(("T",),))
    asked = {"same_subtree": (frozenset({"_1", "_2"}),)}
    assert providers(where, group("_1", GPU=1), marked, group_policy="none", **asked) == alone(2)
    assert providers(where, group("_1", GPU=1), marked, group_policy="isolate", **asked) == set()


def test_amounts_of_all_groups_on_one_provider_are_summed_and_checked_again() -> None:
    where = world(Rp(1, stock={"CPU": Stock(8, max_unit=5, used=2)}))
    asked = (group(CPU=2), group("_1", CPU=2))
    [(allocations, _)] = find(where, CandidateRequest(groups=asked, group_policy="isolate"))
    assert allocations == {(1, "CPU", 4)}
    over_max_unit = (group(CPU=3), group("_1", CPU=3))
    assert providers(where, *over_max_unit, group_policy="none") == set()
    over_capacity = (group(CPU=4), group("_1", CPU=1), group("_2", CPU=2))
    assert providers(where, *over_capacity, group_policy="none") == set()


def numa_host() -> World:
    return world(
        Rp(1),
        Rp(2, 1, stock={"CPU": Stock()}, traits=frozenset("N")),
        Rp(3, 1, stock={"CPU": Stock()}, traits=frozenset("N")),
        gpu(4, 2),
        gpu(5, 3),
        gpu(6, 3),
    )


def test_same_subtree_wants_one_of_them_above_all() -> None:
    cpu, device = group("_C", CPU=1), group("_D", GPU=1)
    found = providers(numa_host(), cpu, device, same_subtree=(frozenset({"_C", "_D"}),))
    assert found == {frozenset({2, 4}), frozenset({3, 5}), frozenset({3, 6})}
    # Siblings have a common ancestor, but it is none of them.
    two = (group("_D", GPU=1), group("_E", GPU=1))
    near = {"same_subtree": (frozenset({"_D", "_E"}),), "group_policy": "isolate"}
    assert providers(numa_host(), *two, **near) == set()


def test_a_resourceless_group_is_served_by_traits_alone() -> None:
    node = RequestGroup(suffix="_N", required=(("N",),))
    asked = (node, group("_D", GPU=1), group("_E", GPU=1))
    subtree = (frozenset({"_N", "_D", "_E"}),)
    request = CandidateRequest(groups=asked, group_policy="isolate", same_subtree=subtree)
    found = find(numa_host(), request)
    assert {dict(mappings)["_N"] for _, mappings in found} == {frozenset({3})}
    assert {allocations for allocations, _ in found} == {frozenset({(5, "GPU", 1), (6, "GPU", 1)})}
    assert len(found) == 2


def shared_disk() -> World:
    disk = Rp(9, stock={"DISK": Stock()}, traits=SHARES, aggregates=frozenset("X"))
    joined = [msgspec.structs.replace(host(each), aggregates=frozenset("X")) for each in (1, 2)]
    return world(*joined, host(3), disk)


def test_a_sharing_provider_serves_trees_that_share_an_aggregate() -> None:
    assert providers(shared_disk(), group(CPU=1, DISK=1)) == {
        frozenset({1, 9}),
        frozenset({2, 9}),
    }


def test_without_the_trait_an_aggregate_shares_nothing() -> None:
    where = shared_disk()
    mute = msgspec.structs.replace(where.rps[9], traits=frozenset())
    assert providers(World({**where.rps, 9: mute}), group(CPU=1, DISK=1)) == set()


def test_a_sharing_provider_by_itself_is_one_candidate() -> None:
    assert len(find(shared_disk(), CandidateRequest(groups=(group(DISK=1),)))) == 1
    two = CandidateRequest(groups=(group(DISK=1), group("_1", DISK=1)), group_policy="none")
    assert len(find(shared_disk(), two)) == 1


def test_each_host_is_a_candidate_when_the_unsuffixed_group_is_shared() -> None:
    request = CandidateRequest(groups=(group(DISK=1), group("_1", CPU=1)))
    assert len(find(shared_disk(), request)) == 2


def test_any_provider_of_a_tree_may_be_the_one_in_the_aggregate() -> None:
    disk = Rp(9, stock={"DISK": Stock()}, traits=SHARES, aggregates=frozenset("X"))
    child = msgspec.structs.replace(gpu(2, 1), aggregates=frozenset("X"))
    assert providers(world(host(1), child, disk), group(CPU=1, DISK=1)) == {frozenset({1, 9})}


def test_a_sharing_provider_may_be_a_child() -> None:
    disk = Rp(9, 8, stock={"DISK": Stock()}, traits=SHARES, aggregates=frozenset("X"))
    joined = msgspec.structs.replace(host(1), aggregates=frozenset("X"))
    assert providers(world(joined, Rp(8), disk), group(CPU=1, DISK=1)) == {frozenset({1, 9})}


def test_who_does_not_know_of_trees_gets_one_provider_of_each() -> None:
    where = world(host(1), gpu(2, 1), host(3, GPU=Stock()))
    assert providers(where, group(CPU=1, GPU=1), nested=False) == alone(3)
    assert providers(where, group(GPU=1), nested=False) == alone(2, 3)


@pytest.mark.parametrize(("devices", "groups"), [(4, 1), (4, 2), (4, 4), (3, 4)])
def test_identical_groups_are_permuted_because_mappings_differ(devices: int, groups: int) -> None:
    asked = tuple(group(f"_{number}", GPU=1) for number in range(groups))
    request = CandidateRequest(groups=asked, group_policy="isolate")
    where = world(*gpu_host(1, devices))
    assert len(set(find(where, request))) == perm(devices, groups)
    without = msgspec.structs.replace(request, mappings=False)
    assert len(find(where, without)) == len(
        {frozenset(each) for each in permutations(range(devices), groups)}
    )


def test_a_limit_takes_from_all_trees_in_turn() -> None:
    where = world(*gpu_host(1, 4), *gpu_host(11, 4), *gpu_host(21, 1))
    index = loaded(where)
    for asked in [(group("_1", GPU=1),), (group(CPU=1), group("_1", GPU=1))]:
        request = CandidateRequest(groups=asked, limit=5)
        roots = [int(index.provider(each.root).id) for each in candidates(index, request)]
        assert roots == [1, 11, 21, 1, 11]


@pytest.mark.parametrize("one_in", [1, 3, 400])
@pytest.mark.parametrize("in_order", [True, False])
def test_a_limit_gives_the_first_of_many_that_have_room(one_in: int, *, in_order: bool) -> None:
    hosts = range(1, 3 * FIRST_BLOCK)
    index = loaded(world(*map(Rp, hosts)))
    # Whose inventory was there first has the first slot.
    for part in (hosts[:700], hosts[700:]) if in_order else (hosts[700:], hosts[:700]):
        where = world(*(host(each) for each in part))
        index.apply(Picture(providers=table([provider_picture(where, each) for each in part])))
    slots = index.columns.classes["CPU"].slot[[row_of(index, each) for each in hosts]].tolist()
    assert (slots == sorted(slots)) == in_order
    room = [each for each in hosts if each % one_in == 0]
    full = tuple(
        UsagePicture(RpId(each), 2, to_us(NOW), (("CPU", 8),)) for each in set(hosts) - set(room)
    )
    index.apply(Picture(usages=full))
    for limit in (1, 2, 37, FIRST_BLOCK, 1_001, None):
        request = CandidateRequest(groups=(group(CPU=2),), limit=limit)
        found = [int(index.provider(each.root).id) for each in candidates(index, request)]
        assert found == room[:limit]


def eight_of_eight(hosts: int) -> tuple[Index, CandidateRequest]:
    rps = [rp for number in range(hosts) for rp in gpu_host(1 + 10 * number, 8)]
    asked = tuple(group(f"_{number}", GPU=1) for number in range(8))
    return loaded(world(*rps)), CandidateRequest(groups=asked, group_policy="isolate")


def test_the_search_is_lazy() -> None:
    index, request = eight_of_eight(1)
    assert len(set(islice(within(index, request, row_of(index, 1)), 1000))) == 1000


def test_the_search_stops_when_time_is_up() -> None:
    index, request = eight_of_eight(3)
    looks = count(1)
    found = candidates(index, request, expired=lambda: next(looks) > 10)
    assert 0 < len(found) < 3 * 640
    assert next(looks) < 20
    index, request = eight_of_eight(3)
    assert len(candidates(index, request, expired=lambda: True)) < 64
    # What it did not come to is not taken for all that there is.
    limited = msgspec.structs.replace(request, limit=1_000)
    assert len(candidates(index, limited)) == 1_000


def test_more_groups_than_devices_are_refused_without_trying() -> None:
    """Two kinds of groups that each would fit alone: trying all would take hours."""
    marked = [gpu(1 + number, 1, 1, "A") for number in range(1, 9)]
    index = loaded(world(host(1), *marked))
    plain = tuple(group(f"_{number}", GPU=1) for number in range(5))
    special = tuple(
        msgspec.structs.replace(group(f"_{number}", GPU=1), required=(("A",),))
        for number in range(5, 9)
    )
    request = CandidateRequest(groups=plain + special, group_policy="isolate")
    looks = count()
    assert not candidates(index, request, expired=lambda: next(looks) > 100)
    assert next(looks) < 100


def test_too_few_devices_for_unlike_groups_are_noticed_at_once() -> None:
    index = loaded(world(host(1), *(gpu(10 + number, 1, 100) for number in range(9))))
    unlike = tuple(group(f"_{n}", GPU=n) for n in range(1, 11))
    request = CandidateRequest(groups=unlike, group_policy="isolate")
    looks = count()
    assert not candidates(index, request, expired=lambda: next(looks) > 10)
    assert next(looks) <= 1


def test_a_preference_orders_the_devices_and_may_leave_some_out() -> None:
    index, request = eight_of_eight(1)
    two = msgspec.structs.replace(request, groups=request.groups[:2])
    root = row_of(index, 1)
    asked: list[tuple[str, list[int]]] = []

    def last_first(resource_class: str, rows: Int32s) -> list[RpRow]:
        listed: list[RpRow] = rows.tolist()
        asked.append((resource_class, [int(index.provider(row).id) for row in listed]))
        return listed[:4:-1]

    found = [told(index, each)[0] for each in within(index, two, root, prefer=last_first)]
    assert asked == [("GPU", list(range(2, 10)))]
    assert found == [
        frozenset({(first, "GPU", 1), (second, "GPU", 1)})
        for first, second in [(9, 8), (9, 7), (8, 7)]
    ]


def test_within_gives_nothing_for_a_child_or_a_root_that_does_not_fit() -> None:
    index = loaded(world(*gpu_host(1, 1), host(11)))
    request = CandidateRequest(groups=(group(GPU=1),))
    assert list(within(index, request, row_of(index, 2))) == []
    assert list(within(index, request, row_of(index, 11))) == []
    assert len(list(within(index, request, row_of(index, 1)))) == 1


def test_an_empty_cloud_and_an_empty_request() -> None:
    assert not candidates(Index(), CandidateRequest(groups=(group(CPU=1),)))
    assert not candidates(loaded(world(host(1))), CandidateRequest(groups=()))
    assert not survey(Index(), CandidateRequest(groups=(group(CPU=1),))).fitting.any()
    assert list(within(Index(), CandidateRequest(groups=()), RpRow(0))) == []


def test_what_groups_leave_each_other_is_looked_at_each_time() -> None:
    """Each of two groups fits by itself all the time; together they do so only at first."""
    where = world(Rp(1, stock={"A": Stock(total=3)}), Rp(2, stock={"A": Stock(total=3)}))
    index = loaded(where)
    asked = (group("_1", A=1), group("_2", A=2))
    request = CandidateRequest(groups=asked)
    for used, roots in ((0, [0, 1]), (1, [1]), (0, [0, 1])):
        index.apply(Picture(usages=(UsagePicture(RpId(1), 2, to_us(NOW), (("A", used),)),)))
        assert [each.root for each in candidates(index, request)] == roots
