"""The page of plots, and that the one in the documentation is what its results make."""

import xml.etree.ElementTree as ET
from pathlib import Path

import msgspec

from bench.against_placement.figures import Goal, Sample, figures, ratios
from bench.against_placement.page import PLOTS, write
from bench.against_placement.results import (
    CaseResult,
    GoalResult,
    Machine,
    Run,
    SceneResult,
    SystemResult,
    goal_lines,
)

PEER = figures([Sample([100.0, 110.0], 2.0, 0.4, 0.1)])
OURS = figures([Sample([1.0, 2.0], 0.5, 0.2, 0.0, generator_cpu_s=0.1)])


def run_of(*goals: GoalResult) -> Run:
    case = CaseResult(
        title="claim & more, 4 at a time",
        connections=4,
        systems={"placement": PEER, "innkeeper-postgresql": OURS},
        ratios={"innkeeper-postgresql": ratios(PEER, OURS)},
        candidates={"placement": 10},
        peer_cap=1_000,
        goals=goals,
        workers=True,
    )
    systems = {"innkeeper-postgresql": SystemResult(start_s=1.0, memory_mb=80.0)}
    scene = SceneResult(
        "flat-9", "9 flat hosts", providers=9, systems=systems, goals=[], cases=[case]
    )
    machine = Machine("some", 2, load=0.5, python="3.11", versions={"innkeeper": "1"})
    return Run("2026-11-01T10:00", 60.0, quick=False, machine=machine, scenes=[scene])


def test_the_page_has_plots_and_figures(tmp_path: Path) -> None:
    write(run_of(GoalResult("case", Goal("cpu", 1_000), 250.0)), tmp_path)
    page = (tmp_path / "benchmarks.md").read_text()
    assert "| claim & more, 4 at a time | placement | 100 / 110 | 1.00 | 200 + 50.0 |" in page
    assert "max_allocation_candidates = 1,000" in page
    assert "cores busy: server 0.40, database 0.000, load generator 0.20 |" in page
    assert "goal 1,000, 4.00 times short of it" in page
    for plot in PLOTS:
        drawn = ET.parse(tmp_path / "benchmarks" / f"{plot.file}.svg")  # noqa: S314 - ours
        assert len(drawn.findall(".//{*}title")) == 2
    results = (tmp_path / "benchmarks/results.json").read_bytes()
    assert msgspec.json.decode(results, type=Run).scenes[0].cases[0].systems["placement"] == PEER


def test_goals_that_were_missed_come_last() -> None:
    missed = GoalResult("a", Goal("cpu", 2), 1.0)
    met = GoalResult("b", Goal("cpu", 2), 3.0)
    unknown = GoalResult("c", Goal("cpu", 2), None)
    lines = goal_lines(run_of(missed, unknown, met))
    assert [line.split()[0] for line in lines] == ["met", "NOT", "MISSED"]


def test_the_page_in_the_documentation_is_made_from_its_results(
    checkout: Path, tmp_path: Path
) -> None:
    there = checkout / "docs/reference"
    results = (there / "benchmarks/results.json").read_bytes()
    write(msgspec.json.decode(results, type=Run), tmp_path)
    for made in tmp_path.rglob("*.*"):
        assert made.read_bytes() == (there / made.relative_to(tmp_path)).read_bytes(), made.name
