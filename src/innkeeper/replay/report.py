"""Report: a replay's figures beside the published ones. Pure; it prints nothing."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

import msgspec

from innkeeper.core.errors import BadTrace
from innkeeper.replay.measure import Summary

POLICY_OF: Final = MappingProxyType(
    {
        "Random": "random",
        "DotProd": "dot-product",
        "GpuClustering": "gpu-clustering",
        "GpuPacking": "gpu-packing",
        "BestFit": "best-fit",
        "FGD": "fgd",
    }
)
"""The profile for each policy by its published name."""

COLUMNS: Final = (
    "policy",
    "arrived_percent",
    "allocated_percent_mean",
    "allocated_percent_sd",
    "fragmented_percent_mean",
)

PUBLISHED_RUNS: Final = 10
"""Seeds behind each published mean."""


class Comparison(msgspec.Struct, frozen=True):
    """One policy at one percent of arrived demand, here and as published."""

    policy: str
    arrived_percent: int
    ours: Summary
    published: Summary

    @property
    def allocated_difference(self) -> float:
        """Give ours minus published, in points of all GPUs."""
        return self.ours.allocated_percent_mean - self.published.allocated_percent_mean

    @property
    def fragmented_difference(self) -> float:
        """Give ours minus published, in points of all GPUs."""
        return self.ours.fragmented_percent_mean - self.published.fragmented_percent_mean


def load_published(path: Path) -> tuple[Summary, ...]:
    """Read published figures; policies get the names of our profiles. Raises BadTrace."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadTrace(f"{path}: cannot be read: {error}.") from error
    reader = csv.DictReader(io.StringIO(text, newline=""))
    for column in COLUMNS:
        if column not in (reader.fieldnames or ()):
            raise BadTrace(f"{path}, row 1, column '{column}': expected it in the header.")
    return tuple(_summary(path, reader.line_num, row) for row in reader)


def compare(
    ours: Sequence[Summary], published: Sequence[Summary], *, arrived_percent: int
) -> tuple[Comparison, ...]:
    """Give a comparison for each of our policies that is published, in our order."""
    theirs = {(each.policy, each.arrived_percent): each for each in published}
    return tuple(
        Comparison(
            policy=each.policy,
            arrived_percent=arrived_percent,
            ours=each,
            published=theirs[each.policy, arrived_percent],
        )
        for each in ours
        if each.arrived_percent == arrived_percent and (each.policy, arrived_percent) in theirs
    )


def _summary(path: Path, number: int, row: dict[str, str]) -> Summary:
    policy = POLICY_OF.get(row["policy"])
    if policy is None:
        raise BadTrace(
            f"{path}, row {number}, column 'policy': expected one of"
            f" {', '.join(POLICY_OF)}, found {row['policy']!r}."
        )
    figures = [_number(path, number, row, column) for column in COLUMNS[1:]]
    return Summary(
        policy=policy,
        arrived_percent=int(figures[0]),
        allocated_percent_mean=figures[1],
        allocated_percent_sd=figures[2],
        fragmented_percent_mean=figures[3],
        runs=PUBLISHED_RUNS,
    )


def _number(path: Path, number: int, row: dict[str, str], column: str) -> float:
    try:
        return float(row[column])
    except (TypeError, ValueError) as error:
        raise BadTrace(
            f"{path}, row {number}, column '{column}': expected a number, found {row[column]!r}."
        ) from error
