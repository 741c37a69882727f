"""The arithmetic: percentiles, CPU per request, ratios, goals. Nothing here measures or prints."""

import math
from collections.abc import Mapping, Sequence
from typing import Final, Literal

import msgspec

PEER: Final = "placement"
ONE_PROCESS: Final = "innkeeper-postgresql"
ONE_SHARING: Final = "innkeeper-postgresql-1"
"""One process that shares the database as each of two does: what it has alone, it has not."""
TWO_PROCESSES: Final = "innkeeper-postgresql-2"


class Sample(msgspec.Struct, frozen=True):
    """What one system did in one turn."""

    latencies_ms: Sequence[float]
    took_s: float
    server_cpu_s: float
    database_cpu_s: float
    generator_cpu_s: float = 0.0
    failed: int = 0
    unanswered: int = 0
    retries: int = 0


class Figures(msgspec.Struct, frozen=True):
    """What one system did in one case, over all its turns. Times are per request that went well."""

    requests: int
    failed: int
    unanswered: int
    retries: int
    p50_ms: float | None
    """None, as all that follow: nothing was answered."""
    p99_ms: float | None
    per_s: float | None
    server_cpu_ms: float | None
    database_cpu_ms: float | None
    generator_cpu_ms: float | None = None
    """Of the load generator, which is counted nowhere else."""

    @property
    def cpu_ms(self) -> float | None:
        """Server and database together."""
        if self.server_cpu_ms is None or self.database_cpu_ms is None:
            return None
        return self.server_cpu_ms + self.database_cpu_ms

    def cores(self, cpu_ms: float | None) -> float | None:
        """Give how many cores were busy all the time with what took so long for each request."""
        if cpu_ms is None or self.per_s is None:
            return None
        return cpu_ms * self.per_s / 1000


class Ratios(msgspec.Struct, frozen=True):
    """How many times as good as the peer a system is; None: one of them has no figure."""

    p50: float | None
    p99: float | None
    per_s: float | None
    cpu: float | None


Metric = Literal["cpu", "p50", "per_s", "workers", "p50_ms", "start_s", "memory_mb"]
"""Three ratios to the peer and one to a single worker of ours, which must be high; then figures,
which must be low."""
RATIOS_TO_PEER: Final = frozenset({"cpu", "p50", "per_s"})
RATIOS: Final = RATIOS_TO_PEER | {"workers"}
UNITS: Final[Mapping[str, str]] = {
    "cpu": "x less CPU",
    "p50": "x less latency (p50)",
    "per_s": "x throughput",
    "workers": "x throughput of one worker",
    "p50_ms": "ms (p50)",
    "start_s": "s to start",
    "memory_mb": "MiB of memory",
}


class Goal(msgspec.Struct, frozen=True):
    """What a case must reach, on the system that it names."""

    metric: Metric
    bound: float
    system: str = ONE_PROCESS

    def met(self, value: float) -> bool:
        """Tell whether ``value`` is good enough."""
        return value >= self.bound if self.metric in RATIOS else value <= self.bound


def percentile(ascending: Sequence[float], percent: float) -> float:
    """Give the value that so many percent do not exceed (nearest rank, so one that occurred).

    Raises ValueError if there are none.
    """
    if not ascending:
        raise ValueError("no values")
    rank = math.ceil(len(ascending) * percent / 100)
    return ascending[max(rank, 1) - 1]


def figures(samples: Sequence[Sample]) -> Figures:
    """Sum up all turns of one system."""
    latencies = sorted(one for sample in samples for one in sample.latencies_ms)
    count = len(latencies)
    took_s = sum(sample.took_s for sample in samples)
    return Figures(
        requests=count,
        failed=sum(sample.failed for sample in samples),
        unanswered=sum(sample.unanswered for sample in samples),
        retries=sum(sample.retries for sample in samples),
        p50_ms=percentile(latencies, 50) if count else None,
        p99_ms=percentile(latencies, 99) if count else None,
        per_s=count / took_s if count else None,
        server_cpu_ms=_each_ms(sum(s.server_cpu_s for s in samples), count),
        database_cpu_ms=_each_ms(sum(s.database_cpu_s for s in samples), count),
        generator_cpu_ms=_each_ms(sum(s.generator_cpu_s for s in samples), count),
    )


def _each_ms(cpu_s: float, count: int) -> float | None:
    return cpu_s * 1000 / count if count else None


def ratio(better_if_more: float | None, to: float | None) -> float | None:
    """Divide; None where either is missing, or the divisor is nothing."""
    if better_if_more is None or not to:
        return None
    return better_if_more / to


def ratios(peer: Figures, ours: Figures) -> Ratios:
    """Compare ours with the peer's: above one, ours is better."""
    return Ratios(
        p50=ratio(peer.p50_ms, ours.p50_ms),
        p99=ratio(peer.p99_ms, ours.p99_ms),
        per_s=ratio(ours.per_s, peer.per_s),
        cpu=ratio(peer.cpu_ms, ours.cpu_ms),
    )


def reached(goal: Goal, found: Mapping[str, Figures]) -> float | None:
    """Give what a case reached of its goal; None if that was not measured."""
    mine = found.get(goal.system)
    if mine is None:
        return None
    if goal.metric == "workers":
        one = found.get(ONE_SHARING)
        return None if one is None else ratio(mine.per_s, one.per_s)
    if goal.metric in RATIOS_TO_PEER:
        peer = found.get(PEER)
        value: float | None = None if peer is None else getattr(ratios(peer, mine), goal.metric)
        return value
    figure: float | None = getattr(mine, goal.metric)
    return figure


def reached_at_best(goal: Goal, cases: Sequence[Mapping[str, Figures]]) -> float | None:
    """Give the ratio of throughputs, each system's in that of ``cases`` where it was highest."""
    return ratio(_most_per_s(goal.system, cases), _most_per_s(PEER, cases))


def _most_per_s(system: str, cases: Sequence[Mapping[str, Figures]]) -> float | None:
    each = [found[system].per_s for found in cases if system in found]
    return max((one for one in each if one is not None), default=None)


def goal_line(title: str, goal: Goal, value: float | None) -> str:
    """Say whether a goal was reached, and by how much it was missed."""
    asked = f"{title}, {goal.system}: {UNITS[goal.metric]}"
    wanted = f"goal {shown(goal.bound)}"
    if value is None:
        return f"NOT MEASURED  {asked}: {wanted}"
    if goal.met(value):
        return f"met           {asked}: {shown(value)}, {wanted}"
    times = goal.bound / value if goal.metric in RATIOS else value / goal.bound
    return f"MISSED        {asked}: {shown(value)}, {wanted}, {shown(times)} times short of it"


def shown(value: float | None) -> str:
    """Give a number with three digits that count, or a dash."""
    if value is None:
        return "-"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    digits = 3 if abs(value) < 0.1 else 2 if abs(value) < 10 else 1
    return f"{value:.{digits}f}"
