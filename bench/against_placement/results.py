"""What a run found, as it is kept in JSON and shown as Markdown."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from bench.against_placement.figures import Figures, Goal, Ratios, goal_line, shown


class GoalResult(msgspec.Struct, frozen=True):
    """A goal, and what was reached."""

    title: str
    goal: Goal
    value: float | None

    @property
    def missed(self) -> bool:
        """Whether it was measured and not reached."""
        return self.value is not None and not self.goal.met(self.value)

    def line(self) -> str:
        """Say it."""
        return goal_line(self.title, self.goal, self.value)


class CaseResult(msgspec.Struct, frozen=True):
    """What all systems did in one case."""

    title: str
    connections: int
    systems: Mapping[str, Figures]
    ratios: Mapping[str, Ratios]
    """Ours to the peer's, by the name of ours."""
    candidates: Mapping[str, int]
    """How many each gave, where they were asked for candidates."""
    peer_cap: int | None
    goals: Sequence[GoalResult]
    workers: bool = False
    """Whether workers of ours are compared, and so what else keeps the cores busy."""


class SystemResult(msgspec.Struct, frozen=True):
    """What one server needs for a cloud."""

    start_s: float
    memory_mb: float
    """After all cases; without the database server."""


class SceneResult(msgspec.Struct, frozen=True):
    """What was found with one cloud."""

    cloud: str
    title: str
    providers: int
    systems: Mapping[str, SystemResult]
    goals: Sequence[GoalResult]
    cases: Sequence[CaseResult]


class Machine(msgspec.Struct, frozen=True):
    """Where it was measured, without which figures say little."""

    cpu: str
    cores: int
    load: float
    """Average of the last minute when it began: what else the machine had to do."""
    python: str
    versions: Mapping[str, str]


class Run(msgspec.Struct, frozen=True):
    """One run of the harness."""

    began_at: str
    took_s: float
    quick: bool
    machine: Machine
    scenes: Sequence[SceneResult]

    def goals(self) -> list[GoalResult]:
        """Give all goals of what was measured."""
        found: list[GoalResult] = []
        for scene in self.scenes:
            found += scene.goals
            found += [goal for case in scene.cases for goal in case.goals]
        return found


def case_lines(case: CaseResult) -> list[str]:
    """Give a row for each system."""
    rows = []
    for name, got in case.systems.items():
        ratio = case.ratios.get(name)
        cells = [
            case.title,
            name,
            f"{shown(got.p50_ms)} / {shown(got.p99_ms)}",
            shown(got.per_s),
            f"{shown(got.server_cpu_ms)} + {shown(got.database_cpu_ms)}",
            *((shown(ratio.p50), shown(ratio.per_s), shown(ratio.cpu)) if ratio else ("", "", "")),
            _notes(case, name, got),
        ]
        rows.append("| " + " | ".join(cells) + " |")
    return rows


def _notes(case: CaseResult, name: str, got: Figures) -> str:
    notes = [f"{got.requests} requests"]
    if name in case.candidates:
        notes.append(f"{case.candidates[name]:,} candidates")
    if got.failed:
        notes.append(f"{got.failed} failed")
    if got.unanswered:
        notes.append(f"{got.unanswered} not answered in time")
    if got.retries:
        notes.append(f"{got.retries} claims lost and retried")
    if case.peer_cap is not None and name == "placement":
        notes.append(f"max_allocation_candidates = {case.peer_cap:,}")
    if case.workers and got.generator_cpu_ms is not None:
        notes.append(_cores(got))
    return ", ".join(notes)


def _cores(got: Figures) -> str:
    """Say how many cores were kept busy, and by what."""
    shares = {
        "server": got.server_cpu_ms,
        "database": got.database_cpu_ms,
        "load generator": got.generator_cpu_ms,
    }
    busy = (f"{name} {shown(got.cores(cpu_ms))}" for name, cpu_ms in shares.items())
    return f"cores busy: {', '.join(busy)}"


HEADINGS: Final = (
    "| case | system | p50 / p99 ms | per s | CPU ms, server + database | x p50 | x per s | x CPU |"
    " |\n|---|---|--:|--:|--:|--:|--:|--:|---|"
)
LEGEND: Final = (
    "An `x` is the peer's figure divided by ours (for `per s` ours by the peer's): above one,"
    " Innkeeper is better. `-1` and `-2` are `--workers 1` and `--workers 2`, which share their"
    " database with other processes and look there before each answer; what that costs is the"
    " difference between `innkeeper-postgresql` and `innkeeper-postgresql-1`. A second worker can"
    " only add as many requests as there is room on the cores, so those lines say what keeps the"
    " cores busy; the goal is one for searches that leave both to the workers."
)


def markdown(run: Run) -> str:
    """Give the whole run."""
    machine = run.machine
    versions = ", ".join(f"{name} {version}" for name, version in machine.versions.items())
    where = f"{machine.cores} cores ({machine.cpu}), Python {machine.python}; {versions}"
    when = f"{run.began_at}, load {machine.load:.1f} when it began, {run.took_s:.0f} s"
    form = ", in the quick form" if run.quick else ""
    lines = [f"{when}{form}. {where}.", "", LEGEND, ""]
    for scene in run.scenes:
        lines += [f"## {scene.title}", ""]
        lines += ["| system | start, s | memory, MiB |", "|---|--:|--:|"]
        for name, system in scene.systems.items():
            lines.append(f"| {name} | {shown(system.start_s)} | {shown(system.memory_mb)} |")
        lines += ["", HEADINGS]
        for case in scene.cases:
            lines += case_lines(case)
        lines.append("")
    return "\n".join([*lines, "## Goals", "", *goal_lines(run, mark="- "), ""])


def goal_lines(run: Run, *, mark: str = "") -> list[str]:
    """Give a line for each goal, those that were missed last."""
    goals = sorted(run.goals(), key=lambda one: (one.missed, one.value is None))
    return [mark + goal.line() for goal in goals]
