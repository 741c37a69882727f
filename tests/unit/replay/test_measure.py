import pytest

from innkeeper.replay.measure import Curve, Measure, Point, summarize


def test_bins_hold_the_means_of_their_events() -> None:
    measure = Measure(10_000)
    measure.arrived(500, placed=True, fragmented_milli=1000)  # 5 %
    measure.arrived(0, placed=True, fragmented_milli=2000)  # still 5 %
    last = measure.arrived(1000, placed=False, fragmented_milli=3000)  # 15 %
    assert last == Point(15, 5.0, 30.0)
    curve = measure.curve()
    assert curve.points == (Point(5, 5.0, 15.0), Point(15, 5.0, 30.0))
    assert curve.at(15) == last
    assert curve.at(10) is None
    assert (measure.arrived_milli, measure.used_milli, measure.failed) == (1500, 500, 1)


@pytest.mark.parametrize(("asked", "percent"), [(149, 1), (150, 2), (249, 2), (250, 3)])
def test_bins_are_rounded(asked: int, percent: int) -> None:
    point = Measure(10_000).arrived(asked, placed=True, fragmented_milli=0)
    assert point.arrived_percent == percent


def test_summary_over_runs() -> None:
    curves = [
        Curve((Point(1, 1.0, 5.0), Point(2, 2.0, 4.0))),
        Curve((Point(1, 3.0, 7.0),)),
    ]
    (found,) = summarize("fgd", curves)
    assert (found.policy, found.arrived_percent, found.runs) == ("fgd", 1, 2)
    assert found.allocated_percent_mean == 2.0
    assert found.allocated_percent_sd == pytest.approx(2**0.5)
    assert found.fragmented_percent_mean == 6.0
    assert summarize("fgd", curves[1:])[0].allocated_percent_sd == 0.0
    assert summarize("fgd", []) == ()
