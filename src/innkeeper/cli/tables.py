"""Tables: what commands show to people. Pure: from what was read to what is drawn."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table
from rich.tree import Tree

from innkeeper.api.native.host_view import Amounts, HostView
from innkeeper.api.native.instance_view import DecisionView, InstanceView
from innkeeper.api.native.provider_view import ProviderView

STATUS_STYLES: Mapping[str, str] = {
    "ACTIVE": "green",
    "BUILD": "yellow",
    "ERROR": "red",
    "DELETED": "dim",
}


def host_table(hosts: Sequence[HostView]) -> Table:
    """Give a table of hosts with what they have left, a column for each resource class."""
    classes = sorted({name for host in hosts for name in host.resources})
    table = Table("HOST", "CELL", "ZONE", "STATE", box=None, pad_edge=False, header_style="bold")
    for name in classes:
        table.add_column(f"{name}\nused / all", justify="right")
    for host in hosts:
        amounts = [_amount(host.resources.get(name)) for name in classes]
        table.add_row(
            escape(host.name), escape(host.cell), escape(host.zone), _state(host), *amounts
        )
    return table


def instance_table(instances: Sequence[InstanceView]) -> Table:
    """Give a table of instances."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("UUID", "NAME", "STATUS", "CELL", "HOST", "TRIES", "CREATED"):
        table.add_column(column, no_wrap=column == "UUID", justify="default")
    for instance in instances:
        table.add_row(
            instance.uuid,
            escape(instance.name),
            _status(instance),
            _cell(instance),
            escape(instance.host or "-"),
            str(instance.attempt),
            _moment(instance.created_at),
        )
    return table


def instance_details(instance: InstanceView, decision: DecisionView | None) -> RenderableType:
    """Give all about one instance, with what was decided for it and why.

    Of the decision's steps only those that removed a host: the JSON has all.
    """
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _facts(instance):
        table.add_row(name, value)
    for attempt in instance.attempts:
        table.add_row(f"attempt {attempt.number}", escape(f"{attempt.host}: {attempt.reason}"))
    if instance.fault is not None:
        table.add_row("fault", f"[red]{escape(instance.fault.message)}[/] ({instance.fault.code})")
    for each in () if instance.selection is None else instance.selection.allocations:
        table.add_row("holds", f"{each.amount} {each.resource_class} of {each.provider}")
    if decision is not None:
        table.add_row("why", escape(decision.why))
        for step in decision.record.steps:
            if step.removed:
                count = f"-{step.removed}, {step.remaining} left"
                table.add_row("", escape(f"{step.name}: {count}. {step.reason}"))
        for score in decision.record.top:
            table.add_row("", escape(f"{score.host} scored {score.score:g}"))
    return table


def provider_tree(provider: ProviderView) -> Tree:
    """Give a provider and all below it, each with its inventories and traits."""
    tree = Tree(_provider(provider))
    _grow(tree, provider)
    return tree


def _grow(tree: Tree, provider: ProviderView) -> None:
    for child in provider.children:
        _grow(tree.add(_provider(child)), child)


def _provider(provider: ProviderView) -> str:
    parts = [f"[bold]{escape(provider.name)}[/] [dim]{provider.uuid}[/]"]
    parts += [f"{name} {each.used}/{each.capacity}" for name, each in provider.inventories.items()]
    if provider.traits:
        parts.append(f"[cyan]{escape(' '.join(provider.traits))}[/]")
    if provider.cut:
        parts.append("[yellow]more below[/]")
    return "  ".join(parts)


def _facts(instance: InstanceView) -> list[tuple[str, str]]:
    return [
        ("uuid", instance.uuid),
        ("name", escape(instance.name)),
        ("status", _status(instance)),
        ("project / user", escape(f"{instance.project_id} / {instance.user_id}")),
        ("cell", _cell(instance)),
        ("host", escape(instance.host or "-")),
        ("created", _moment(instance.created_at)),
        ("updated", _moment(instance.updated_at)),
        ("tries", f"{instance.attempt} ({instance.alternates} alternates left)"),
    ]


def _amount(amounts: Amounts | None) -> str:
    return "-" if amounts is None else f"{amounts.used:,} / {amounts.capacity:,}"


def _state(host: HostView) -> str:
    if not host.enabled:
        reason = f": {escape(host.disabled_reason)}" if host.disabled_reason else ""
        return f"[yellow]disabled{reason}[/]"
    return "[green]up[/]" if host.up else "[red]down[/]"


def _status(instance: InstanceView) -> str:
    task = f" ({instance.task_state})" if instance.task_state else ""
    return f"[{STATUS_STYLES[instance.status]}]{instance.status}[/]{task}"


def _cell(instance: InstanceView) -> str:
    down = "" if instance.cell_up else " [red](down)[/]"
    return escape(instance.cell or "-") + down


def _moment(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")
