"""What people and programs see of a move in or out, and of what could not be moved."""

import time
from collections import Counter
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from cyclopts import Parameter
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from innkeeper.cli import output
from innkeeper.cli.progress import Bars
from innkeeper.core.errors import SetupError

if TYPE_CHECKING:
    from innkeeper.store.placement_db.broken import BrokenRow, Incomplete
    from innkeeper.store.placement_db.comparing import Comparison
    from innkeeper.store.placement_db.source import Source

MAX_LISTED: Final = 20
"""Broken rows that are shown one by one; --skip-broken writes down all."""

Flag = Annotated[bool, Parameter(negative="")]


class Broken(msgspec.Struct, frozen=True):
    """Rows that cannot be moved."""

    count: int
    kinds: dict[str, int]
    """How many of each kind."""
    first: tuple["BrokenRow", ...]


def look_for_broken(source: "Source", *, into: Path | None) -> Broken:
    """Find what cannot be moved, and write it all to the JSON file ``into``, if there is one."""
    rows = source.broken()
    first = tuple(islice(rows, MAX_LISTED))
    kinds = Counter(_kind(row) for row in (*first, *rows))
    if into is not None:
        try:
            with into.open("wb") as file:
                for row in source.broken():
                    file.write(msgspec.json.encode(row) + b"\n")
        except OSError as error:
            raise SetupError(
                f"--skip-broken: {into} cannot be written: {error.strerror}."
            ) from error
    return Broken(kinds.total(), dict(kinds), first)


def show_broken(source: str, broken: Broken, *, json: bool) -> None:
    """Say what keeps ``source`` from being moved."""
    if json:
        output.show_json({"source": source, "broken": broken})
        return
    listed = [
        f"{row.table}: {row.why}: " + escape(", ".join(f"{k}={v}" for k, v in row.row.items()))
        for row in broken.first
    ]
    if broken.count > len(listed):
        listed.append(f"and {broken.count - len(listed)} more")
    output.show(
        Group(
            f"[bold red]{broken.count} rows of {escape(source)} refer to what does not exist:[/]",
            *(f"{count:,} {kind}" for kind, count in broken.kinds.items()),
            *listed,
            "Nothing was written. Mend them there, or run the same with --skip-broken FILE, which"
            " leaves them out and writes them to that file.",
        )
    )


class Moved(msgspec.Struct, frozen=True):
    """How a move ended."""

    placement: str
    """The database of Placement."""
    innkeeper: str
    same: bool
    skipped: int
    """Broken rows that were left out."""
    incomplete: tuple["Incomplete", ...]
    """What was made whole on the way."""
    comparison: "Comparison"


def show_moved(moved: Moved, *, json: bool) -> None:
    """Show the comparison and what it leaves out."""
    if json:
        output.show_json(moved)
    else:
        output.show(_table(moved))


def _table(moved: Moved) -> RenderableType:
    table = Table(box=None, pad_edge=False)
    for heading in ("", "Placement", "Innkeeper", ""):
        table.add_column(heading, justify="left" if not heading else "right")
    for line in moved.comparison.lines:
        verdict = f"[red]{line.differ:,} differ[/]" if line.differ else "[green]same[/]"
        table.add_row(line.what, f"{line.placement:,}", f"{line.innkeeper:,}", verdict)
    notes = [
        f"[yellow]note[/] {each.count:,} {each.what}: {escape(', '.join(each.examples))}"
        + (", ..." if each.count > len(each.examples) else "")
        for each in moved.incomplete
    ]
    if moved.skipped:
        notes.append(f"[yellow]note[/] {moved.skipped:,} broken rows were left out")
    told = [f"[red]differs[/] {escape(each)}" for each in moved.comparison.differences]
    verdict = (
        "[bold green]Both say the same.[/]" if moved.same else "[bold red]They are not the same.[/]"
    )
    title = f"{escape(moved.placement)} and {escape(moved.innkeeper)}"
    return Group(f"[bold]{title}[/]", table, *notes, *told, verdict)


def telling(bars: Bars) -> Callable[[str, int, int], None]:
    """Give what shows (what, done, total), with the rate since ``what`` was first told of."""
    began: dict[str, tuple[float, int]] = {}

    def tell(what: str, done: int, total: int) -> None:
        now = time.monotonic()
        since, from_done = began.setdefault(what, (now, done))
        rate = (done - from_done) / (now - since) if now > since else 0.0
        bars.update(what, done=done, total=total, figures=f"{rate:,.0f}/s" if rate else "")

    return tell


def _kind(row: "BrokenRow") -> str:
    return f"{row.table}: {row.why}"
