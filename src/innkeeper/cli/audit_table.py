"""What people see of an audit."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from innkeeper.core.audit import Finding

MAX_LISTED: Final = 50
"""Findings that are listed one by one; --json has them all."""


def audit_table(
    database: str,
    counts: Mapping[str, int],
    rules: Sequence[str],
    findings: Sequence[Finding],
) -> RenderableType:
    """Give what was looked at, the verdict on each rule, and what was found."""
    wrong = sum(finding.severity == "wrong" for finding in findings)
    found = Counter(finding.rule for finding in findings)
    table = Table(box=None, show_header=False, pad_edge=False)
    for rule in rules:
        number = found[rule]
        table.add_row(
            rule.replace("_", " "), f"[red]{number} found[/]" if number else "[green]holds[/]"
        )
    rows = ", ".join(f"{number:,} {name.replace('_', ' ')}" for name, number in counts.items())
    verdict = (
        f"[bold red]{wrong} things are wrong.[/]"
        if wrong
        else "[bold green]The books are clean.[/]"
    )
    listed = [
        f"[{'red' if finding.severity == 'wrong' else 'yellow'}]{finding.severity}[/]"
        f" {finding.rule}: {escape(finding.subject)} {escape(finding.detail)}"
        for finding in findings[:MAX_LISTED]
    ]
    if len(findings) > MAX_LISTED:
        listed.append(f"and {len(findings) - MAX_LISTED} more: --json lists them all")
    return Group(f"[bold]Audit of {escape(database)}[/]: {rows}", table, *listed, verdict)
