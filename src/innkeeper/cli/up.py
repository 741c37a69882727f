"""`innkeeper up`: the whole system in one process."""

from dataclasses import dataclass
from functools import partial
from typing import Annotated

from cyclopts import Group, Parameter

from innkeeper.cli import output
from innkeeper.cli.hints import first_instance, hints
from innkeeper.cli.options import Json, Settings, configured
from innkeeper.cli.serving import Listening, serve
from innkeeper.config import Config
from innkeeper.wiring.loop import run

SIMULATION = Group("Simulated hosts", sort_key=1)


@Parameter(name="*", group=SIMULATION)
@dataclass(frozen=True, slots=True)
class Simulation:
    """Hosts to simulate, and how builds go on them."""

    hosts: Annotated[int | None, Parameter(show_default=False)] = None
    """How many hosts, shared out among the cells [default: 8]."""
    build_s: Annotated[float | None, Parameter(show_default=False)] = None
    """Median time of a build in seconds [default: 0.2]."""
    failure_rate: Annotated[float | None, Parameter(show_default=False)] = None
    """Share of builds that fail, from 0 to 1 [default: 0.02]."""


def up(
    *,
    host: Annotated[str | None, Parameter(show_default=False)] = None,
    port: Annotated[int | None, Parameter(show_default=False)] = None,
    placement_listen: Annotated[str | None, Parameter(show_default=False)] = None,
    cells: Annotated[tuple[str, ...] | None, Parameter(consume_multiple=True, negative="")] = None,
    simulation: Simulation | None = None,
    json: Json = False,
    settings: Settings | None = None,
) -> int:
    """Run everything in one process: APIs, cells with their conductors, agents, database.

    Stop it with Ctrl-C, or kill it: it goes on where it was.

    For example:

        innkeeper up
        innkeeper up --port 9000 --hosts 100 --cells east west north
        INNKEEPER_SIMULATION_GPUS=8 innkeeper up --data-dir /tmp/inn

    Parameters
    ----------
    host
        Address to listen on [default: 127.0.0.1].
    port
        Port to listen on; 0 takes any that is free [default: 8778].
    placement_listen
        HOST:PORT that serves the Placement API alone, at its root [default: none].
    cells
        Names of the cells [default: cell-a cell-b].
    """
    simulated = simulation or Simulation()
    config = configured(
        settings,
        {
            "api.host": host,
            "api.port": port,
            "placement.listen": placement_listen,
            "cells.names": cells or None,
            "simulation.hosts": simulated.hosts,
            "simulation.build_s": simulated.build_s,
            "simulation.failure_rate": simulated.failure_rate,
        },
    )
    return run(_serve(config, json=json))


async def _serve(config: Config, *, json: bool) -> int:
    from innkeeper.wiring.simulated import simulated_hosts

    return await serve(
        config, simulated_hosts(config), announce=partial(_announce, config, json=json)
    )


def _announce(config: Config, listening: Listening, *, json: bool) -> None:
    url = listening.url
    if json:
        output.show_json({**listening.shown, "cells": config.cells.names})
        return
    output.show(
        f"Innkeeper is up at [bold]{url}[/] with the cells {', '.join(config.cells.names)};"
        " Ctrl-C stops it."
    )
    output.show(hints(url, data_dir=config.data_dir, placement_url=listening.placement_url))
    output.show_plain(first_instance(url))
