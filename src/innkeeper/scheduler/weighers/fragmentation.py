"""Fragmentation: how much of a host's free GPU the typical tasks could not use.

Pure arithmetic on arrays of states. Source: Weng et al., Beware of Fragmentation:
Scheduling GPU-Sharing Workloads with Fragmentation Gradient Descent, USENIX ATC 2023.
"""

from collections.abc import Sequence

import msgspec
import numpy as np

from innkeeper.scheduler.arrays import Amounts, Codes, Scores


class TypicalTask(msgspec.Struct, frozen=True):
    """A task that is often asked for, and how often."""

    cpu: int
    """Of the CPU class."""
    gpus: int
    gpu_milli: int
    """Of each GPU."""
    models: frozenset[str]
    """Traits of which its GPUs must have one; none means any."""
    weight: float
    """Its part of all typical tasks, from 0 to 1."""


class Fragmentation:
    """The measure F, for a set of typical tasks and the GPU models that hosts may have.

    ``models`` are the traits by code; code -1 is a host whose GPUs have no known model.
    """

    def __init__(self, typical: Sequence[TypicalTask], models: Sequence[str]) -> None:
        # A task without GPU can use no GPU: it adds to the weight of all, and nothing else.
        tasks = [task for task in typical if task.gpus]
        self._weight = np.array([task.weight for task in tasks])
        self._total_weight = sum(task.weight for task in typical)
        self._cpu = np.array([task.cpu for task in tasks], dtype=np.int64)
        self._gpus = np.array([task.gpus for task in tasks], dtype=np.int64)
        # Tasks differ more in CPU than in GPU: devices are compared once per distinct share.
        shares = sorted({task.gpu_milli for task in tasks})
        self._shares = np.array(shares, dtype=np.int64)
        self._share_of = np.array([shares.index(task.gpu_milli) for task in tasks], dtype=np.intp)
        names: list[str | None] = [*models, None]
        self._allowed = np.array(
            [[not task.models or name in task.models for task in tasks] for name in names],
            dtype=np.bool_,
        ).reshape(len(names), len(tasks))

    def of(self, cpu: Amounts, free: Amounts, model: Codes) -> Scores:
        """Give F in milli-GPU of B states, float64[B].

        ``cpu`` int64[B]: free CPU. ``free`` int64[k, B]: free milli-GPU of each device, 0 where
        a host has none. ``model`` int32[B]: code of the GPU model.
        """
        # enough[k, s, B]: device k of state B has the share s.
        enough = free[:, None, :] >= self._shares[None, :, None]
        count = np.add.reduce(enough, axis=0, dtype=np.int64)
        usable = np.add.reduce(free[:, None, :] * enough, axis=0)
        runs = count[self._share_of] >= self._gpus[:, None]
        runs &= cpu >= self._cpu[:, None]
        runs &= self._allowed[model].T
        total = np.add.reduce(free, axis=0)
        used: Scores = self._weight @ (usable[self._share_of] * runs)
        fragments: Scores = total * self._total_weight - used
        return fragments
