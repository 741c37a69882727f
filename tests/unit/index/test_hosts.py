"""The table of hosts."""

from innkeeper.core.host import Host
from innkeeper.core.ids import CellName, HostName, RpId
from innkeeper.core.moment import to_us
from innkeeper.core.picture import Picture, UsagePicture, WorkloadPicture
from innkeeper.index.index import Index
from tests.provider_pictures import table
from tests.unit.index.worlds import (
    NOW,
    Rp,
    Stock,
    World,
    loaded,
    provider_picture,
    row_of,
    rp_uuid,
    world,
)


def host(name: str, rp_id: int, cell: str = "a", zone: str = "z") -> Host:
    return Host(HostName(name), CellName(cell), rp_uuid(rp_id), zone=zone)


def gpu(rp_id: int, parent: int, *traits: str, used: int = 0) -> Rp:
    return Rp(rp_id, parent, stock={"GPU": Stock(4, used=used)}, traits=frozenset(traits))


def cloud() -> World:
    return world(
        Rp(1, stock={"CPU": Stock(8, used=2)}),
        Rp(2, stock={"CPU": Stock(16)}),
        gpu(4, 1, "MODEL_B", "A", used=1),
        gpu(3, 1, "MODEL_A"),
        Rp(5, 2),
    )


def with_hosts() -> Index:
    index = loaded(cloud())
    index.apply(Picture(hosts=(host("h1", 1), host("h2", 2, "b"), host("h3", 9, zone="y"))))
    return index


def test_positions_names_cells_and_zones() -> None:
    hosts = with_hosts().hosts
    assert hosts.names == ["h1", "h2", "h3"]
    assert [hosts.position(name) for name in ("h1", "h3", "h9")] == [0, 2, None]
    assert hosts.cell.tolist() == [0, 1, 0]
    assert (hosts.cell_number("b"), hosts.cell_number("c")) == (1, -1)
    assert hosts.zone.tolist() == [0, 0, 1]
    assert (hosts.zone_number("y"), hosts.zone_number("x")) == (1, -1)
    assert hosts.up.all()
    assert hosts.enabled.all()


def test_a_host_waits_for_its_provider() -> None:
    index = with_hosts()
    assert index.hosts.root.tolist() == [row_of(index, 1), row_of(index, 2), -1]
    assert index.hosts.free("CPU").tolist() == [6, 16, 0]
    grown = World({**cloud().rps, 9: Rp(9, stock={"CPU": Stock(4)})})
    index.apply(Picture(providers=table([provider_picture(grown, 9)])))
    assert index.hosts.root[2] == row_of(index, 9)
    assert index.hosts.free("CPU").tolist() == [6, 16, 4]
    index.apply(Picture(removed=(RpId(9),)))
    assert index.hosts.root[2] == -1
    assert index.hosts.free("CPU").tolist() == [6, 16, 0]


def test_amounts_are_summed_over_the_tree() -> None:
    hosts = with_hosts().hosts
    assert hosts.free("GPU").tolist() == [7, 0, 0]
    assert hosts.used("GPU").tolist() == [1, 0, 0]
    assert hosts.capacity("GPU").tolist() == [8, 0, 0]
    assert hosts.free("UNKNOWN").tolist() == [0, 0, 0]


def test_devices_are_listed_by_creation() -> None:
    index = with_hosts()
    devices = index.hosts.devices("GPU")
    assert devices.rows.tolist() == [[row_of(index, 3), row_of(index, 4)], [-1, -1], [-1, -1]]
    assert devices.free.tolist() == [[4, 3], [0, 0], [0, 0]]
    assert devices.capacity.tolist() == [[4, 4], [0, 0], [0, 0]]
    # The root's own inventory is no device.
    assert index.hosts.devices("CPU").rows.shape == (3, 0)
    assert index.hosts.devices("UNKNOWN").free.shape == (3, 0)


def test_devices_are_kept_until_a_tree_changes() -> None:
    index = with_hosts()
    before = index.hosts.devices("GPU")
    index.apply(Picture(usages=(UsagePicture(RpId(3), 2, to_us(NOW), (("GPU", 4),)),)))
    after = index.hosts.devices("GPU")
    assert after.rows is before.rows
    assert after.free.tolist() == [[0, 3], [0, 0], [0, 0]]
    index.apply(Picture(removed=(RpId(3),)))
    assert index.hosts.devices("GPU").rows.tolist() == [[row_of(index, 4)], [-1], [-1]]
    index.apply(Picture(hosts=(host("h4", 1),)))
    assert len(index.hosts.devices("GPU").rows) == 4


def test_the_model_is_a_trait_of_the_first_device() -> None:
    codes, names = with_hosts().hosts.device_trait("GPU", "MODEL_")
    assert codes.tolist() == [0, -1, -1]
    assert names == ("MODEL_A",)


def test_a_removed_host_leaves_a_dead_position_and_may_come_back() -> None:
    index = with_hosts()
    index.apply(Picture(workloads=(WorkloadPicture(HostName("h1"), (("web", 2),)),)))
    index.apply(Picture(hosts_removed=("h1", "h9")))
    hosts = index.hosts
    assert hosts.position("h1") is None
    assert hosts.alive.tolist() == [False, True, True]
    assert hosts.root[0] == -1
    assert hosts.free("CPU").tolist() == [0, 16, 0]
    assert hosts.labels() == []
    index.apply(Picture(hosts=(host("h1", 1),)))
    assert hosts.position("h1") == 0
    assert hosts.free("CPU").tolist() == [6, 16, 0]


def test_workloads_are_counted_by_label() -> None:
    index = with_hosts()
    held = WorkloadPicture(HostName("h2"), (("web", 2), ("batch", 1), ("none", 0)))
    index.apply(Picture(workloads=(held, WorkloadPicture(HostName("h9"), (("web", 1),)))))
    hosts = index.hosts
    assert hosts.labels() == ["batch", "web"]
    assert hosts.workloads("web").tolist() == [0, 2, 0]
    assert hosts.workloads("other").tolist() == [0, 0, 0]
    index.apply(Picture(workloads=(WorkloadPicture(HostName("h2"), (("batch", 1),)),)))
    assert hosts.labels() == ["batch"]


def test_versions_rise_only_for_the_host_that_changed() -> None:
    index = with_hosts()
    before = index.hosts.version.copy()
    index.apply(Picture(usages=(UsagePicture(RpId(4), 2, to_us(NOW), (("GPU", 2),)),)))
    assert (index.hosts.version > before).tolist() == [True, False, False]


def test_a_table_grows() -> None:
    index = Index()
    index.apply(Picture(hosts=tuple(host(f"h{number}", number) for number in range(200))))
    assert len(index.hosts) == 200
    assert index.hosts.alive.all()
    assert index.hosts.workloads("web").shape == (200,)
    index.apply(Picture(workloads=(WorkloadPicture(HostName("h150"), (("web", 1),)),)))
    index.apply(Picture(hosts=tuple(host(f"i{number}", number) for number in range(200))))
    assert index.hosts.workloads("web").sum() == 1
