"""BestFitWeigher: the host that has least left afterwards, CPU and GPU weighing the same.

In the form of the published OpenB experiments (Weng et al., USENIX ATC 2023), which scale
the whole numbers once more over the feasible hosts: scale ``percent`` of the profile.
"""

import numpy as np

from innkeeper.index.hosts import HostTable
from innkeeper.scheduler.arrays import Mask, Scores
from innkeeper.scheduler.asked import Asked, GpuClasses
from innkeeper.scheduler.weighers.gpu_norm import GpuNorm


class BestFitWeigher:
    """The less remains, the better."""

    standing = True

    def __init__(self, classes: GpuClasses, norm: GpuNorm) -> None:
        self._classes, self._norm = classes, norm

    def score(self, asked: Asked, hosts: HostTable, mask: Mask) -> Scores:
        """Give whole numbers, 100 where nothing remains."""
        cpu = (hosts.free(self._classes.cpu) - asked.gpu.cpu) / self._norm.cpu
        gpu = (hosts.free(self._classes.gpu) - asked.gpu.total_milli) / self._norm.gpu_milli
        return np.trunc(100.0 * (1.0 - 0.5 * cpu - 0.5 * gpu))
