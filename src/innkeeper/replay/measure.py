"""Measure: allocation and fragmentation of GPUs against the demand that has arrived.

Pure arithmetic on what a replay reports after each arrival.
"""

from collections.abc import Sequence
from statistics import fmean, stdev

import msgspec


class Point(msgspec.Struct, frozen=True):
    """Means over the events of one bin of arrived demand, in percent of all GPUs."""

    arrived_percent: int
    allocated_percent: float
    fragmented_percent: float


class Curve(msgspec.Struct, frozen=True):
    """One run: a point for each percent of demand at which something arrived."""

    points: tuple[Point, ...]

    def at(self, arrived_percent: int) -> Point | None:
        """Give the point of that bin, or None if nothing arrived in it."""
        return next((p for p in self.points if p.arrived_percent == arrived_percent), None)


class Summary(msgspec.Struct, frozen=True):
    """Several runs of one policy at one percent of arrived demand."""

    policy: str
    arrived_percent: int
    allocated_percent_mean: float
    allocated_percent_sd: float
    fragmented_percent_mean: float
    runs: int = 0


class Measure:
    """Sums up one run, event by event; ``curve`` may be taken at any time."""

    def __init__(self, capacity_milli: int) -> None:
        self.capacity_milli = capacity_milli
        self.arrived_milli = 0
        self.used_milli = 0
        self.failed = 0
        self._bins: dict[int, tuple[int, float, float]] = {}

    def arrived(self, asked_milli: int, *, placed: bool, fragmented_milli: float) -> Point:
        """Record one arrival, placed or not; gives the state after it."""
        self.arrived_milli += asked_milli
        self.used_milli += asked_milli if placed else 0
        self.failed += not placed
        # Half a percent up, as the published figures are binned.
        percent = int(100 * self.arrived_milli / self.capacity_milli + 0.5)
        point = Point(
            arrived_percent=percent,
            allocated_percent=100 * self.used_milli / self.capacity_milli,
            fragmented_percent=100 * fragmented_milli / self.capacity_milli,
        )
        count, allocated, fragmented = self._bins.get(percent, (0, 0.0, 0.0))
        self._bins[percent] = (
            count + 1,
            allocated + point.allocated_percent,
            fragmented + point.fragmented_percent,
        )
        return point

    def curve(self) -> Curve:
        """Give the means of all bins so far."""
        return Curve(
            tuple(
                Point(
                    arrived_percent=percent,
                    allocated_percent=allocated / count,
                    fragmented_percent=fragmented / count,
                )
                for percent, (count, allocated, fragmented) in sorted(self._bins.items())
            )
        )


def summarize(policy: str, curves: Sequence[Curve]) -> tuple[Summary, ...]:
    """Give mean and standard deviation over the runs, for each bin that all of them have."""
    by_percent: dict[int, list[Point]] = {}
    for curve in curves:
        for point in curve.points:
            by_percent.setdefault(point.arrived_percent, []).append(point)
    return tuple(
        Summary(
            policy=policy,
            arrived_percent=percent,
            allocated_percent_mean=fmean(p.allocated_percent for p in points),
            allocated_percent_sd=_deviation([p.allocated_percent for p in points]),
            fragmented_percent_mean=fmean(p.fragmented_percent for p in points),
            runs=len(points),
        )
        for percent, points in sorted(by_percent.items())
        if len(points) == len(curves)
    )


def _deviation(values: Sequence[float]) -> float:
    return stdev(values) if len(values) > 1 else 0.0
