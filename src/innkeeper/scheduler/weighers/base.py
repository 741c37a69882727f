"""What a weigher is, and how scores of different weighers are brought to one scale."""

from typing import Literal, Protocol, TypeAlias, TypeVar

import msgspec
import numpy as np

from innkeeper.index.hosts import HostTable
from innkeeper.scheduler.arrays import Amounts, Mask, Scores
from innkeeper.scheduler.asked import Asked

Score = TypeVar("Score", float, Scores)
"""The score of one host, or those of all."""


class Weigher(Protocol):
    """Scores hosts."""

    @property
    def standing(self) -> bool:
        """Tell whether a host's score follows from the host and the request, without its owner.

        Such scores are kept until the host changes; others are asked for each time.
        """
        ...

    def score(self, asked: Asked, hosts: HostTable, mask: Mask) -> Scores | Amounts | None:
        """Give float64[n] or int64[n]; only what it says of the hosts in ``mask`` is looked at.

        Of these none may be NaN.
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

    def scaled(self, scores: Score, least: float, greatest: float) -> Score | None:
        """Give one score, or those of all, on the scale and times the multiplier.

        ``least`` and ``greatest`` are of all hosts in question. None if they are the same.
        """
        if self.scale == "raw":
            return scores * self.multiplier
        if not least < greatest:
            return None
        if self.scale == "percent":
            # In this order, so that whole numbers give exact whole numbers.
            whole: Score = np.floor((scores - least) * 100.0 / (greatest - least))
            return whole * self.multiplier
        factor = self.multiplier / (greatest - least)
        return scores * factor - least * factor
