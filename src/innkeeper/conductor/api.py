"""The api's conductor: what the APIs do with instances. It casts builds, and is done."""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import structlog

from innkeeper.bus.cell import conductor_subject
from innkeeper.bus.messages import TasksWaiting, encode
from innkeeper.bus.port import Bus
from innkeeper.conductor.cell_watch import CellWatch
from innkeeper.conductor.create import InstanceClaimer, Wanted, record_refusal
from innkeeper.conductor.delete import request_delete
from innkeeper.core.errors import BusError, NoValidHost
from innkeeper.core.ids import CellName, InstanceUuid
from innkeeper.core.instance import Instance
from innkeeper.core.instance_filter import InstanceFilter, InstancePage, Marker
from innkeeper.core.request_spec import RequestSpec
from innkeeper.scheduler.select import Scheduler
from innkeeper.store import instances
from innkeeper.store.instances import MAX_PAGE
from innkeeper.store.open_store import OpenStore

EVERYTHING: Final = InstanceFilter()
_HINT: Final = encode(TasksWaiting())

_log = structlog.get_logger(__name__)


class ApiConductor:
    """The use cases of instances."""

    def __init__(
        self,
        store: OpenStore,
        scheduler: Scheduler,
        *,
        bus: Bus,
        watch: CellWatch,
        new_uuid: Callable[[], InstanceUuid],
    ) -> None:
        self._store = store
        self._scheduler = scheduler
        self._bus = bus
        self._watch = watch
        self._new_uuid = new_uuid

    async def create_instances(
        self,
        spec: RequestSpec,
        names: Sequence[str],
        *,
        alternates: int = 3,
        build: bool = True,
    ) -> tuple[Instance, ...]:
        """Create one instance for each name, or none of them.

        They come back in BUILD, with their claims, as durable tasks of their cells; in ERROR,
        with the fault and the decision, if they fit nowhere; in ACTIVE if ``build`` is False.
        Raises CellDown, at once, if the spec names a cell that is down; UnknownName.
        """
        if spec.cell is not None:
            self._watch.need(spec.cell)
        wanted = Wanted(spec, {self._new_uuid(): name for name in names}, build)
        claimer = InstanceClaimer(self._store, wanted)
        try:
            await self._scheduler.select_destinations(
                spec, list(wanted.names), alternates=alternates, claimer=claimer
            )
        except NoValidHost as error:
            return await record_refusal(self._store, wanted, error)
        if build:
            for cell in dict.fromkeys(instance.cell for instance in claimer.created):
                await self._hint(cell)
        return claimer.created

    async def delete_instance(self, uuid: InstanceUuid) -> Instance:
        """Record that an instance is to go, and give its record.

        What it holds is released once its cell has destroyed the guest. Raises NotFound;
        CellDown if there is a guest and its cell is down.
        """
        instance = await self._store.write(
            lambda txn: request_delete(txn, uuid, need=self._watch.need)
        )
        if instance.task_state == "deleting":
            await self._hint(instance.cell)
        return instance

    async def show_instance(self, uuid: InstanceUuid) -> Instance:
        """Give an instance, be it deleted or not. Raises NotFound."""
        return await self._store.read(lambda conn: instances.get(conn, uuid))

    async def list_instances(
        self,
        wanted: InstanceFilter = EVERYTHING,
        *,
        after: Marker | None = None,
        limit: int = MAX_PAGE,
        newest_first: bool = False,
    ) -> InstancePage:
        """Give a page of instances of all cells; those of cells that are down are marked."""
        page = await self._store.read(
            lambda conn: instances.page(
                conn, wanted, after=after, limit=limit, newest_first=newest_first
            )
        )
        return msgspec.structs.replace(page, down=self._watch.down)

    async def _hint(self, cell: CellName | None) -> None:
        """Tell the cell that it has work. A hint that is lost costs it a poll."""
        if cell is None:
            return
        try:
            await self._bus.publish(conductor_subject(cell), _HINT)
        except BusError as error:
            _log.warning("hint not sent", cell=cell, error=error.detail)
