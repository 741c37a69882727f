"""The parts of an api process, made from a configuration and an open store."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random

from innkeeper.api.http import App
from innkeeper.api.limits import Limits
from innkeeper.api.metered import Metered
from innkeeper.api.native.app import native_app
from innkeeper.api.native.audit_log import AuditLog
from innkeeper.api.native.readiness import Readiness
from innkeeper.api.native.repair_log import RepairLog
from innkeeper.api.native.service import Service
from innkeeper.api.native.site import site
from innkeeper.api.placement import versions as placement_versions
from innkeeper.api.placement.app import PlacementApp
from innkeeper.auth.access import Access
from innkeeper.bus.memory import MemoryBus
from innkeeper.bus.port import Bus
from innkeeper.conductor.api import ApiConductor
from innkeeper.conductor.cell_watch import CellWatch
from innkeeper.conductor.settings import CELL_SILENT_S
from innkeeper.config import Config
from innkeeper.core.errors import SetupError
from innkeeper.core.ids import InstanceUuid
from innkeeper.index.index import Index
from innkeeper.obs.metrics import Gauges, Metrics
from innkeeper.obs.tallies import Tallies
from innkeeper.placement.service import Incomplete, Placement, Searching
from innkeeper.scheduler.select import Scheduler
from innkeeper.scheduler.settings import SchedulerSettings
from innkeeper.store.open_store import OpenStore
from innkeeper.store.placement_db.bookmark import check_finished
from innkeeper.store.store import Store
from innkeeper.wiring.access import counted, make_access, make_cors, make_origins
from innkeeper.wiring.uuids import new_uuid

WRITER_ID = "embedded"
"""Name of the only writer of an embedded database, the same in each of its lives."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What an api process consists of. All but the store belongs to the loop's thread."""

    store: OpenStore
    index: Index
    bus: Bus
    watch: CellWatch
    scheduler: Scheduler
    conductor: ApiConductor
    audits: AuditLog
    repairs: RepairLog
    access: Access
    """Who may use the site."""
    app: App
    """The whole HTTP site."""
    placement: App
    """The Placement API alone, for a port of its own."""
    server: str
    """Id of this run."""
    tallies: Tallies
    """What is counted, for the metrics."""


def now() -> datetime:
    """Give the time: the one clock of the program."""
    return datetime.now(UTC)


def open_store(config: Config) -> Store:
    """Open the store for this process alone. Raises SetupError."""
    return Store.open(config.database_url, clock=now, writer_id=WRITER_ID, settings=config.store)


def share_store(config: Config) -> Store:
    """Open the store beside other processes. Raises SetupError."""
    return Store.share(
        config.database_url, clock=now, new_writer_id=new_uuid, settings=config.store
    )


def scheduler_settings(config: Config) -> SchedulerSettings:
    """Give the scheduler's settings."""
    return SchedulerSettings(
        policy=config.scheduler.policy,
        host_subset_size=config.scheduler.host_subset_size,
        random_ties=config.scheduler.random_ties,
    )


def limits_of(config: Config) -> Limits:
    """Give the limits on what a request may be."""
    return Limits(
        max_body_bytes=config.api.max_body_bytes,
        max_query_bytes=config.api.max_query_bytes,
        max_header_bytes=config.api.max_header_bytes,
        receive_timeout_s=config.api.receive_timeout_s,
    )


def make_parts(
    config: Config,
    store: OpenStore,
    *,
    scheduling: SchedulerSettings,
    random: Random,
    is_ready: Callable[[], bool],
    silent_s: float = CELL_SILENT_S,
    server: str | None = None,
) -> Parts:
    """Make the parts, with the index as the store is now. The store is not started.

    A cell that was silent for ``silent_s`` is down. ``server`` is the id of this run, or a new one.
    Raises SetupError, so if an import into the store is unfinished.
    """
    store.read_now(check_finished)
    server = server or new_uuid()
    tallies = Tallies()
    access = counted(make_access(config), config, tally=tallies.authentications.add)
    index = Index()
    index.apply(store.load())
    bus = MemoryBus()
    watch = CellWatch(store, clock=now, silent_s=silent_s)
    scheduler = Scheduler(
        index, settings=scheduling, random=random, cells=watch.cells, tally=tallies.claims.add
    )
    _check_policy(scheduling.policy, scheduler)
    conductor = ApiConductor(
        store, scheduler, bus=bus, watch=watch, new_uuid=lambda: InstanceUuid(new_uuid())
    )
    audits = AuditLog(store, clock=now, new_uuid=new_uuid)
    repairs = RepairLog(store, clock=now, new_uuid=new_uuid)
    service = Service(
        store=store,
        index=index,
        scheduler=scheduler,
        conductor=conductor,
        watch=watch,
        audits=audits,
        repairs=repairs,
        alternates=config.scheduler.alternates,
        clock=now,
        new_uuid=new_uuid,
    )
    placement = _placement(config, service, access, tallies=tallies)
    return Parts(
        store=store,
        index=index,
        bus=bus,
        watch=watch,
        scheduler=scheduler,
        conductor=conductor,
        audits=audits,
        repairs=repairs,
        access=access,
        app=_site(
            config,
            service,
            access,
            placement=placement,
            server=server,
            readiness=Readiness(store, started=is_ready),
            tallies=tallies,
        ),
        placement=placement,
        server=server,
        tallies=tallies,
    )


def _check_policy(policy: str, scheduler: Scheduler) -> None:
    """Raise SetupError if there is no such policy: else each request would be told."""
    if policy not in scheduler.policies:
        known = ", ".join(sorted(scheduler.policies))
        raise SetupError(f"scheduler.policy: there is no policy {policy!r}. Choose from: {known}.")


def _gauges(store: OpenStore, index: Index) -> Gauges:
    return {
        "innkeeper_store_queue_ops": lambda: store.waiting,
        "innkeeper_index_providers": lambda: index.columns.count,
        "innkeeper_index_hosts": lambda: len(index.hosts),
        "innkeeper_index_held_claims": lambda: index.held,
    }


def _site(
    config: Config,
    service: Service,
    access: Access,
    *,
    placement: App,
    server: str,
    readiness: Readiness,
    tallies: Tallies,
) -> App:
    native = Metered(
        native_app(
            service,
            access,
            make_cors(config.cors),
            origins=make_origins(config),
            read_within_s=config.store.read_within_s,
        ),
        api="native",
        tallies=tallies,
        clock=time.perf_counter,
    )
    return site(
        placement=placement,
        native=native,
        placement_versions=(
            placement_versions.text(placement_versions.OLDEST),
            placement_versions.text(placement_versions.LATEST),
        ),
        server=server,
        readiness=readiness,
        metrics=Metrics(tallies, _gauges(service.store, service.index)),
        remote_metrics=config.api.remote_metrics,
        new_uuid=new_uuid,
    )


def _placement(config: Config, service: Service, access: Access, *, tallies: Tallies) -> App:
    settings = config.placement
    app = PlacementApp(
        Placement(
            service.store,
            service.index,
            clock=now,
            new_uuid=new_uuid,
            searching=Searching(
                limit=settings.max_candidates if settings.max_candidates > 0 else None,
                deadline_s=settings.search_deadline_ms / 1000,
                tally=tallies.searches.add,
                shuffle=Random() if settings.randomize_candidates else None,
            ),
            incomplete=Incomplete(
                settings.incomplete_consumer_project_id, settings.incomplete_consumer_user_id
            ),
        ),
        authenticator=access.authenticator,
        policy=access.policy,
        cors=make_cors(config.cors),
        new_uuid=new_uuid,
        read_within_s=config.store.read_within_s,
    )

    return Metered(
        app,
        api="placement",
        tallies=tallies,
        clock=time.perf_counter,
    )
