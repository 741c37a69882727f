"""GpuPackingWeigher: used GPUs first, then free GPUs of used hosts, then empty hosts.

Source: Weng et al., MLaaS in the wild, NSDI 2022, in the form of the published OpenB
experiments (Weng et al., USENIX ATC 2023).
"""

import numpy as np

from innkeeper.index.hosts import HostTable
from innkeeper.scheduler.arrays import Mask, Scores
from innkeeper.scheduler.asked import Asked, GpuClasses

_NEVER = np.iinfo(np.int64).max

# The bands of the score: used GPUs above 50, free GPUs of used hosts above 33, empty hosts.
_USED_GPUS, _USED_HOST = 50, 33


class GpuPackingWeigher:
    """The fewer GPUs and hosts are begun, the better."""

    standing = True

    def __init__(self, classes: GpuClasses) -> None:
        self._classes = classes

    def score(self, asked: Asked, hosts: HostTable, mask: Mask) -> Scores | None:
        """Give whole numbers from 0 to 100, none without GPU."""
        if not asked.gpu.gpus:
            return None
        scores = np.zeros(mask.size)
        positions = np.flatnonzero(mask)
        devices = hosts.devices(self._classes.gpu, positions)
        if not devices.free.size:
            return scores
        free, capacity = devices.free, devices.capacity
        is_free = (capacity > 0) & (free == capacity)
        free_gpus = is_free.sum(axis=1)
        # The GPUs that would serve: those with least free that is enough.
        enough = np.where(free >= asked.gpu.gpu_milli, free, _NEVER)
        serving = np.argsort(enough, axis=1, kind="stable")[:, : asked.gpu.gpus]
        begun = np.take_along_axis(is_free, serving, axis=1).sum(axis=1)
        left = (np.take_along_axis(free, serving, axis=1) // 10).sum(axis=1) // 10
        scores[positions] = np.where(
            free_gpus == (capacity > 0).sum(axis=1),
            np.maximum(_USED_HOST - free_gpus, free_gpus),
            np.where(
                begun > 0,
                np.maximum(_USED_GPUS - begun, _USED_HOST),
                np.maximum(100 - left, _USED_GPUS),
            ),
        )
        return scores
