"""Measures scene by scene: fill, start, ask in turn (A B A B), stop.

Nothing is measured while another system is asked anything, so what differs between them is not
what else the machine had to do just then.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Self

import msgspec

from bench.against_placement.cases import FLAVORS, Case, Scene
from bench.against_placement.figures import (
    ONE_PROCESS,
    PEER,
    Goal,
    Sample,
    figures,
    ratios,
    reached,
    reached_at_best,
)
from bench.against_placement.filling import export, fill
from bench.against_placement.load import Outcome, Plan, Work
from bench.against_placement.processes import cpu_of, spent_s
from bench.against_placement.results import (
    CaseResult,
    GoalResult,
    SceneResult,
    SystemResult,
    case_lines,
)
from bench.against_placement.systems import BenchPostgreSQL, Innkeeper, Placement, System

FIRST_PATH: Final = "/resource_providers?name=provider-1"
WORKERS: Final = (1, 2)
"""How many workers are compared: what sharing the database costs shows in the one."""
WARM_LEAST: Final = 2
"""Requests before a case that are not counted: both must have started all they start."""
NO_ANSWER: Final = Sample([], 0.0, 0.0, 0.0, unanswered=1)
MARGIN_S: Final = 60.0
"""What the load generator itself may take to start and end."""


class Pace(msgspec.Struct, frozen=True):
    """How long to measure."""

    turns: int
    seconds: float
    """Of one turn of one system."""
    least: int
    """Requests in one turn, however long they take."""
    give_up_s: float
    """What is not answered by then is not waited for."""


QUICK: Final = Pace(turns=2, seconds=1.0, least=2, give_up_s=60.0)
FULL: Final = Pace(turns=3, seconds=3.0, least=3, give_up_s=120.0)

Say = Callable[[str], None]


class Stage:
    """The systems of one scene, filled, and started when they are first asked."""

    def __init__(
        self, scene: Scene, folder: Path, postgresql: BenchPostgreSQL, *, say: Say
    ) -> None:
        self._scene = scene
        self._folder = folder
        self._postgresql = postgresql
        self._say = say
        self._everything = ExitStack()
        self._running: dict[str, ExitStack] = {}
        self._systems: list[System] = []
        self._peer: Placement | None = None
        self._workers: list[System] = []
        self._seen: dict[str, SystemResult] = {}

    def __enter__(self) -> Self:
        self._fill()
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self._running):
            self._stop(name)
        self._everything.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def case(self, case: Case, pace: Pace) -> CaseResult:
        """Measure one case."""
        systems = self._ready(case)
        candidates = _compared(case, systems, pace) if case.path else {}
        samples: dict[str, list[Sample]] = {system.name: [] for system in systems}
        if case.path:
            systems = self._without_late(systems, candidates, samples)
        for turn in range(pace.turns):
            for system in systems:
                work = case.work(self._scene.cloud, turn)
                # Of a search the peer keeps nothing, and may take minutes to warm up.
                if not turn and not (case.path and system.name == PEER):
                    self._warm(case, system, pace)
                samples[system.name].append(_sample(system, case, work, pace))
        found = {name: figures(each) for name, each in samples.items()}
        compared = {
            name: ratios(found[PEER], each)
            for name, each in found.items()
            if name != PEER and PEER in found
        }
        self._look(systems)
        title = f"{self._scene.cloud.title}: {case.title}"
        goals = [GoalResult(title, goal, reached(goal, found)) for goal in case.goals]
        return CaseResult(
            title=case.title,
            connections=case.connections,
            systems=found,
            ratios=compared,
            candidates=candidates,
            peer_cap=case.peer_cap,
            goals=goals,
            workers=case.workers,
        )

    def result(self, cases: Sequence[CaseResult]) -> SceneResult:
        """Give all that was found with this cloud."""
        cloud = self._scene.cloud

        def of_server(goal: Goal) -> GoalResult:
            value = getattr(self._seen.get(goal.system), goal.metric, None)
            return GoalResult(cloud.title, goal, value)

        return SceneResult(
            cloud=cloud.name,
            title=cloud.title,
            providers=cloud.providers,
            systems=self._seen,
            goals=[
                *(of_server(goal) for goal in self._scene.goals),
                *_at_best(self._scene, cases),
            ],
            cases=cases,
        )

    def _fill(self) -> None:
        cloud = self._scene.cloud
        ours = self._place("innkeeper-sqlite")
        fill(f"sqlite:///{ours / 'innkeeper.db'}", cloud, self._say)
        self._systems.append(Innkeeper(ours))
        if self._scene.alone:
            return
        theirs = self._everything.enter_context(self._postgresql.database())
        export(ours, theirs)
        second = self._everything.enter_context(self._postgresql.database())
        fill(second, cloud, self._say)
        for url in (theirs, second):
            self._postgresql.analyze(url)
        self._peer = Placement(self._place(PEER), theirs)
        beside = Innkeeper(self._place("innkeeper-postgresql"), second)
        self._systems = [self._peer, beside, *self._systems]

    def _place(self, name: str) -> Path:
        folder = self._folder / name
        folder.mkdir(parents=True)
        return folder

    def _ready(self, case: Case) -> list[System]:
        """Give the systems that the case asks, running."""
        if self._peer is not None and self._peer.max_candidates != case.peer_cap:
            self._stop(PEER)
            self._peer.max_candidates = case.peer_cap
        systems = [each for each in self._systems if case.peer or each.name == ONE_PROCESS]
        if case.workers:
            systems += self._with_workers()
        for system in systems:
            if system.name not in self._running:
                stack = self._running[system.name] = ExitStack()
                stack.enter_context(system.running(FIRST_PATH))
        return systems

    def _with_workers(self) -> list[System]:
        """Give Innkeeper by one worker and by two, each on a database of its own."""
        for count in () if self._workers else WORKERS:
            url = self._everything.enter_context(self._postgresql.database())
            fill(url, self._scene.cloud, self._say)
            self._postgresql.analyze(url)
            place = self._place(f"{ONE_PROCESS}-{count}")
            self._workers.append(Innkeeper(place, url, workers=count))
        return self._workers

    def _stop(self, name: str) -> None:
        if name in self._running:
            self._running.pop(name).close()

    def _without_late(
        self,
        systems: Sequence[System],
        candidates: dict[str, int],
        samples: dict[str, list[Sample]],
    ) -> list[System]:
        """Give those that answered; the others are stopped: they may go on searching for hours."""
        for system in systems:
            if system.name not in candidates:
                samples[system.name].append(NO_ANSWER)
                self._stop(system.name)
        return [system for system in systems if system.name in candidates]

    def _look(self, systems: Sequence[System]) -> None:
        for system in systems:
            self._seen[system.name] = SystemResult(system.start_s, system.memory_mb())

    def _warm(self, case: Case, system: System, pace: Pace) -> None:
        work = case.work(self._scene.cloud, pace.turns)
        plan = _plan(system, case, work, pace)
        least = FLAVORS if case.path else WARM_LEAST
        generate(
            msgspec.structs.replace(
                plan, seconds=pace.seconds / 4, least=least, most=case.most // 10
            )
        )


def measure(
    scene: Scene,
    cases: Sequence[Case],
    *,
    folder: Path,
    postgresql: BenchPostgreSQL,
    pace: Pace,
    say: Say,
) -> SceneResult:
    """Measure cases of one scene, telling what was found as it is."""
    say(f"## {scene.cloud.title}")
    with Stage(scene, folder / scene.cloud.name, postgresql, say=say) as stage:
        results = []
        for case in cases:
            results.append(stage.case(case, pace))
            for line in case_lines(results[-1]):
                say(line)
        found = stage.result(results)
    for name, system in found.systems.items():
        say(f"{name}: started in {system.start_s:.1f} s, {system.memory_mb:.0f} MiB")
    return found


def _at_best(scene: Scene, cases: Sequence[CaseResult]) -> Iterator[GoalResult]:
    """Compare the throughput of each system in that of similar cases where it was highest."""
    for what, goal in scene.at_best.items():
        found = [case.systems for case in cases if case.title.startswith(what)]
        if found:
            title = f"{scene.cloud.title}: {what}, as many at a time as suit each system best"
            yield GoalResult(title, goal, reached_at_best(goal, found))


def _compared(case: Case, systems: Sequence[System], pace: Pace) -> dict[str, int]:
    """Ask each once, which warms it up too; give how many candidates each has."""
    found = {}
    for system in systems:
        try:
            body = system.get(case.path, timeout_s=pace.give_up_s / 2)
        except OSError:
            continue
        found[system.name] = len(msgspec.json.decode(body)["allocation_requests"])
    return found


def _plan(system: System, case: Case, work: Work, pace: Pace) -> Plan:
    return Plan(
        port=system.port,
        connections=case.connections,
        work=work,
        seconds=pace.seconds,
        least=max(pace.least, case.connections),
        most=case.most,
        give_up_s=pace.give_up_s,
    )


def _sample(system: System, case: Case, work: Work, pace: Pace) -> Sample:
    servers, database = cpu_of(system.server_pids()), cpu_of(system.database_pids())
    outcome = generate(_plan(system, case, work, pace))
    return Sample(
        latencies_ms=outcome.latencies_ms,
        took_s=outcome.took_s,
        server_cpu_s=spent_s(servers, cpu_of(system.server_pids())),
        database_cpu_s=spent_s(database, cpu_of(system.database_pids())),
        generator_cpu_s=outcome.cpu_s,
        failed=outcome.failed,
        unanswered=outcome.unanswered,
        retries=outcome.retries,
    )


def generate(plan: Plan) -> Outcome:
    """Let the load generator carry out a plan."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.against_placement.load"],
        input=msgspec.msgpack.encode(plan),
        stdout=subprocess.PIPE,
        timeout=plan.give_up_s + MARGIN_S,
        check=True,
    )
    return msgspec.msgpack.decode(done.stdout, type=Outcome)
