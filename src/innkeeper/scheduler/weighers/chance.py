"""RandomWeigher: one host is as good as the other."""

import numpy as np

from innkeeper.index.hosts import HostTable
from innkeeper.scheduler.arrays import Mask, Scores
from innkeeper.scheduler.asked import Asked


class RandomWeigher:
    """Gives every host a score of its own from ``generator``: the best is a uniform draw."""

    standing = False

    def __init__(self, generator: np.random.Generator) -> None:
        self._generator = generator

    def score(self, asked: Asked, hosts: HostTable, mask: Mask) -> Scores:
        """Give a number from 0 to 1 for each host."""
        return self._generator.random(mask.size)
