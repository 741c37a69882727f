"""DotProductWeigher: as Tetris does, with all GPUs of a host as one dimension.

Source: Grandl et al., Multi-resource packing for cluster schedulers, SIGCOMM 2014, in the
form of the published OpenB experiments (Weng et al., USENIX ATC 2023).
"""

import numpy as np

from innkeeper.index.hosts import HostTable
from innkeeper.scheduler.arrays import Mask, Scores
from innkeeper.scheduler.asked import Asked, GpuClasses
from innkeeper.scheduler.weighers.gpu_norm import GpuNorm


class DotProductWeigher:
    """The larger the dot product of what is free and what is asked, the lower the score."""

    standing = True

    def __init__(self, classes: GpuClasses, norm: GpuNorm) -> None:
        self._classes, self._norm = classes, norm

    def score(self, asked: Asked, hosts: HostTable, mask: Mask) -> Scores:
        """Give whole numbers from 0 to 100."""
        cpu = hosts.free(self._classes.cpu) / self._norm.cpu
        gpu = hosts.free(self._classes.gpu) / self._norm.gpu_milli
        product = cpu * (asked.gpu.cpu / self._norm.cpu)
        product += gpu * (asked.gpu.total_milli / self._norm.gpu_milli)
        return np.trunc(100.0 * (1.0 - product / 2.0))
