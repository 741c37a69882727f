"""Hints: what to open and what to try while a server runs."""

from pathlib import Path

from rich.table import Table

from innkeeper.config import Config

_BODY = (
    '{"instance": {"name": "first", "project_id": "demo", "user_id": "me",'
    ' "resources": {"VCPU": 2, "MEMORY_MB": 2048}}}'
)


def hints(url: str, *, data_dir: str, placement_url: str = "", cells: bool = True) -> Table:
    """Give URLs to open and commands to try with a server at ``url``, which may have no cells."""
    placement = f"{placement_url or url + '/placement'}/resource_providers"
    where = "" if Path(data_dir) == Path(Config().data_dir) else f" --data-dir {data_dir}"
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(overflow="fold")
    table.add_column(style="dim")
    of_cells = (
        (f"{url}/v1/instances?limit=5", "the native API"),
        (f"innkeeper host list{where}", "hosts and what they have left"),
        (f"innkeeper instance list{where} --limit 5", "instances of all cells"),
    )
    for line, text in (
        (placement, "the OpenStack Placement API"),
        (f"{url}/v1/openapi.json", "all that the native API can do"),
        *(of_cells if cells else ()),
        (f"innkeeper provider tree{where} --limit 1", "a provider tree"),
        (f"innkeeper audit{where}", "do the books add up?"),
    ):
        table.add_row(line, text)
    return table


def first_instance(url: str) -> str:
    """Give a command that asks for an instance."""
    return f"curl -s {url}/v1/instances -H 'Content-Type: application/json' -d '{_BODY}'"
