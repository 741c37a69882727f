"""What the command line chooses, and how a run ends."""

import msgspec
import pytest

from bench.against_placement.command import choose, report
from bench.against_placement.figures import Goal
from bench.against_placement.results import GoalResult, Machine, Run, SceneResult


def names(*only: str, quick: bool = False, alone: bool = False) -> list[str]:
    return [
        f"{scene.cloud.title}: {case.title}"
        for scene, cases in choose(quick=quick, alone=alone, only=only)
        for case in cases
    ]


def test_everything_is_measured_unless_something_is_chosen() -> None:
    every = names()
    assert len(every) == len(set(every))
    assert set(names(quick=True)) < set(every)
    assert all(
        "100,000" in one or "1,000,000" in one or "5,000 dev" in one for one in names(alone=True)
    )


def test_a_choice_by_words_goes_before_quick() -> None:
    chosen = names("10,000 flat", "perfload", quick=True)
    assert chosen == names("10,000 flat", "perfload")
    assert {one.split(":")[0] for one in chosen} == {
        "10,000 flat hosts",
        "Placement's perfload, 1,000 flat",
        "Placement's nested perfload, 1,000 trees",
    }
    assert names("no such words") == []


@pytest.mark.parametrize(("value", "missed"), [(10.0, 1), (30.0, 0), (None, 0)])
def test_a_missed_goal_is_said_and_fails_only_if_asked(
    capsys: pytest.CaptureFixture[str], value: float | None, missed: int
) -> None:
    goals = [GoalResult("case", Goal("cpu", 20), value)]
    scene = SceneResult("flat", "flat hosts", providers=1, systems={}, goals=goals, cases=[])
    machine = Machine("some", 2, load=0.5, python="3.11", versions={})
    found = Run("now", 1.0, quick=True, machine=machine, scenes=[scene])
    assert report(found, strict=False) == 0
    assert report(found, strict=True) == missed
    assert f"{missed} of 1 goals were missed" in capsys.readouterr().out
    assert msgspec.json.decode(msgspec.json.encode(found), type=Run).goals() == goals
