"""Asked: what weighers need to know of a request spec, summed up once per decision."""

from typing import Final

import msgspec

from innkeeper.core.request_group import RequestGroup
from innkeeper.core.request_spec import RequestSpec

GPU_FULL_MILLI: Final = 1000
"""The milli-GPU of a whole GPU."""


class GpuClasses(msgspec.Struct, frozen=True):
    """Under which names GPUs and the CPU beside them are known."""

    cpu: str = "CUSTOM_CPU_MILLI"
    gpu: str = "CUSTOM_GPU_MILLI"
    model_prefix: str = "CUSTOM_GPU_MODEL_"
    """A GPU has one trait that starts with this and goes on with its model."""


class GpuAsk(msgspec.Struct, frozen=True):
    """The part of a request that the GPU policies look at. Hashable: a shape of requests."""

    cpu: int = 0
    """Of the CPU class."""
    gpus: int = 0
    """How many GPUs, each from a provider of its own."""
    gpu_milli: int = 0
    """Of each GPU."""
    models: frozenset[str] = frozenset()
    """Traits of which the GPUs must have one; none means any."""

    @property
    def total_milli(self) -> int:
        """Give the milli-GPU of all its GPUs."""
        return self.gpus * self.gpu_milli

    @property
    def shares(self) -> bool:
        """Tell whether it asks for a part of one GPU."""
        return self.gpus == 1 and self.gpu_milli < GPU_FULL_MILLI


class Asked(msgspec.Struct, frozen=True):
    """A request spec with its sums."""

    spec: RequestSpec
    amounts: dict[str, int]
    """By resource class, over all groups."""
    gpu: GpuAsk


def asked_by(spec: RequestSpec, classes: GpuClasses) -> Asked:
    """Sum up a spec."""
    amounts: dict[str, int] = {}
    shares: list[int] = []
    models: frozenset[str] = frozenset()
    for group in spec.request.groups:
        for name, amount in group.resources:
            amounts[name] = amounts.get(name, 0) + amount
            if name == classes.gpu:
                shares.append(amount)
                models = models or _models(group, classes.model_prefix)
    gpu = GpuAsk(
        cpu=amounts.get(classes.cpu, 0),
        gpus=len(shares),
        gpu_milli=max(shares, default=0),
        models=models,
    )
    return Asked(spec=spec, amounts=amounts, gpu=gpu)


def _models(group: RequestGroup, prefix: str) -> frozenset[str]:
    """Give the traits of the first condition of the group that is about the model alone."""
    for choice in group.required:
        if all(trait.startswith(prefix) for trait in choice):
            return frozenset(choice)
    return frozenset()
