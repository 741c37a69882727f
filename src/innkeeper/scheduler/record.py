"""Record: builds up the decision of one instance while it is made. Cheap: a few counts."""

from collections.abc import Sequence

import msgspec
import numpy as np

from innkeeper.core.decision import ClaimTry, Decision, Score, Step
from innkeeper.core.ids import HostName
from innkeeper.scheduler.arrays import Mask


class Record:
    """The decision about one instance so far."""

    def __init__(self, policy: str) -> None:
        self._policy = policy
        self._hosts = 0
        self._remaining = 0
        self._steps: list[Step] = []
        self._top: tuple[Score, ...] = ()
        self._claims: list[ClaimTry] = []

    @property
    def remaining(self) -> int:
        """How many hosts are left."""
        return self._remaining

    def start(self, hosts: int, steps: Sequence[Step], remaining: int) -> None:
        """Begin a look at all hosts, of which ``steps`` have left some.

        What an earlier look said is no longer true; the claims that were tried stay.
        """
        self._hosts = hosts
        self._remaining = remaining
        self._steps = list(steps)
        self._top = ()

    def step(self, name: str, mask: Mask, reason: str) -> int:
        """Record a step after which the hosts in ``mask`` are left; gives how many."""
        remaining = int(np.count_nonzero(mask))
        removed, self._remaining = self._remaining - remaining, remaining
        self._steps.append(Step(name=name, removed=removed, remaining=remaining, reason=reason))
        return remaining

    def dropped(self, name: str, count: int, reason: str) -> None:
        """Record hosts that were dropped one by one."""
        if count:
            self._remaining -= count
            self._steps.append(
                Step(name=name, removed=count, remaining=self._remaining, reason=reason)
            )

    def scores(self, top: Sequence[Score]) -> None:
        """Record the hosts near the top, best first."""
        self._top = tuple(top)

    def repeat(self, other: "Record", *, gone: int) -> None:
        """Begin another's look, by whose last step ``gone`` hosts more were removed."""
        steps = self._steps
        if gone:
            *steps, last = steps
            left = last.remaining - gone
            steps.append(msgspec.structs.replace(last, removed=last.removed + gone, remaining=left))
        other.start(self._hosts, steps, self._remaining - gone)

    def lost(self, host: HostName, reason: str) -> None:
        """Record a claim that was refused."""
        self._claims.append(ClaimTry(host=host, won=False, reason=reason))

    def decision(self, *, won: HostName | None = None) -> Decision:
        """Give the decision as it stands, or as it will be once the claim on ``won`` is."""
        last = () if won is None else (ClaimTry(host=won, won=True),)
        return Decision(
            policy=self._policy,
            hosts=self._hosts,
            steps=tuple(self._steps),
            top=self._top,
            claims=(*self._claims, *last),
        )
