"""`innkeeper import placement`: take over the database of openstack-placement."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from innkeeper.cli import exits
from innkeeper.cli.moving import Flag, Moved, look_for_broken, show_broken, show_moved, telling
from innkeeper.cli.options import Json, Settings, configured
from innkeeper.cli.progress import Bars
from innkeeper.config import Config
from innkeeper.core.errors import SetupError

if TYPE_CHECKING:
    from innkeeper.store.placement_db.comparing import Comparison
    from innkeeper.store.placement_db.source import Source


def import_placement(
    url: str,
    /,
    *,
    skip_broken: Annotated[Path | None, Parameter(show_default=False)] = None,
    restart: Flag = False,
    compare_only: Flag = False,
    json: Json = False,
    settings: Settings | None = None,
) -> int:
    """Take over a database of openstack-placement, and prove that nothing got lost.

    Stop openstack-placement first: what it writes meanwhile is not seen. The source is only
    read. An import that was interrupted goes on where it was when the same command is run again.
    It ends with a comparison of both databases; exit code 1 if anything differs.

    For example:

        innkeeper import placement mysql+pymysql://placement:PASSWORD@db/placement
        innkeeper import placement /var/lib/placement/placement.db --data-dir /srv/innkeeper
        innkeeper import placement URL --skip-broken broken.json
        innkeeper import placement URL --compare-only

    Parameters
    ----------
    url
        As `connection` under `[placement_database]` in placement.conf, or the path of a SQLite
        file.
    skip_broken
        Leave out rows that refer to what does not exist, and write them to this file, one JSON
        object a line. Without it an import that finds any ends before it writes anything.
    restart
        Remove what an unfinished import wrote, and begin anew.
    compare_only
        Change nothing: compare the two databases as they are now.
    """
    from innkeeper.store.dialects.backend import shown
    from innkeeper.store.placement_db.source import opened

    if compare_only and restart:
        raise SetupError("--compare-only changes nothing, so it cannot --restart. Leave one out.")
    config = configured(settings)
    with opened(url, **incomplete_ids(config)) as source:
        broken = look_for_broken(source, into=skip_broken)
        if broken.count and skip_broken is None and not compare_only:
            show_broken(source.name, broken, json=json)
            return exits.PROBLEMS
        with Bars(aside=json) as bars:
            tell = telling(bars)
            if compare_only:
                comparison = _compared(config, source, tell)
            else:
                comparison = _moved(config, source, restart=restart, tell=tell)
        moved = Moved(
            placement=source.name,
            innkeeper=shown(config.database_url),
            same=comparison.same,
            skipped=broken.count,
            incomplete=tuple(source.incomplete),
            comparison=comparison,
        )
    show_moved(moved, json=json)
    return exits.FINE if moved.same else exits.PROBLEMS


def incomplete_ids(config: Config) -> dict[str, str]:
    """Give the project and user of a consumer that has none."""
    return {
        "incomplete_project": config.placement.incomplete_consumer_project_id,
        "incomplete_user": config.placement.incomplete_consumer_user_id,
    }


def _moved(
    config: Config, source: "Source", *, restart: bool, tell: Callable[[str, int, int], None]
) -> "Comparison":
    """Import, with the store locked against any server. Raises SetupError."""
    from innkeeper.core.picture import Picture
    from innkeeper.placement.move_in import move_in
    from innkeeper.wiring.loop import run
    from innkeeper.wiring.parts import open_store

    async def move() -> "Comparison":
        store = open_store(config)
        try:
            store.start(_nobody_looks)
            return await move_in(store, source, restart=restart, progress=tell)
        finally:
            await store.close()

    def _nobody_looks(_picture: Picture) -> None:
        """Take what changed: there is no index to follow it."""

    return run(move())


def _compared(
    config: Config, source: "Source", tell: Callable[[str, int, int], None]
) -> "Comparison":
    """Compare, beside whatever server runs. Raises SetupError."""
    from innkeeper.placement.move_in import compared
    from innkeeper.store.read_only import ReadOnlyStore

    store = ReadOnlyStore.look(config.database_url, settings=config.store)
    try:
        return compared(store, source, progress=tell)
    finally:
        store.close_readers()
