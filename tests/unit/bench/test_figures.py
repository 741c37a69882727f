"""The arithmetic of the benchmark, without anything that is measured."""

import os
import subprocess
import sys
from collections.abc import Sequence

import msgspec
import pytest

from bench.against_placement.cases import scenes
from bench.against_placement.figures import (
    ONE_PROCESS,
    ONE_SHARING,
    PEER,
    TWO_PROCESSES,
    Figures,
    Goal,
    Sample,
    figures,
    goal_line,
    percentile,
    ratios,
    reached,
    reached_at_best,
    shown,
)
from bench.against_placement.processes import TICKS_A_SECOND, cpu_of, cpu_s, spent_s, tree_of


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        ([7.0], 50, 7.0),
        ([7.0], 99, 7.0),
        ([1.0, 2.0], 50, 1.0),
        ([1.0, 2.0, 3.0], 50, 2.0),
        ([float(one) for one in range(1, 101)], 99, 99.0),
        ([float(one) for one in range(1, 101)], 100, 100.0),
        ([float(one) for one in range(1, 102)], 99, 100.0),
    ],
)
def test_a_percentile_is_a_value_that_occurred(
    values: Sequence[float], percent: float, expected: float
) -> None:
    assert percentile(values, percent) == expected


def test_no_values_have_no_percentile() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 50)


def test_cpu_is_user_and_system_time_whatever_the_command_is_called() -> None:
    fields = ["S", *["0"] * 10, str(3 * TICKS_A_SECOND), str(TICKS_A_SECOND), *["9"] * 20]
    assert cpu_s(f"17 (a) 1 (b c) {' '.join(fields)}") == 4.0


def test_cpu_is_counted_per_process() -> None:
    # 1 went on, 2 ended, 3 is new.
    assert spent_s({1: 5.0, 2: 9.0}, {1: 6.5, 3: 0.25}) == 1.75


def test_a_process_that_works_uses_cpu() -> None:
    before = cpu_of([os.getpid()])
    while not spent_s(before, cpu_of([os.getpid()])):
        sum(range(10_000))
    assert cpu_of([2**22 + 1]) == {}


def test_a_tree_of_processes_has_the_children() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert child.pid in tree_of(os.getpid())
    finally:
        child.communicate(b"\n")


def sample(*latencies_ms: float, took_s: float = 1.0, cpu_s: tuple[float, float]) -> Sample:
    server, database = cpu_s
    return Sample(latencies_ms, took_s, server_cpu_s=server, database_cpu_s=database)


def test_turns_are_summed_up() -> None:
    found = figures(
        [sample(1.0, 3.0, cpu_s=(0.4, 0.1)), sample(2.0, 4.0, took_s=3.0, cpu_s=(0.4, 0.1))]
    )
    assert (found.requests, found.p50_ms, found.p99_ms, found.per_s) == (4, 2.0, 4.0, 1.0)
    assert found.server_cpu_ms == pytest.approx(200.0)
    assert found.database_cpu_ms == pytest.approx(50.0)
    assert found.cpu_ms == pytest.approx(250.0)
    assert found.cores(found.cpu_ms) == pytest.approx(0.25)
    assert found.cores(None) is None


def test_where_nothing_was_answered_there_is_no_figure_and_no_ratio() -> None:
    nothing = figures([msgspec.structs.replace(sample(cpu_s=(9.0, 0.0)), unanswered=1)])
    assert (nothing.p50_ms, nothing.per_s, nothing.cpu_ms) == (None, None, None)
    assert nothing.unanswered == 1
    found = ratios(nothing, figures([sample(1.0, cpu_s=(0.1, 0.0))]))
    assert (found.p50, found.p99, found.per_s, found.cpu) == (None, None, None, None)


def test_a_ratio_above_one_is_in_our_favour() -> None:
    peer = figures([sample(100.0, 100.0, took_s=2.0, cpu_s=(0.8, 0.2))])
    ours = figures([sample(2.0, 4.0, took_s=0.5, cpu_s=(0.01, 0.0))])
    found = ratios(peer, ours)
    assert (found.p50, found.p99, found.per_s) == (50.0, 25.0, 4.0)
    assert found.cpu == pytest.approx(100.0)


def test_cpu_too_little_to_be_seen_gives_no_ratio() -> None:
    quick = Figures(1, 0, 0, 0, 1.0, 1.0, 1.0, 0.0, 0.0)
    assert ratios(quick, quick).cpu is None


@pytest.mark.parametrize(
    ("goal", "value", "expected"),
    [
        (Goal("cpu", 30), 30.0, "met           case, innkeeper-postgresql: x less CPU: 30.0, goal"),
        (Goal("cpu", 30), 15.0, "MISSED        case, innkeeper-postgresql: x less CPU: 15.0, goal"),
        (Goal("p50_ms", 5, "s"), 5.0, "met           case, s: ms (p50): 5.00, goal 5.00"),
        (Goal("p50_ms", 5, "s"), 10.0, "MISSED        case, s: ms (p50): 10.0, goal 5.00, 2.00"),
        (Goal("start_s", 5, "s"), None, "NOT MEASURED  case, s: s to start: goal 5.00"),
    ],
)
def test_what_is_said_of_a_goal(goal: Goal, value: float | None, expected: str) -> None:
    said = goal_line("case", goal, value)
    assert said.startswith(expected)
    assert ("2.00 times short" in said) == ("MISSED" in expected)


def test_numbers_are_shown_with_three_digits() -> None:
    numbers = [None, 0.0004, 0.04, 0.5, 2.0, 12.34, 1234.5]
    assert [shown(one) for one in numbers] == [
        *("-", "0.000", "0.040", "0.50", "2.00", "12.3", "1,234"),
    ]


def test_trees_are_whole() -> None:
    for scene in scenes():
        first = list(scene.cloud.make(1, 1 + scene.cloud.tree_size))
        ids = [node.id for node in first]
        assert ids == list(range(1 + scene.cloud.tree_size, 1 + 2 * scene.cloud.tree_size))
        for node in first:
            assert node.root == first[0].id
            assert (
                node.parent is None
                if node is first[0]
                else node.parent in ids[: ids.index(node.id)]
            )
            assert node.uuid[14] == "4"


def test_what_a_case_reached_is_a_ratio_or_a_figure() -> None:
    one = figures([sample(2.0, took_s=0.5, cpu_s=(0.01, 0.0))])
    two = figures([sample(2.0, 2.0, took_s=0.5, cpu_s=(0.02, 0.0))])
    peer = figures([sample(100.0, took_s=2.0, cpu_s=(0.8, 0.2))])
    found = {PEER: peer, ONE_PROCESS: one, ONE_SHARING: one, TWO_PROCESSES: two}
    assert reached(Goal("cpu", 1), found) == pytest.approx(100.0)
    assert reached(Goal("per_s", 1), found) == 4.0
    assert reached(Goal("p50_ms", 1), found) == 2.0
    assert reached(Goal("workers", 1.8, TWO_PROCESSES), found) == 2.0
    assert reached(Goal("cpu", 1), {ONE_PROCESS: one}) is None
    alone = {ONE_PROCESS: one, TWO_PROCESSES: two}
    assert reached(Goal("workers", 1.8, TWO_PROCESSES), alone) is None


def test_each_system_is_at_its_best_where_it_does_most() -> None:
    def doing(per_s: int) -> Figures:
        return figures([sample(*[1.0] * per_s, cpu_s=(0.01, 0.0))])

    none = figures([sample(cpu_s=(0.01, 0.0))])
    few, many = {PEER: doing(2), ONE_PROCESS: doing(10)}, {PEER: doing(1), ONE_PROCESS: doing(20)}
    goal = Goal("per_s", 10)
    assert reached_at_best(goal, [few, many]) == 10.0
    assert reached_at_best(goal, [{PEER: doing(2)}, {ONE_PROCESS: doing(30)}]) == 15.0
    assert reached_at_best(goal, [few, {PEER: none, ONE_PROCESS: doing(30)}]) == 15.0
    assert reached_at_best(goal, [{ONE_PROCESS: doing(30)}]) is None
