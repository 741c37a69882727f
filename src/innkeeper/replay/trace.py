"""A trace: the nodes and tasks of one folder, with what was published about them."""

from pathlib import Path
from typing import Final

import msgspec

import innkeeper
from innkeeper.core.errors import BadTrace
from innkeeper.replay.measure import Summary
from innkeeper.replay.openb import Node, Task, load_nodes, load_tasks
from innkeeper.replay.report import load_published

NODES_NAME: Final = "openb_node_list_gpu_node.csv"
TASKS_NAMES: Final = ("openb_pod_list_default.csv.gz", "openb_pod_list_default.csv")
"""The task list, packed or not; the first that is there is read."""
PUBLISHED_NAME: Final = "published.csv"


class Trace(msgspec.Struct, frozen=True):
    """Nodes, tasks, and the published figures; none if the folder has no such file."""

    nodes: tuple[Node, ...]
    tasks: tuple[Task, ...]
    published: tuple[Summary, ...]


def bundled() -> Path:
    """Give the folder of the trace that comes with Innkeeper."""
    package = Path(innkeeper.__file__).parent
    # In a wheel it lies inside of the package, in a checkout at its top.
    for folder in (package / "examples" / "openb", package.parents[1] / "examples" / "openb"):
        if folder.is_dir():
            return folder
    raise BadTrace("The OpenB trace is not installed. Name its folder with --data.")


def load_trace(folder: Path) -> Trace:
    """Read the trace of a folder. Raises BadTrace."""
    if not folder.is_dir():
        raise BadTrace(f"There is no folder {folder}. Name one that has a trace with --data.")
    tasks = next((folder / name for name in TASKS_NAMES if (folder / name).exists()), None)
    if tasks is None:
        raise BadTrace(f"There is no task list in {folder}: expected {' or '.join(TASKS_NAMES)}.")
    published = folder / PUBLISHED_NAME
    trace = Trace(
        nodes=load_nodes(folder / NODES_NAME),
        tasks=load_tasks(tasks),
        published=load_published(published) if published.exists() else (),
    )
    if not trace.nodes:
        raise BadTrace(f"{folder / NODES_NAME} has no nodes.")
    return trace
