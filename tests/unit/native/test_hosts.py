"""Hosts as they are shown."""

from types import SimpleNamespace
from typing import cast

from innkeeper.api.native.call import Call
from innkeeper.api.native.host_view import HostList, HostShown
from innkeeper.api.native.hosts import list_hosts, show_host
from innkeeper.api.native.service import Service
from innkeeper.core.host import Host
from innkeeper.core.ids import CellName, HostName, RpUuid
from innkeeper.index.index import Index

A, B = CellName("a"), CellName("b")
HOSTS = (
    Host(HostName("h1"), A, RpUuid("1")),
    Host(HostName("h2"), A, RpUuid("2"), up=False),
    Host(HostName("h3"), B, RpUuid("3")),
)


async def read(_query: object) -> tuple[Host, ...]:
    return HOSTS


async def up(*down: CellName) -> list[bool]:
    service = SimpleNamespace(
        store=SimpleNamespace(read=read),
        index=Index(),
        watch=SimpleNamespace(down=frozenset(down)),
    )
    call = Call(path={"name": "h1"}, query={}, content=b"", url="/v1/hosts")
    one = await show_host(cast("Service", service), call)
    many = await list_hosts(cast("Service", service), call)
    assert isinstance(one.body, HostShown)
    assert isinstance(many.body, HostList)
    assert one.body.host == many.body.hosts[0]
    return [host.up for host in many.body.hosts]


async def test_a_host_is_up_if_it_and_its_cell_are() -> None:
    assert await up() == [True, False, True]
    assert await up(A) == [False, False, True]
    assert await up(A, B) == [False, False, False]
