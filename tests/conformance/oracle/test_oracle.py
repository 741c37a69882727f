"""The same random histories to Innkeeper and to openstack-placement: they must answer the same.

What may differ is in tolerances.py. A failure prints the history, made as short as it can be.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.conformance.oracle import corners, queries
from tests.conformance.oracle.exchange import Clock, reference_in
from tests.conformance.oracle.history import Play, Tally
from tests.conformance.oracle.spoiled import steps
from tests.conformance.oracle.step import Step
from tests.conformance.oracle.tolerances import TOLERATED
from tests.conformance.oracle.worlds import building, worlds
from tests.conformance.oracle.writes import claims

EXAMPLES = 15
"""Histories of each kind in the short form: about 30 s together where nothing else runs."""
SOAK_EXAMPLES = 25
"""Histories a seed in the long form, which takes seed after seed. Few: all of a seed's are drawn,
even if the time is over before they are played."""
MIN_STEPS, MAX_STEPS = 40, 60
"""Long enough to be worth a world; what fails is shortened here, and not by Hypothesis."""

SETTINGS = settings(
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@st.composite
def histories(draw: st.DrawFn) -> list[Step]:
    world = draw(worlds())
    return [*building(world), *draw(st.lists(steps, min_size=MIN_STEPS, max_size=MAX_STEPS))]


@st.composite
def searches(draw: st.DrawFn) -> list[Step]:
    """Give a world, some claims on it, and searches."""
    world = draw(worlds())
    asked = draw(st.lists(queries.candidates(), min_size=MIN_STEPS, max_size=MAX_STEPS))
    claimed = draw(st.lists(claims, max_size=5))
    return [*building(world), *asked[:5], *claimed, *asked[5:]]


@pytest.fixture(scope="module")
def play(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Play]:
    tally, clock = Tally(), Clock()
    with (
        reference_in(tmp_path_factory.mktemp("reference"), clock) as reference,
        asyncio.Runner() as runner,
    ):
        yield Play(reference, runner, clock=clock, tally=tally)
    print(tally)  # noqa: T201 - pytest shows it with -rP


@pytest.mark.slow
def test_random_histories(play: Play) -> None:
    @settings(SETTINGS, max_examples=EXAMPLES, derandomize=True)
    @given(history=histories())
    def run(history: list[Step]) -> None:
        play.check(history)

    run()


@pytest.mark.slow
def test_random_searches(play: Play) -> None:
    @settings(SETTINGS, max_examples=EXAMPLES, derandomize=True)
    @given(history=searches())
    def run(history: list[Step]) -> None:
        play.check(history)

    run()


@pytest.mark.slow
@pytest.mark.parametrize(
    "corner",
    [
        corners.queries,
        corners.claims,
        corners.inventories,
        corners.others,
        corners.sharing,
        corners.shared_twice,
    ],
)
def test_corners(play: Play, corner: Callable[[], Iterator[Step]]) -> None:
    play.check([*corners.making(), *corner()])


@pytest.mark.soak
def test_random_histories_for_long(play: Play, soak_seconds: float) -> None:
    end = time.monotonic() + soak_seconds

    def run_with(number: int) -> None:
        @seed(number)
        @settings(SETTINGS, max_examples=SOAK_EXAMPLES)
        @given(history=st.one_of(histories(), searches()))
        def run(history: list[Step]) -> None:
            if time.monotonic() < end:
                play.check(history)

        run()

    number = time.time_ns()
    while time.monotonic() < end:
        run_with(number)
        number += 1


def test_all_that_is_tolerated_is_documented(checkout: Path) -> None:
    text = (checkout / "docs/reference/differences.md").read_text()
    assert [t.name for t in TOLERATED if f"({t.name})=" not in text] == []
