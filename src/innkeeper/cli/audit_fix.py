"""`innkeeper audit --fix`: shows what would be done about each finding, and does it if told to."""

import asyncio
import sys
from pathlib import Path
from typing import Final

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from innkeeper.api.native.repair_view import RepairShown, RepairView
from innkeeper.cli import exits, output
from innkeeper.cli.audit_options import Repair, read_uuids, seconds
from innkeeper.cli.options import Settings
from innkeeper.cli.source import Source, Where, opened
from innkeeper.core.errors import SetupError

POLL_S: Final = 0.1
"""Pause between two looks at a repair that is under way."""
MAX_LISTED: Final = 200
"""Steps listed one by one; --json has them all."""


async def fix(wanted: Repair, *, json: bool, where: Where | None, settings: Settings | None) -> int:
    """Show the plan, and do it if that is wanted; give the exit code."""
    body = {"repair": {"live_consumers": _live(wanted)}}
    async with opened(where, settings) as source:
        shown = (await source.ask("POST", "/v1/repairs", RepairShown, body=body)).repair
        name = source.name
    if not json:
        output.show(_table(name, shown))
    if not _is_told(wanted, shown, json=json):
        if json:
            output.show_json({"repair": shown})
        return exits.PROBLEMS if shown.steps else exits.FINE
    async with opened(where, settings, to_write=True) as source:
        done = await _apply(source, shown, body)
    if json:
        output.show_json({"repair": done})
    else:
        output.show_plain(
            f"{done.done} of {len(_todo(done))} done."
            + (f" {done.failure}" if done.failure else "")
        )
    left = done.failure or len(_todo(done)) < len(done.steps)
    return exits.PROBLEMS if left else exits.FINE


async def _apply(source: Source, shown: RepairView, body: object) -> RepairView:
    """Do what was shown, or raise if that is no longer what would be done."""
    run = (await source.ask("POST", "/v1/repairs", RepairShown, body=body)).repair
    if _promised(run) != _promised(shown):
        raise SetupError(
            "What there is to do has changed since it was shown; nothing was done. Run it again."
        )
    run = (await source.ask("POST", f"/v1/repairs/{run.id}/apply", RepairShown)).repair
    while run.state == "applying":
        await asyncio.sleep(POLL_S)
        run = (await source.get(f"/v1/repairs/{run.id}", RepairShown)).repair
    return run


def _promised(run: RepairView) -> set[tuple[str, str, str]]:
    # Not the problem's words: an age in them grows while somebody reads.
    return {(step.rule, step.subject, step.action) for step in run.steps}


def _todo(run: RepairView) -> list[str]:
    return [step.subject for step in run.steps if step.fixable]


def _is_told(wanted: Repair, shown: RepairView, *, json: bool) -> bool:
    """Tell whether somebody said yes to what was shown."""
    if not wanted.fix or not _todo(shown) or shown.held_back:
        return False
    if wanted.yes:
        return True
    if json or not (sys.stdin.isatty() and sys.stdout.isatty()):
        output.note("Nothing was done. Say --yes to do it.")
        return False
    return input(f"Do these {len(_todo(shown))} things? [y/N] ").strip().lower() in {"y", "yes"}


def _live(wanted: Repair) -> dict[str, object] | None:
    if wanted.live_consumers is None:
        return None
    return {
        "uuids": _listed(wanted.live_consumers),
        "consumer_type": wanted.consumer_type,
        "older_than_s": seconds(wanted.older_than),
        "force": wanted.force_many_orphans,
    }


def _listed(name: str) -> list[str]:
    if name == "-":
        return read_uuids(sys.stdin.read(), name="stdin")
    try:
        return read_uuids(Path(name).read_text(encoding="utf-8"), name=name)
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"--live-consumers: {name} cannot be read: {error}") from error


def _table(name: str, run: RepairView) -> RenderableType:
    table = Table("", "rule", "what", "is wrong", "what a repair does", box=None, pad_edge=False)
    for step in run.steps[:MAX_LISTED]:
        mark = "[green]fix[/]" if step.fixable else "[yellow]you[/]"
        table.add_row(mark, step.rule, step.subject, escape(step.problem), escape(step.action))
    lines: list[RenderableType] = [f"[bold]Repair of {escape(name)}[/]"]
    lines.append(table if run.steps else "[bold green]There is nothing to repair.[/]")
    if len(run.steps) > MAX_LISTED:
        lines.append(f"and {len(run.steps) - MAX_LISTED} more: --json lists them all")
    if run.held_back:
        lines.append(f"[bold red]Held back:[/] {escape(run.held_back)} (--force-many-orphans)")
    return Group(*lines)
