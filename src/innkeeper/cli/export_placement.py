"""`innkeeper export placement`: give everything back to openstack-placement."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from innkeeper.cli import exits
from innkeeper.cli.import_placement import incomplete_ids
from innkeeper.cli.moving import Moved, show_moved, telling
from innkeeper.cli.options import Json, Settings, configured
from innkeeper.cli.progress import Bars
from innkeeper.config import Config

if TYPE_CHECKING:
    from innkeeper.store.placement_db.comparing import Comparison


def export_placement(
    url: str,
    /,
    *,
    json: Json = False,
    settings: Settings | None = None,
) -> int:
    """Write a database that openstack-placement starts on, and prove that nothing got lost.

    Stop Innkeeper first. The database must be empty, or hold nothing but the tables that
    `placement-manage db sync` makes; where it has no tables, they are made. All is written in
    one transaction. Instances, hosts, cells and server groups have no place in Placement; what
    they hold is exported as that of any consumer. It ends with a comparison of both databases;
    exit code 1 if anything differs.

    For example:

        innkeeper export placement mysql+pymysql://placement:PASSWORD@db/placement
        innkeeper export placement /var/lib/placement/placement.db --data-dir /srv/innkeeper

    Parameters
    ----------
    url
        As `connection` under `[placement_database]` in placement.conf, or the path of a SQLite
        file.
    """
    from innkeeper.store.dialects.backend import shown

    config = configured(settings)
    with Bars(aside=json) as bars:
        name, comparison = _moved(config, url, telling(bars))
    moved = Moved(
        placement=name,
        innkeeper=shown(config.database_url),
        same=comparison.same,
        skipped=0,
        incomplete=(),
        comparison=comparison,
    )
    show_moved(moved, json=json)
    return exits.FINE if moved.same else exits.PROBLEMS


def _moved(
    config: Config, url: str, tell: Callable[[str, int, int], None]
) -> "tuple[str, Comparison]":
    """Export, with the store locked against any server. Raises SetupError."""
    from innkeeper.placement.move_in import compared
    from innkeeper.store.placement_db.ours import Ours
    from innkeeper.store.placement_db.source import opened
    from innkeeper.store.placement_db.target import fill
    from innkeeper.store.read_only import ReadOnlyStore
    from innkeeper.wiring.loop import run
    from innkeeper.wiring.parts import open_store

    async def move() -> "tuple[str, Comparison]":
        store = open_store(config)
        try:
            name = store.read_now(lambda conn: fill(url, Ours(conn), progress=tell))
            with opened(url, **incomplete_ids(config)) as written:
                return name, compared(store, written, progress=tell)
        finally:
            await store.close()

    # Opening for writing would make a database where there is none.
    ReadOnlyStore.look(config.database_url, settings=config.store).close_readers()
    return run(move())
