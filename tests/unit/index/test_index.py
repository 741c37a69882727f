"""Applying pictures, holds, and what the index tells of a provider."""

import msgspec
import numpy as np
import pytest

from innkeeper.core.ids import RpId, RpRow
from innkeeper.core.inventory import Inventory
from innkeeper.core.moment import to_us
from innkeeper.core.picture import (
    InventoryPicture,
    NamePicture,
    Picture,
    StockPicture,
    UsagePicture,
)
from innkeeper.core.request_group import CandidateRequest
from innkeeper.index.index import Index
from innkeeper.index.search import candidates
from tests.provider_pictures import table
from tests.unit.index.worlds import (
    NOW,
    Rp,
    Stock,
    World,
    allocation,
    group,
    loaded,
    provider_picture,
    row_of,
    rp_uuid,
    world,
)


def cloud() -> World:
    return world(
        Rp(1, stock={"CPU": Stock(8)}, traits=frozenset("TS"), aggregates=frozenset("X")),
        Rp(2, 1, stock={"GPU": Stock(2, used=1)}),
        Rp(3, 2),
    )


def test_the_index_tells_what_the_pictures_told() -> None:
    where = cloud()
    index = loaded(where)
    for rp_id in where.rps:
        row = row_of(index, rp_id)
        picture = provider_picture(where, rp_id)
        assert index.row(rp_uuid(rp_id)) == row
        assert index.provider(row) == picture.provider
        assert index.inventories(row) == picture.inventories
        assert index.traits(row) == picture.traits
        assert index.aggregates(row) == picture.aggregates
    one, two, three = (row_of(index, each) for each in (1, 2, 3))
    assert index.children(one) == (two,)
    assert index.tree(three) == (one, two, three)
    assert index.root(three) == one
    assert index.rows().tolist() == [one, two, three]
    assert index.row("unknown") is None
    assert index.row_of_id(99) is None
    with pytest.raises(IndexError):
        index.provider(RpRow(99))


def test_names_are_replaced_whole() -> None:
    index = Index()
    index.apply(Picture(resource_classes=(NamePicture("A", NOW), NamePicture("B", NOW))))
    index.apply(Picture(traits=(NamePicture("T", NOW),)))
    assert sorted(index.resource_classes) == ["A", "B"]
    index.apply(Picture(resource_classes=(NamePicture("B", NOW),)))
    assert sorted(index.resource_classes) == ["B"]
    assert sorted(index.known_traits) == ["T"]


def test_a_whole_tree_gets_a_new_root_in_any_order() -> None:
    before = cloud()
    index = loaded(before)
    after = World(
        {
            **before.rps,
            1: Rp(1, 9, stock=before.rps[1].stock),
            9: Rp(9),
        }
    )
    index.apply(Picture(providers=table(provider_picture(after, each) for each in (3, 1, 2, 9))))
    assert index.tree(row_of(index, 3)) == tuple(row_of(index, each) for each in (9, 1, 2, 3))
    assert index.children(row_of(index, 9)) == (row_of(index, 1),)


def test_a_root_that_is_not_known_yet_is_made_good_later() -> None:
    where = cloud()
    index = Index()
    index.apply(Picture(providers=table([provider_picture(where, 3)])))
    assert index.tree(row_of(index, 3)) == (row_of(index, 3),)
    index.apply(Picture(providers=table(provider_picture(where, each) for each in (1, 2, 3))))
    assert index.tree(row_of(index, 3)) == tuple(row_of(index, each) for each in (1, 2, 3))


def test_a_row_is_used_again_and_nothing_of_the_old_provider_is_left() -> None:
    index = loaded(cloud())
    row = row_of(index, 3)
    index.apply(Picture(removed=(RpId(3), RpId(2), RpId(77))))
    grown = World({1: cloud().rps[1], 8: Rp(8, 1)})
    index.apply(Picture(providers=table([provider_picture(grown, 8)])))
    assert row_of(index, 8) in {row, row_of(index, 1) + 1}
    assert index.inventories(row_of(index, 8)) == ()
    assert index.traits(row_of(index, 8)) == ()
    assert "GPU" not in index.columns.classes


def test_a_usage_picture_sets_used_and_generation() -> None:
    index = loaded(cloud())
    usage = UsagePicture(RpId(2), 7, to_us(NOW), (("GPU", 2), ("GONE", 1)))
    index.apply(Picture(usages=(usage, UsagePicture(RpId(99), 1, to_us(NOW), ()))))
    row = row_of(index, 2)
    assert index.provider(row).generation == 7
    assert [each.used for each in index.inventories(row)] == [2]


def test_a_stock_picture_sets_amounts_and_generation() -> None:
    index = loaded(cloud())
    row = row_of(index, 2)
    hold = index.hold([allocation(2, "GPU", 1)])
    request = CandidateRequest(groups=(group(GPU=3),))
    assert not candidates(index, request)
    gpu = Inventory("GPU", 8, 2, max_unit=4)
    stock = StockPicture(RpId(2), 7, to_us(NOW), (gpu, Inventory("GONE", 1)))
    index.apply(Picture(stocks=(stock, StockPicture(RpId(99), 1, to_us(NOW), ()))))
    assert index.provider(row).generation == 7
    assert index.inventories(row) == (InventoryPicture(gpu, 1),)
    assert len(candidates(index, request)) == 1
    assert not candidates(index, CandidateRequest(groups=(group(GPU=5),)))
    hold.release()
    assert index.columns.classes["GPU"].free_of(np.array([row], dtype=np.int32)).tolist() == [5]


def test_what_is_held_is_not_free_until_it_is_released() -> None:
    index = loaded(cloud())
    request = CandidateRequest(groups=(group(CPU=5),))
    hold = index.hold([allocation(1, "CPU", 4)])
    assert index.held == 1
    assert not candidates(index, request)
    assert [each.used for each in index.inventories(row_of(index, 1))] == [0]
    hold.release()
    hold.release()
    assert index.held == 0
    assert len(candidates(index, request)) == 1


def test_a_hold_outlives_its_provider_and_inventory() -> None:
    where = cloud()
    index = loaded(where)
    column = index.columns.classes["CPU"]
    first = index.hold([allocation(1, "CPU", 3), allocation(98, "CPU", 1)])
    second = index.hold([allocation(1, "CPU", 1)])
    index.apply(Picture(providers=table([provider_picture(where, 1)])))
    assert column.held[column.slot[row_of(index, 1)]] == 4
    bare = World({**where.rps, 1: Rp(1)})
    index.apply(Picture(providers=table([provider_picture(bare, 1)])))
    index.apply(Picture(providers=table([provider_picture(where, 1)])))
    column = index.columns.classes["CPU"]
    assert column.free[column.slot[row_of(index, 1)]] == 4
    first.release()
    assert column.free[column.slot[row_of(index, 1)]] == 7
    index.apply(Picture(removed=(RpId(3), RpId(2), RpId(1))))
    second.release()
    assert index.held == 0


def test_plans_notice_changed_units_and_reused_slots() -> None:
    request = CandidateRequest(groups=(group(CPU=4),))
    flat = world(*(Rp(each, stock={"CPU": Stock(8)}) for each in range(1, 6)))
    index = loaded(flat)
    assert len(candidates(index, request)) == 5
    index.apply(Picture(removed=(RpId(1),)))
    assert {int(index.provider(each.root).id) for each in candidates(index, request)} == {
        2,
        3,
        4,
        5,
    }
    narrow = World({**flat.rps, 2: Rp(2, stock={"CPU": Stock(8, max_unit=2)})})
    index.apply(Picture(providers=table([provider_picture(narrow, 2)])))
    assert {int(index.provider(each.root).id) for each in candidates(index, request)} == {3, 4, 5}


def test_a_change_of_amounts_alone_keeps_the_layout() -> None:
    where = cloud()
    index = loaded(where)
    layout = index.columns.layout
    larger = World({**where.rps, 1: msgspec.structs.replace(where.rps[1], stock={"CPU": Stock(9)})})
    index.apply(Picture(providers=table([provider_picture(larger, 1)])))
    index.hold([allocation(1, "CPU", 1)])
    assert index.columns.layout == layout
    assert index.inventories(row_of(index, 1))[0].inventory.total == 9


def test_the_index_grows_beyond_its_first_arrays() -> None:
    where = world(
        *(Rp(each, stock={"CPU": Stock(8)}, traits=frozenset("T")) for each in range(1, 500))
    )
    index = loaded(where)
    asked = CandidateRequest(groups=(group(CPU=8),))
    assert len(candidates(index, asked)) == 499
