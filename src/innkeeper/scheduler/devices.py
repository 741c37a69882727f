"""Device choosers: which GPUs of the chosen host a request gets."""

from collections.abc import Sequence
from random import Random
from typing import Protocol

from innkeeper.index.hosts import HostTable
from innkeeper.scheduler.arrays import Amounts
from innkeeper.scheduler.asked import Asked


class DeviceChooser(Protocol):
    """Orders the GPUs of one host. Whole GPUs always go by number, lowest first."""

    def order(self, asked: Asked, hosts: HostTable, position: int, free: Amounts) -> Sequence[int]:
        """Give the GPUs, best first, as places in ``free``: int64[GPUs], what each has left."""
        ...


class BestFitDevice:
    """The GPU with least left that is enough; the lowest number of equals."""

    def order(self, asked: Asked, hosts: HostTable, position: int, free: Amounts) -> Sequence[int]:
        """Give the GPUs that are enough by what they have left, then the others."""
        least = asked.gpu.gpu_milli
        left = free.tolist()
        return sorted(range(len(left)), key=lambda at: (left[at] < least, left[at], at))


class RandomDevice:
    """Any GPU that is enough, each as likely as the others."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def order(self, asked: Asked, hosts: HostTable, position: int, free: Amounts) -> Sequence[int]:
        """Give the GPUs that are enough, shuffled if one is to be shared, then the others."""
        least = asked.gpu.gpu_milli
        left = free.tolist()
        places = list(range(len(left)))
        if asked.gpu.shares:
            self._random.shuffle(places)
        # The sort keeps the order of those that are enough, and of those that are not.
        return sorted(places, key=lambda at: left[at] < least)
