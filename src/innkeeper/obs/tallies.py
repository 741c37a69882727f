"""Tallies: counts that a hot path keeps by itself, in plain dicts; metrics read them when asked.

One belongs to one thread, the loop's. Adding to one costs a fraction of a microsecond; so no
path needs to know of any metrics client, and none is slowed down by one.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

Labels = tuple[str, ...]

LATENCY_BUCKETS_S: Final = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
"""From a read out of the index to a search that runs into its deadline."""
BATCH_BUCKETS: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)
"""Up to the largest batch of the store."""


class Counted:
    """How often something happened, by labels."""

    __slots__ = ("counts",)

    def __init__(self) -> None:
        self.counts: defaultdict[Labels, int] = defaultdict(int)

    def add(self, *labels: str) -> None:
        """Count it once more."""
        self.counts[labels] += 1


class Measured:
    """How large something was, in buckets, by labels."""

    __slots__ = ("_bounds", "_filled", "_sums")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._filled: dict[Labels, list[int]] = {}
        self._sums: defaultdict[Labels, float] = defaultdict(float)

    def add(self, value: float, *labels: str) -> None:
        """Count one of this size."""
        filled = self._filled.get(labels)
        if filled is None:
            filled = self._filled[labels] = [0] * (len(self._bounds) + 1)
        filled[bisect_left(self._bounds, value)] += 1
        self._sums[labels] += value

    def cumulated(self) -> Iterator[tuple[Labels, list[tuple[str, int]], float]]:
        """Give (labels, (upper bound, how many are not above it) for each, sum)."""
        names = [*map(str, self._bounds), "+Inf"]
        for labels, filled in self._filled.items():
            total, buckets = 0, []
            for name, count in zip(names, filled, strict=True):
                total += count
                buckets.append((name, total))
            yield labels, buckets, self._sums[labels]


class Tallies:
    """All that one process counts."""

    def __init__(self) -> None:
        self.requests = Counted()
        """By API, route, method, status."""
        self.request_s = Measured(LATENCY_BUCKETS_S)
        """By API, route, method."""
        self.commits = Counted()
        """By outcome."""
        self.commit_s = Measured(LATENCY_BUCKETS_S)
        self.batch_ops = Measured(BATCH_BUCKETS)
        self.searches = Counted()
        """By outcome."""
        self.claims = Counted()
        """By outcome."""
        self.authentications = Counted()
        """By strategy and outcome."""
        self.builds = Counted()
        """By outcome, and whether on an alternate."""

    def committed(self, outcome: str, ops: int, seconds: float) -> None:
        """Count a batch of the store."""
        self.commits.add(outcome)
        self.batch_ops.add(ops)
        self.commit_s.add(seconds)
