"""Decision: the record that every scheduling leaves, so that it can always say why."""

import msgspec

from innkeeper.core.ids import HostName


class Step(msgspec.Struct, frozen=True, gc=False):
    """One step of the elimination."""

    name: str
    """``placement:VCPU``, ``placement:traits``, a filter's class name, ``claim``, ..."""
    removed: int
    remaining: int
    reason: str = ""
    """For people: what the removed hosts lacked."""


class Score(msgspec.Struct, frozen=True, gc=False):
    """A host that was near the top."""

    host: HostName
    score: float


class ClaimTry(msgspec.Struct, frozen=True, gc=False):
    """A claim that was tried."""

    host: HostName
    won: bool
    reason: str = ""


class Decision(msgspec.Struct, frozen=True, gc=False):
    """How one request was decided."""

    policy: str
    hosts: int
    """How many hosts there were to choose from."""
    steps: tuple[Step, ...] = ()
    top: tuple[Score, ...] = ()
    claims: tuple[ClaimTry, ...] = ()

    def why(self) -> str:
        """Say in one sentence what removed the hosts."""
        parts = [f"{step.name} removed {step.removed}" for step in self.steps if step.removed]
        lost = sum(not claim.won for claim in self.claims)
        if lost:
            parts.append(f"{lost} claims were lost to other requests")
        return f"Of {self.hosts} hosts: " + ("; ".join(parts) or "none was removed") + "."
