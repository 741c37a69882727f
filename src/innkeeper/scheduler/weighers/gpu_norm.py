"""The size of the largest node, by which GPU policies bring CPU and GPU to one scale."""

import msgspec


class GpuNorm(msgspec.Struct, frozen=True):
    """What counts as one whole of each dimension."""

    cpu: int = 128_000
    """Of the CPU class: the largest node of the OpenB cluster has 128,000 milli-CPU."""
    gpu_milli: int = 8_000
    """Eight GPUs."""
