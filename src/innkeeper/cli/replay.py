"""`innkeeper replay`: a real cluster's trace, placed by our scheduler."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Group, Parameter
from cyclopts.validators import Number

from innkeeper.cli import exits, output
from innkeeper.cli.options import Json, Settings, configured
from innkeeper.config import Config
from innkeeper.core.errors import SetupError

FIRST_SEED: Final = 42
"""Seed of the first published run."""
MAX_SEEDS: Final = 1000

ALIASES: Final = {
    "bestfit": "best-fit",
    "dotprod": "dot-product",
    "dotproduct": "dot-product",
    "clustering": "gpu-clustering",
    "gpuclustering": "gpu-clustering",
    "packing": "gpu-packing",
    "gpupacking": "gpu-packing",
    "random": "random",
    "fgd": "fgd",
}
"""Names that people write, without hyphens, and the profiles that they mean."""

SERVERS: Final = Group("With --as-servers", sort_key=1)


@Parameter(name="*", group=SERVERS)
@dataclass(frozen=True, slots=True)
class AsServers:
    """How the whole system is run."""

    as_servers: Annotated[bool, Parameter(negative="")] = False
    """Run the whole system and send each task of the list through it once."""
    exit: Annotated[bool, Parameter(negative="")] = False
    """End when all is done, instead of staying up for you to look around."""
    cells: Annotated[tuple[str, ...] | None, Parameter(consume_multiple=True, negative="")] = None
    """Names of the cells that share the nodes [default: cell-a cell-b]."""
    failure_rate: Annotated[float | None, Parameter(show_default=False)] = None
    """Share of builds that fail, from 0 to 1 [default: 0.02]."""
    host: Annotated[str | None, Parameter(show_default=False)] = None
    """Address of the API [default: 127.0.0.1]."""
    port: Annotated[int | None, Parameter(show_default=False)] = None
    """Port of the API; 0 takes any that is free [default: 8778]."""


def openb(
    *,
    policy: str = "fgd",
    seed: int = FIRST_SEED,
    seeds: Annotated[
        int | None, Parameter(validator=Number(gte=1, lte=MAX_SEEDS), show_default=False)
    ] = None,
    jobs: Annotated[int | None, Parameter(validator=Number(gte=1), show_default=False)] = None,
    data: Annotated[Path | None, Parameter(show_default=False)] = None,
    servers: AsServers | None = None,
    json: Json = False,
    settings: Settings | None = None,
) -> int:
    """Replay OpenB: 1,213 nodes with 6,212 GPUs, 8,152 tasks, and six published policies.

    Without --as-servers: the published protocol. Tasks arrive until 130 % of the GPUs are
    asked for; each is scheduled and durably claimed, and what is allocated at 100 % is compared
    with what was published. With --as-servers: the whole system at work, with cells, agents,
    failing builds and retries. Either way the run ends with an audit of its books, and the
    data directory must be empty or an earlier replay's.

    For example:

        innkeeper replay openb                            # one run of fgd
        innkeeper replay openb --policy best-fit --seeds 10
        innkeeper replay openb --policy all --seeds 2 --json
        innkeeper replay openb --as-servers               # then look around
        innkeeper replay openb --as-servers --exit        # exit code 0 if the books are clean

    Parameters
    ----------
    policy
        fgd, best-fit, dot-product, gpu-packing, gpu-clustering, random; or all of them.
    seed
        Seed of the run: order of the tasks and of the nodes.
    seeds
        Make this many runs, with seeds from 42 on, or from --seed.
    jobs
        Runs at a time, each in a process of its own [default: one for each core].
    data
        Folder of another trace with files of the same names [default: the one that comes along].
    """
    asked = servers or AsServers()
    config = configured(
        settings,
        {
            "api.host": asked.host,
            "api.port": asked.port,
            "cells.names": asked.cells or None,
            "simulation.failure_rate": asked.failure_rate,
        },
    )
    policies = _policies(policy)
    if asked.as_servers:
        if len(policies) > 1 or seeds is not None:
            raise SetupError("--as-servers makes one run: name one --policy and one --seed.")
        from innkeeper.cli.replay_servers import replay_servers

        return replay_servers(
            config, data, policy=policies[0], seed=seed, stay=not asked.exit, json=json
        )
    wanted = [seed + number for number in range(seeds or 1)]
    return _fast(config, data, policies=policies, seeds=wanted, jobs=jobs, json=json)


def _fast(
    config: Config,
    data: Path | None,
    *,
    policies: tuple[str, ...],
    seeds: list[int],
    jobs: int | None,
    json: bool,
) -> int:
    from innkeeper.cli.progress import Bars
    from innkeeper.cli.replay_tables import figures, figures_table
    from innkeeper.replay.pool import run_all
    from innkeeper.replay.run import Progress, RunAsked, RunResult
    from innkeeper.replay.trace import bundled, load_trace
    from innkeeper.wiring.directory import drop_run, run_directory, take_for_replay

    folder = data or bundled()
    trace = load_trace(folder)
    take_for_replay(config.data_path)
    single = len(policies) * len(seeds) == 1
    asked = [
        RunAsked(
            policy,
            seed,
            config.data_path if single else run_directory(config.data_path, f"{policy}-{seed}"),
        )
        for policy in policies
        for seed in seeds
    ]

    def tell(of: RunAsked, progress: Progress) -> None:
        bars.update(
            f"{of.policy} seed {of.seed}",
            done=progress.done,
            total=progress.tasks,
            figures=f"asked {progress.arrived_percent:6.2f} %  allocated"
            f" {progress.allocated_percent:5.2f} %  refused {progress.refused:,}"
            f"  {progress.done / max(progress.elapsed_s, 1e-9):,.0f} /s",
        )

    def done(result: RunResult) -> None:
        # Fifty megabytes each: of many runs only those that somebody must look at are kept.
        if not single and result.audit.clean:
            drop_run(result.asked.data_dir)

    with Bars(aside=json) as bars:
        results = run_all(asked, folder, jobs=jobs or os.cpu_count() or 1, tell=tell, done=done)
    rows = figures(results, trace.published)
    if json:
        output.show_json({"policies": rows})
    else:
        output.show(figures_table(rows))
    return exits.FINE if all(row.books_clean for row in rows) else exits.PROBLEMS


def _policies(named: str) -> tuple[str, ...]:
    from innkeeper.replay.placing import POLICIES

    bare = named.lower().replace("-", "").replace("_", "")
    if bare == "all":
        return POLICIES
    if bare not in ALIASES:
        raise SetupError(f"--policy: expected all or one of {', '.join(POLICIES)}; got {named!r}.")
    return (ALIASES[bare],)
