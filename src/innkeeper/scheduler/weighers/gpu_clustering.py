"""GpuClusteringWeigher: like workloads together.

Source: Xiao et al., Gandiva, OSDI 2018, in the form of the published OpenB experiments
(Weng et al., USENIX ATC 2023).
"""

import numpy as np

from innkeeper.index.hosts import HostTable
from innkeeper.scheduler.arrays import Mask, Scores
from innkeeper.scheduler.asked import Asked, GpuClasses
from innkeeper.scheduler.weighers.gpu_norm import GpuNorm

# A better kind of host is worth more than any difference in how full two hosts are (0 to 25).
_LIKE_ONLY, _LIKE_AND_OTHERS, _NO_OTHER, _FULLNESS = 75.0, 50.0, 25.0, 25.0


class GpuClusteringWeigher:
    """Hosts with this workload label alone, then with others too, then empty, then the rest."""

    standing = True

    def __init__(self, classes: GpuClasses, norm: GpuNorm) -> None:
        self._classes, self._norm = classes, norm

    def score(self, asked: Asked, hosts: HostTable, mask: Mask) -> Scores | None:
        """Give whole numbers from 0 to 100, none without GPU; of like hosts the fuller wins."""
        if not asked.gpu.gpus:
            return None
        like = hosts.workloads(asked.spec.workload) > 0
        others = np.zeros(mask.size, dtype=np.bool_)
        for label in hosts.labels():
            if label != asked.spec.workload:
                others |= hosts.workloads(label) > 0
        kind = np.where(
            like,
            np.where(others, _LIKE_AND_OTHERS, _LIKE_ONLY),
            np.where(others, 0.0, _NO_OTHER),
        )
        used = self._norm.gpu_milli - hosts.free(self._classes.gpu)
        return kind + np.floor(_FULLNESS * used / self._norm.gpu_milli)
