"""What a weigher is, and how scores of different weighers are brought to one scale."""

from typing import Literal, Protocol, TypeAlias

import msgspec
import numpy as np

from innkeeper.index.hosts import HostTable
from innkeeper.scheduler.arrays import Amounts, Mask, Scores
from innkeeper.scheduler.asked import Asked


class Weigher(Protocol):
    """Scores hosts."""

    def score(self, asked: Asked, hosts: HostTable, mask: Mask) -> Scores | Amounts | None:
        """Give float64[n] or int64[n]; only what it says of the hosts in ``mask`` is looked at.

        None: it has nothing to say of this request. The caller must not write to the array.
        """
        ...


Scale: TypeAlias = Literal["raw", "unit", "percent"]
"""raw: as it is. unit: 0 to 1 over the hosts in question, as Nova does. percent: the same as
whole numbers from 0 to 100, as the Kubernetes scheduler does."""


class Weighted(msgspec.Struct, frozen=True):
    """A weigher in a profile."""

    weigher: Weigher
    multiplier: float = 1.0
    """Negative turns the order round: what spread now packs."""
    scale: Scale = "unit"

    def score(self, asked: Asked, hosts: HostTable, mask: Mask) -> Scores | None:
        """Give the scaled score times the multiplier, float64[n]; None as the weigher does."""
        scores = self.weigher.score(asked, hosts, mask)
        if scores is None:
            return None
        if self.scale == "raw":
            raw: Scores = np.multiply(scores, self.multiplier, dtype=np.float64)
            return raw
        least, greatest = _range(scores, mask)
        if not least < greatest:
            return None
        if self.scale == "percent":
            # In this order, so that whole numbers give exact whole numbers.
            percent: Scores = np.floor((scores - least) * 100.0 / (greatest - least))
            return percent * self.multiplier
        factor = self.multiplier / (greatest - least)
        unit: Scores = np.multiply(scores, factor, dtype=np.float64)
        unit -= least * factor
        return unit


def _range(scores: Scores | Amounts, mask: Mask) -> tuple[float, float]:
    """Give least and greatest score of the hosts in ``mask``; (0, 0) if there are none."""
    if not mask.all():
        scores = scores[mask]
    return (float(scores.min()), float(scores.max())) if scores.size else (0.0, 0.0)
