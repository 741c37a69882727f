"""What people see of a replay. Pure: from results to what is drawn."""

from collections.abc import Sequence
from typing import Final

import msgspec
from rich.markup import escape
from rich.table import Table

from innkeeper.replay.measure import Curve, Summary, summarize
from innkeeper.replay.placing import POLICIES
from innkeeper.replay.report import compare
from innkeeper.replay.run import RunResult
from innkeeper.replay.servers import ServersResult

FULL: Final = 100
"""Percent of arrived demand at which policies are compared."""


class PolicyFigures(msgspec.Struct, frozen=True):
    """One policy over all its seeds, where as much was asked for as there is."""

    policy: str
    seeds: tuple[int, ...]
    arrived_percent: int
    allocated_percent: float
    sd: float
    unallocated_percent: float
    published_percent: float | None
    """What the paper's runs allocated; null if that is not known."""
    difference: float | None
    """Points of all GPUs above what was published."""
    books_clean: bool


def figures(results: Sequence[RunResult], published: Sequence[Summary]) -> list[PolicyFigures]:
    """Give the figures of each policy, in the order in which they were asked for."""
    return [
        _of_policy([each for each in results if each.asked.policy == policy], published)
        for policy in dict.fromkeys(each.asked.policy for each in results)
    ]


def figures_table(rows: Sequence[PolicyFigures]) -> Table:
    """Give the table of all policies."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("POLICY")
    for column in ("RUNS", "ARRIVED %", "ALLOCATED %", "SD", "PUBLISHED %", "DIFFERENCE"):
        table.add_column(column, justify="right")
    table.add_column("UNALLOCATED %", justify="right")
    table.add_column("BOOKS")
    for row in rows:
        table.add_row(
            row.policy,
            str(len(row.seeds)),
            str(row.arrived_percent),
            f"[bold]{row.allocated_percent:.2f}[/]",
            f"{row.sd:.2f}",
            "-" if row.published_percent is None else f"{row.published_percent:.2f}",
            "-" if row.difference is None else f"{row.difference:+.2f}",
            f"{row.unallocated_percent:.2f}",
            _books(clean=row.books_clean),
        )
    return table


def servers_table(result: ServersResult, published: Sequence[Summary]) -> Table:
    """Give the summary of a replay through the whole system."""
    last = result.last
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(justify="right")
    table.add_column(style="dim")
    for name, value, text in (
        ("tasks sent", f"{last.sent:,}", f"to {result.hosts:,} hosts in {result.cells} cells"),
        ("ACTIVE", f"{last.active:,}", ""),
        *(("ERROR", f"{count:,}", escape(code)) for code, count in sorted(result.errors.items())),
        ("retried", f"{last.retried:,}", "a build failed and an alternate of the cell took over"),
        ("unfinished", f"{result.unfinished:,}", "neither ACTIVE nor in ERROR"),
        ("elapsed", f"{last.elapsed_s:.1f} s", ""),
        ("placements", f"{last.per_second:,.0f} /s", "scheduled, claimed, built, recorded"),
        (
            "GPUs unallocated",
            f"{result.unallocated_gpus:,.2f}",
            _left(result),
        ),
        *_published_rows(result, published),
        ("books", _books(clean=result.audit.clean), f"{len(result.audit.rules)} rules checked"),
    ):
        table.add_row(name, value, text)
    return table


def _left(result: ServersResult) -> str:
    return (
        f"of {result.gpus:,}: {result.unallocated_percent:.2f} % where"
        f" {result.arrived_percent:.0f} % were asked for, by {result.policy}"
    )


def _published_rows(
    result: ServersResult, published: Sequence[Summary]
) -> list[tuple[str, str, str]]:
    """Give what each published policy left unallocated at as much demand as arrived here."""
    arrived = round(result.arrived_percent)
    at = {each.policy: each for each in published if each.arrived_percent == arrived}
    rows = []
    for policy in POLICIES:
        if policy in at:
            left = FULL - at[policy].allocated_percent_mean
            rows.append(
                (f"  published {policy}", f"{left * result.gpus / FULL:,.2f}", f"{left:.2f} %")
            )
    return rows


def _of_policy(results: Sequence[RunResult], published: Sequence[Summary]) -> PolicyFigures:
    policy = results[0].asked.policy
    summary = _at_full(policy, [each.curve for each in results])
    compared = compare([summary], published, arrived_percent=summary.arrived_percent)
    return PolicyFigures(
        policy=policy,
        seeds=tuple(each.asked.seed for each in results),
        arrived_percent=summary.arrived_percent,
        allocated_percent=summary.allocated_percent_mean,
        sd=summary.allocated_percent_sd,
        unallocated_percent=FULL - summary.allocated_percent_mean,
        published_percent=compared[0].published.allocated_percent_mean if compared else None,
        difference=compared[0].allocated_difference if compared else None,
        books_clean=all(each.audit.clean for each in results),
    )


def _at_full(policy: str, curves: Sequence[Curve]) -> Summary:
    """Give the summary at full demand, or, of a small trace, at the demand nearest to it."""
    summaries = summarize(policy, curves)
    return min(summaries, key=lambda each: abs(each.arrived_percent - FULL))


def _books(*, clean: bool) -> str:
    return "[green]clean[/]" if clean else "[red]wrong[/]"
