"""`innkeeper replay openb --as-servers`: the whole system at work on a trace."""

from pathlib import Path
from random import Random

from innkeeper.cli import exits, output
from innkeeper.cli.audit_table import audit_table
from innkeeper.cli.hints import hints
from innkeeper.cli.progress import Bars
from innkeeper.cli.replay_tables import servers_table
from innkeeper.config import Config
from innkeeper.replay import placing
from innkeeper.replay.servers import (
    ServersProgress,
    ServersReplay,
    ServersResult,
    hosts_of_cells,
)
from innkeeper.replay.trace import Trace, bundled, load_trace
from innkeeper.wiring.directory import take_for_replay
from innkeeper.wiring.loop import run
from innkeeper.wiring.reading import check_empty
from innkeeper.wiring.serve import stop_signals
from innkeeper.wiring.system import System, running


def replay_servers(
    config: Config, data: Path | None, *, policy: str, seed: int, stay: bool, json: bool
) -> int:
    """Run it; give the exit code. Raises SetupError."""
    trace = load_trace(data or bundled())
    return run(_replay(config, trace, policy=policy, seed=seed, stay=stay, json=json))


async def _replay(
    config: Config, trace: Trace, *, policy: str, seed: int, stay: bool, json: bool
) -> int:
    take_for_replay(config.data_path)
    check_empty(config)
    async with running(
        config,
        hosts_of_cells(config, trace, seed=seed),
        scheduling=placing.scheduling(trace, policy=policy),
        random=Random(seed),
    ) as system:
        if not json:
            output.show_plain(
                f"Innkeeper is up at {system.url}: {len(trace.nodes):,} hosts in"
                f" {len(config.cells.names)} cells. Sending {len(trace.tasks):,} tasks."
            )
        result = await _run(system, trace, policy=policy, seed=seed, config=config, json=json)
        if json:
            output.show_json(result)
        else:
            _show(result, trace)
        if stay:
            await _stay(system, config)
    return exits.FINE if result.audit.clean and not result.unfinished else exits.PROBLEMS


async def _stay(system: System, config: Config) -> None:
    """Stay up until told to stop, and say what there is to see."""
    with stop_signals() as told:
        output.note("It stays up until Ctrl-C. Open or try:")
        output.show(hints(system.url, data_dir=config.data_dir))
        await told.wait()


async def _run(
    system: System, trace: Trace, *, policy: str, seed: int, config: Config, json: bool
) -> ServersResult:
    replay = ServersReplay(system, trace, policy=policy, seed=seed)

    def tell(progress: ServersProgress) -> None:
        finished = progress.active + progress.refused + progress.failed
        bars.update(
            policy,
            done=finished,
            total=progress.tasks,
            figures=f"sent {progress.sent:,}  placed {progress.active:,}  building"
            f" {progress.building:,}  retried {progress.retried:,}  refused {progress.refused:,}"
            f"  {progress.per_second:,.0f} /s  GPU {progress.allocated_percent:5.2f} %",
        )

    with Bars(aside=json) as bars:
        return await replay.run(alternates=config.scheduler.alternates, tell=tell)


def _show(result: ServersResult, trace: Trace) -> None:
    output.show(servers_table(result, trace.published))
    if not result.audit.clean:
        audit = result.audit
        output.show(audit_table("the run", audit.counts, audit.rules, audit.findings))
