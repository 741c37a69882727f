"""`innkeeper api`: the APIs on the store, without cells and hosts."""

from functools import partial
from typing import Annotated

from cyclopts import Parameter

from innkeeper.cli import output
from innkeeper.cli.hints import hints
from innkeeper.cli.options import Json, Settings, configured
from innkeeper.cli.serving import Listening, serve, serve_with_workers
from innkeeper.config import Config
from innkeeper.wiring.loop import run


def api(
    *,
    host: Annotated[str | None, Parameter(show_default=False)] = None,
    port: Annotated[int | None, Parameter(show_default=False)] = None,
    placement_listen: Annotated[str | None, Parameter(show_default=False)] = None,
    workers: Annotated[int | None, Parameter(show_default=False)] = None,
    json: Json = False,
    settings: Settings | None = None,
) -> int:
    """Serve the Placement API and the native API on the store: no cells, no simulated hosts.

    This is what takes the place of openstack-placement. Stop it with Ctrl-C or SIGTERM.

    For example:

        innkeeper api
        innkeeper api --placement-listen 127.0.0.1:8779
        innkeeper api --workers 4 --database-url postgresql://innkeeper@db/innkeeper
        innkeeper api --data-dir /var/lib/innkeeper --config /etc/innkeeper/innkeeper.toml

    Parameters
    ----------
    host
        Address to listen on [default: 127.0.0.1].
    port
        Port of all APIs; 0 takes any that is free [default: 8778].
    placement_listen
        HOST:PORT that serves the Placement API alone, at its root [default: none].
    workers
        Serve by so many processes, which share the database with others on this machine or
        elsewhere; not on SQLite [default: one process, which has the database to itself].
    """
    config = configured(
        settings,
        {
            "api.host": host,
            "api.port": port,
            "api.workers": workers,
            "placement.listen": placement_listen,
        },
    )
    announce = partial(_announce, config, json=json)
    if config.api.workers:
        return run(serve_with_workers(config, announce=announce))
    return run(serve(config, {}, announce=announce))


def _announce(config: Config, listening: Listening, *, json: bool) -> None:
    if json:
        output.show_json(listening.shown)
        return
    output.show(f"Innkeeper's APIs are at [bold]{listening.url}[/]; Ctrl-C stops it.")
    output.show(
        hints(
            listening.url,
            data_dir=config.data_dir,
            placement_url=listening.placement_url,
            cells=False,
        )
    )
