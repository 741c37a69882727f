"""Service: all that the handlers of the native API may reach, given to them by the wiring."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from innkeeper.api.native.audit_log import AuditLog
from innkeeper.api.native.repair_log import RepairLog
from innkeeper.conductor.api import ApiConductor
from innkeeper.conductor.cell_watch import CellWatch
from innkeeper.index.index import Index
from innkeeper.scheduler.select import Scheduler
from innkeeper.store.open_store import OpenStore


@dataclass(frozen=True, slots=True)
class Service:
    """What the handlers work with. The index is touched on the loop's thread only."""

    store: OpenStore
    index: Index
    scheduler: Scheduler
    conductor: ApiConductor
    watch: CellWatch
    audits: AuditLog
    repairs: RepairLog
    alternates: int
    """Spare selections asked for each new instance."""
    clock: Callable[[], datetime]
    """The time now, aware, in UTC."""
    new_uuid: Callable[[], str]
    """A new random uuid, dashed."""
