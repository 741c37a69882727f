"""The OpenB trace (Alibaba, 2023): nodes with GPUs, tasks that share them, and requests.

Reads the files and says what a task asks in the terms of Placement; places nothing.
Source of the format: github.com/alibaba/clusterdata, cluster-trace-gpu-v2023.
"""

import csv
import gzip
import io
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from innkeeper.core.errors import BadTrace
from innkeeper.core.request_group import CandidateRequest, RequestGroup
from innkeeper.scheduler.asked import GpuClasses
from innkeeper.scheduler.weighers.fragmentation import TypicalTask

OPENB: Final = GpuClasses(
    cpu="CUSTOM_CPU_MILLI", gpu="CUSTOM_GPU_MILLI", model_prefix="CUSTOM_GPU_MODEL_"
)
"""The classes under which a trace is placed."""

GPU_MILLI: Final = 1000
"""What one GPU has."""

GPU_COUNTS: Final = (0, 1, 2, 4, 8)
"""How many GPUs a task of the trace may ask."""

MAX_NODE_GPUS: Final = 8
"""The largest node of the trace."""

TYPICAL_COVERAGE: Final = 0.95
"""The typical tasks are the most frequent ones that together make this part of all."""

MAX_AMOUNT: Final = 2**31 - 1
"""The largest amount that an inventory can have."""

NODE_COLUMNS: Final = ("sn", "cpu_milli", "memory_mib", "gpu", "model")
TASK_COLUMNS: Final = ("name", "cpu_milli", "memory_mib", "num_gpu", "gpu_milli")


class Node(msgspec.Struct, frozen=True):
    """A node: milli-CPU, MiB, and ``gpus`` GPUs of 1000 milli-GPU each."""

    name: str
    cpu_milli: int
    memory_mb: int
    gpus: int
    model: str
    """Of its GPUs; "" without any."""


class Task(msgspec.Struct, frozen=True):
    """A task: what it asks of one node."""

    name: str
    cpu_milli: int
    memory_mb: int
    num_gpu: int
    gpu_milli: int
    """Of each of its GPUs; below 1000 only if it asks one."""
    gpu_spec: str = ""
    """GPU models it accepts, separated by ``|``; "" for any."""

    @property
    def asked_gpu_milli(self) -> int:
        """Give the milli-GPU it asks of all its GPUs together."""
        return self.num_gpu * self.gpu_milli

    @property
    def models(self) -> frozenset[str]:
        """Give the GPU models it accepts; none means any."""
        return frozenset(model for model in self.gpu_spec.split("|") if model)

    @property
    def workload(self) -> str:
        """Give its class: ``share``, ``gpu1``, ``gpu2``, ``gpu4``, ``gpu8``, or "" without GPU."""
        if not self.num_gpu:
            return ""
        return "share" if self.gpu_milli < GPU_MILLI else f"gpu{self.num_gpu}"


# --- reading -----------------------------------------------------------------------------


class _Row:
    """One row of a file; turns cells into values, or says which of them is wrong."""

    def __init__(self, path: Path, number: int, cells: dict[str, str]) -> None:
        self.path, self.number, self.cells = path, number, cells

    def bad(self, column: str, expected: str) -> BadTrace:
        found = self.cells.get(column, "")
        return BadTrace(
            f"{self.path}, row {self.number}, column '{column}': "
            f"expected {expected}, found {found!r}."
        )

    def text(self, column: str) -> str:
        if not self.cells[column]:
            raise self.bad(column, "a name")
        return self.cells[column]

    def number_of(self, column: str, *, least: int = 0, most: int = MAX_AMOUNT) -> int:
        cell = self.cells[column]
        value = int(cell) if cell.isascii() and cell.isdigit() else -1
        if not least <= value <= most:
            raise self.bad(column, f"a whole number from {least} to {most}")
        return value


def load_nodes(path: Path) -> tuple[Node, ...]:
    """Read a node list, in the order of the file. Raises BadTrace."""
    nodes: dict[str, Node] = {}
    for row in _rows(path, NODE_COLUMNS):
        node = _node(row)
        if node.name in nodes:
            raise row.bad("sn", "a name that no earlier row has")
        nodes[node.name] = node
    return tuple(nodes.values())


def load_tasks(path: Path) -> tuple[Task, ...]:
    """Read a task list, in the order of the file. Raises BadTrace."""
    return tuple(_task(row) for row in _rows(path, TASK_COLUMNS))


def _node(row: _Row) -> Node:
    gpus = row.number_of("gpu", most=MAX_NODE_GPUS)
    return Node(
        name=row.text("sn"),
        cpu_milli=row.number_of("cpu_milli", least=1),
        memory_mb=row.number_of("memory_mib", least=1),
        gpus=gpus,
        model=row.text("model") if gpus else "",
    )


def _task(row: _Row) -> Task:
    num_gpu = row.number_of("num_gpu", most=max(GPU_COUNTS))
    if num_gpu not in GPU_COUNTS:
        raise row.bad("num_gpu", f"one of {', '.join(map(str, GPU_COUNTS))}")
    least, most = {0: (0, 0), 1: (1, GPU_MILLI)}.get(num_gpu, (GPU_MILLI, GPU_MILLI))
    return Task(
        name=row.text("name"),
        cpu_milli=row.number_of("cpu_milli"),
        memory_mb=row.number_of("memory_mib"),
        num_gpu=num_gpu,
        gpu_milli=row.number_of("gpu_milli", least=least, most=most),
        gpu_spec=row.cells.get("gpu_spec", ""),
    )


def _rows(path: Path, columns: Sequence[str]) -> Iterator[_Row]:
    """Give the rows of a CSV file (plain, or gzip by its name), numbered as an editor does."""
    reader = csv.reader(io.StringIO(_text(path), newline=""), strict=True)
    try:
        header = next(reader, [])
        for column in columns:
            if column not in header:
                raise BadTrace(f"{path}, row 1, column '{column}': expected it in the header.")
        for cells in reader:
            if len(cells) != len(header):
                raise BadTrace(
                    f"{path}, row {reader.line_num}, column '{header[-1]}': expected "
                    f"{len(header)} columns as in the header, found {len(cells)}."
                )
            yield _Row(path, reader.line_num, dict(zip(header, cells, strict=True)))
    except csv.Error as error:
        raise BadTrace(f"{path}, row {reader.line_num}: expected CSV: {error}.") from error


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
        return content.decode()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise BadTrace(f"{path}: expected a gzip file: {error}.") from error
    except UnicodeDecodeError as error:
        raise BadTrace(f"{path}: expected UTF-8 text: {error}.") from error
    except OSError as error:
        raise BadTrace(f"{path}: cannot be read: {error.strerror}.") from error


# --- in the terms of Placement -----------------------------------------------------------


def model_trait(model: str) -> str:
    """Give the trait that marks a GPU as of this model."""
    return OPENB.model_prefix + re.sub(r"[^A-Z0-9_]", "_", model.upper())


def candidate_request(task: Task) -> CandidateRequest:
    """Give what a task asks: CPU and memory of the host, and each GPU as a group of its own."""
    amounts = ((OPENB.cpu, task.cpu_milli), ("MEMORY_MB", task.memory_mb))
    plain = tuple(sorted((name, amount) for name, amount in amounts if amount))
    models = tuple(sorted(model_trait(model) for model in task.models))
    gpus = tuple(
        RequestGroup(
            suffix=f"_GPU{number}",
            resources=((OPENB.gpu, task.gpu_milli),),
            required=(models,) if models else (),
        )
        for number in range(task.num_gpu)
    )
    unsuffixed = (RequestGroup(resources=plain),) if plain else ()
    return CandidateRequest(
        groups=unsuffixed + gpus, group_policy="isolate" if len(gpus) > 1 else None
    )


def typical_tasks(tasks: Sequence[Task]) -> tuple[TypicalTask, ...]:
    """Give the typical tasks of a list with their weights, most frequent first.

    Memory plays no part. Ties: the larger cpu_milli, gpu_milli, num_gpu, gpu_spec first.
    Source: Weng et al., Beware of Fragmentation, USENIX ATC 2023, section 4.
    """
    counts = Counter((t.cpu_milli, t.gpu_milli, t.num_gpu, t.gpu_spec) for t in tasks)
    order = sorted(counts, key=lambda shape: (counts[shape], *shape), reverse=True)
    chosen: list[tuple[int, int, int, str]] = []
    covered = 0
    for shape in order:
        if covered >= TYPICAL_COVERAGE * len(tasks):
            break
        chosen.append(shape)
        covered += counts[shape]
    return tuple(
        TypicalTask(
            cpu=cpu,
            gpus=num_gpu,
            gpu_milli=gpu_milli,
            models=frozenset(model_trait(model) for model in spec.split("|") if model),
            weight=counts[cpu, gpu_milli, num_gpu, spec] / covered,
        )
        for cpu, gpu_milli, num_gpu, spec in chosen
    )
