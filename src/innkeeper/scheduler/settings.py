"""Settings of the scheduler, made once at start."""

import msgspec

from innkeeper.scheduler.asked import GpuClasses
from innkeeper.scheduler.weighers.fragmentation import TypicalTask
from innkeeper.scheduler.weighers.gpu_norm import GpuNorm


class SchedulerSettings(msgspec.Struct, frozen=True):
    """How hosts are chosen where a request does not say."""

    policy: str = "spread"
    """Name of the profile for requests that name none."""
    host_subset_size: int = 1
    """One of that many best hosts is taken at random, so that schedulers compete less."""
    random_ties: bool = False
    """Of equally good hosts take any; else the one that was registered first."""
    settle_timeout_s: float = 5.0
    """How long a request that fits nowhere waits for claims in flight that might fail."""
    ram_multiplier: float = 1.0
    cpu_multiplier: float = 1.0
    disk_multiplier: float = 1.0
    soft_affinity_multiplier: float = 1.0
    soft_anti_affinity_multiplier: float = 1.0
    gpu: GpuClasses = GpuClasses()
    gpu_norm: GpuNorm = GpuNorm()
    typical: tuple[TypicalTask, ...] = ()
    """The tasks whose fragments ``fgd`` counts; without any, all hosts are the same to it."""
