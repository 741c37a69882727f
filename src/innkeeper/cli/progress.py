"""Progress: a live line a run where there is a terminal, plain lines now and then elsewhere."""

import sys
import time
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from innkeeper.cli.output import PIPE_WIDTH

PLAIN_EVERY_S: Final = 5.0
"""Pause between two plain lines about one thing."""


class Bars:
    """One bar for each thing that goes on, in the order in which they began.

    Goes to stdout, or to stderr with ``aside`` (when stdout is for JSON).
    """

    def __init__(self, *, aside: bool) -> None:
        stream = sys.stderr if aside else sys.stdout
        self._live = stream.isatty()
        self._console = Console(file=stream, width=None if self._live else PIPE_WIDTH)
        self._bars = Progress(
            TextColumn("[bold]{task.description}[/]"),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[figures]}"),
            TimeElapsedColumn(),
            console=self._console,
            disable=not self._live,
        )
        self._ids: dict[str, TaskID] = {}
        self._told_at: dict[str, float] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def update(self, name: str, *, done: int, total: int, figures: str) -> None:
        """Show how far ``name`` is."""
        if not self._live:
            self._tell(name, f"{done:,}/{total:,}  {figures}", last=done >= total)
            return
        if name not in self._ids:
            self._ids[name] = self._bars.add_task(name, total=total, figures=figures)
        self._bars.update(self._ids[name], completed=done, figures=figures)

    def _tell(self, name: str, figures: str, *, last: bool) -> None:
        now = time.monotonic()
        if last or now - self._told_at.get(name, now - PLAIN_EVERY_S) >= PLAIN_EVERY_S:
            self._told_at[name] = now
            self._console.print(f"{name}: {figures}", highlight=False)
            self._console.file.flush()
