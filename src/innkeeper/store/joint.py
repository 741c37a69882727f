"""Ops that can be run together: many at once cost little more than one."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Self

from innkeeper.store.txn import Txn


class JointOp(ABC):
    """An op that may be run together with others of its class, as one, in any order.

    If that fails they are run again, without those whose refusal is foreseen, or in smaller parts,
    at last each by itself. So whatever succeeds together must succeed one after the other too.
    """

    @property
    @abstractmethod
    def joins(self) -> bool:
        """Whether this one may be run together with others that say so too."""

    @abstractmethod
    def __call__(self, txn: Txn) -> Any:  # noqa: ANN401 - each op has a result of its own
        """Do it alone."""

    @classmethod
    @abstractmethod
    def foresee(cls, txn: Txn, ops: Sequence[Self]) -> Sequence[Exception | None]:
        """Say what will refuse each of ``ops`` if they are done one after the other, if anything.

        It writes nothing. What it does not foresee is found when they are run.
        """

    @classmethod
    @abstractmethod
    def together(cls, txn: Txn, ops: Sequence[Self]) -> Sequence[Any]:
        """Do all of ``ops``; give the result of each."""
