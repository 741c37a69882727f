"""`innkeeper db`: the schema of the store."""

from innkeeper.cli import exits, output
from innkeeper.cli.options import Json, Settings, configured


def show_version(*, json: Json = False, settings: Settings | None = None) -> int:
    """Show the schema of the database, and whether it must be upgraded.

    Changes nothing; a server may run. Exit code 0 if the schema is the newest, else 1.

    For example:

        innkeeper db version
        innkeeper db version --data-dir /var/lib/innkeeper --json
    """
    from innkeeper.wiring.upkeep import standing

    found = standing(configured(settings))
    newest = found.state == "newest"
    if json:
        output.show_json(
            {
                "database": found.database,
                "revision": found.revision,
                "newest": found.newest,
                "state": found.state,
                "upgrade_needed": found.state in {"empty", "older"},
            }
        )
    else:
        what = {
            "newest": "the newest",
            "older": f"older than {found.newest}: run `innkeeper db sync`",
            "empty": f"the newest is {found.newest}: run `innkeeper db sync`",
            "newer": f"newer than this version knows ({found.newest}): use the newer version",
        }[found.state]
        output.show_plain(f"{found.database}: schema {found.revision or 'none'}, {what}")
    return exits.FINE if newest else exits.PROBLEMS


async def sync(*, json: Json = False, settings: Settings | None = None) -> int:
    """Make the database, or bring it to the newest schema with all standard names.

    No server may run on it. It may be run again at any time.

    For example:

        innkeeper db sync
        innkeeper db sync --data-dir /var/lib/innkeeper
    """
    from innkeeper.wiring.upkeep import sync as bring_up

    done = await bring_up(configured(settings))
    if json:
        output.show_json(done)
        return exits.FINE
    before = done.before or "nothing"
    what = "is up to date" if done.before == done.after else f"upgraded from {before}"
    output.show_plain(
        f"{done.database}: schema {done.after}, {what}; {done.new_resource_classes} new standard"
        f" resource classes, {done.new_traits} new traits"
    )
    return exits.FINE
