"""Txn: what one op of a batch writes with, and says what it touched to."""

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import Connection

from innkeeper.core.ids import RpId
from innkeeper.core.inventory import Inventory
from innkeeper.core.moment import to_us
from innkeeper.core.picture import StockPicture
from innkeeper.store.names import Names
from innkeeper.store.pipeline import cursor_of
from innkeeper.store.prepared import Cursor
from innkeeper.store.touched import Touched


class Txn:
    """An open transaction of the writer. An op must not keep it.

    ``now`` is one moment for the whole batch. In a ``strict`` one, statements that must find rows
    are sent to fail by themselves if they do not, and nobody waits to see what they did.
    """

    def __init__(
        self, conn: Connection, *, names: Names, now: datetime, strict: bool = False
    ) -> None:
        self.conn = conn
        self.strict = strict
        self.now = now
        self.now_us = to_us(now)
        self.names = names
        self.touched = Touched()
        # What is known of some of it without reading it back, in the order in which it was done.
        self.stocks: list[StockPicture] = []
        self.dialect = conn.dialect
        self.cursor: Cursor = cursor_of(conn)

    def check(self, is_done: Callable[[], bool], why_not: Callable[[], Exception]) -> None:
        """Raise what ``why_not`` finds if a statement that was sent did not do what it must.

        A strict one sees to that itself.
        """
        if not self.strict and not is_done():
            raise why_not()

    def class_id(self, name: str) -> int:
        """Give the id of a resource class; raise UnknownName if there is none."""
        return self.names.resource_classes.get(self.conn, name)

    def trait_id(self, name: str) -> int:
        """Give the id of a trait; raise UnknownName if there is none."""
        return self.names.traits.get(self.conn, name)

    def provider_changed(self, rp_id: RpId) -> None:
        """Say that anything of a provider changed, or that it is new."""
        self.touched.providers.add(rp_id)

    def provider_removed(self, rp_id: RpId) -> None:
        """Say that a provider is gone."""
        self.touched.removed.add(rp_id)

    def stock_changed(self, rp_id: RpId, generation: int, inventories: Sequence[Inventory]) -> None:
        """Say that only ``inventories``, not their classes, and the generation are others now."""
        touched = self.touched
        (touched.stocks if inventories else touched.generations).add(rp_id)
        self.stocks.append(StockPicture(rp_id, generation, self.now_us, tuple(inventories)))

    def usage_changed(self, rp_id: RpId) -> None:
        """Say that only ``used`` and the generation of a provider changed."""
        self.touched.usages.add(rp_id)

    def resource_classes_changed(self) -> None:
        """Say that a resource class was added, renamed or removed."""
        self.names.resource_classes.clear()
        self.touched.resource_classes = True

    def traits_changed(self) -> None:
        """Say that a trait was added or removed."""
        self.names.traits.clear()
        self.touched.traits = True

    def host_changed(self, name: str) -> None:
        """Say that a host was added, changed or removed."""
        self.touched.hosts.add(name)

    def group_changed(self, uuid: str) -> None:
        """Say that a server group or its members changed."""
        self.touched.groups.add(uuid)

    def workloads_changed(self, host: str) -> None:
        """Say that a host's counts of labelled instances changed."""
        self.touched.workloads.add(host)

    def consumer_changed(self, uuid: str, *, project_id: str) -> None:
        """Say that a consumer's allocations changed, or its project, which is or was this one."""
        self.touched.consumers.add(uuid)
        self.touched.projects.add(project_id)

    def instance_changed(self, uuid: str) -> None:
        """Say that an instance's record changed."""
        self.touched.instances.add(uuid)
