"""The life of a build as a pure function: ``step(state, event) -> (state, effects)``.

What a conductor must do next is decided here and nowhere else; it only carries out effects and
brings back what became of them as events. A state that is recorded is enough to go on from
after a crash: ``Resumed`` repeats its request, which agents take any number of times.

    Building --built--> Active --delete--> Deleting --destroyed--> Deleted
       |  ^                                   ^                       ^
  fails|  |claim won                          | delete while building |
       v  |                                   |                       |
     Moving --no alternate left--> Failed ----+-----------------------+

An attempt is a try to build, or to claim an alternate; each that fails takes a number. Guests
that an agent which fell silent may still bring up are not forgotten: they leave the build as a
``Leftover``, whose removal is a life of its own (``Cleaning`` to ``Cleaned``).
"""

from typing import Literal

import msgspec

from innkeeper.core.errors import BuildFailed
from innkeeper.core.ids import HostName
from innkeeper.core.instance import Attempt, Fault
from innkeeper.core.selection import Selection

# --- states ----------------------------------------------------------------------------


class Building(msgspec.Struct, frozen=True):
    """A build is under way on the host of ``selection``, which is claimed."""

    selection: Selection
    alternates: tuple[Selection, ...] = ()
    """Untried ones, best first."""
    attempt: int = 1
    """Number of this build: one more than there are failed attempts."""
    attempts: tuple[Attempt, ...] = ()


class Leftover(msgspec.Struct, frozen=True):
    """A guest that may be on a host, or may yet come up there, and must not."""

    host: HostName
    attempt: int
    """Number of the build that may have made it; builds up to it are to be undone."""
    gone: bool = False
    """Nobody listened for that host: it counts as down until the leftover is removed."""


class Moving(msgspec.Struct, frozen=True):
    """A claim on the alternate of ``next`` is being tried; the store still has the old build."""

    next: Building
    """What is recorded if the claim is won."""
    leftover: Leftover | None


class Active(msgspec.Struct, frozen=True):
    """The guest is there; or nothing was to be built, if ``attempt`` is 0."""

    host: HostName
    attempt: int


class Failed(msgspec.Struct, frozen=True):
    """No alternate is left. Nothing is held."""

    fault: Fault
    attempt: int


class Deleting(msgspec.Struct, frozen=True):
    """The guest is being removed. What is claimed stays so until it is gone."""

    host: HostName
    attempt: int


class Deleted(msgspec.Struct, frozen=True):
    """The end. Nothing is held, no guest is left."""


class Cleaning(msgspec.Struct, frozen=True):
    """A leftover is being removed."""

    leftover: Leftover


class Cleaned(msgspec.Struct, frozen=True):
    """The leftover is gone, and can't come back."""


State = Building | Moving | Active | Failed | Deleting | Deleted | Cleaning | Cleaned

# --- events ----------------------------------------------------------------------------


class Resumed(msgspec.Struct, frozen=True):
    """A conductor took the task up, for the first time or after another one."""


class Built(msgspec.Struct, frozen=True):
    """The agent says that the guest is there."""


class NotBuilt(msgspec.Struct, frozen=True):
    """The agent says that the build failed and left no guest."""

    reason: str


class AgentSilent(msgspec.Struct, frozen=True):
    """The agent said nothing in time: nobody knows whether there is a guest."""

    reason: str
    gone: bool = False
    """There is no agent that listens for the host."""


class ClaimWon(msgspec.Struct, frozen=True):
    """The claim on the alternate is made and recorded."""


class ClaimRefused(msgspec.Struct, frozen=True):
    """The claim on the alternate cannot be made."""

    reason: str


class DeleteRequested(msgspec.Struct, frozen=True):
    """The owner wants the instance gone."""


class Destroyed(msgspec.Struct, frozen=True):
    """The agent says that there is no guest, and that none of these builds will make one."""


Event = (
    Resumed | Built | NotBuilt | AgentSilent | ClaimWon | ClaimRefused | DeleteRequested | Destroyed
)

# --- effects ---------------------------------------------------------------------------


class SendBuild(msgspec.Struct, frozen=True):
    """Ask the agent of ``host`` to build. Brings Built, NotBuilt or AgentSilent."""

    host: HostName
    attempt: int


class SendDestroy(msgspec.Struct, frozen=True):
    """Ask the agent of ``host`` to undo builds up to ``attempt``. Destroyed or AgentSilent."""

    host: HostName
    attempt: int


class Record(msgspec.Struct, frozen=True):
    """Write ``state``, what becomes of the claim, and a task for ``leftover``: all at once.

    Brings ClaimWon or ClaimRefused if the claim moves.
    """

    state: Building | Active | Failed | Deleting | Deleted
    claim: Literal["keep", "move", "release"]
    leftover: Leftover | None = None


class Forget(msgspec.Struct, frozen=True):
    """The task is done and leaves no record."""


class Wait(msgspec.Struct, frozen=True):
    """Let the task be taken up again later."""

    reason: str


Effect = SendBuild | SendDestroy | Record | Forget | Wait
Step = tuple[State, tuple[Effect, ...]]


def step(state: State, event: Event) -> Step:
    """Give the state after ``event``, and what is to be done about it, in order.

    An event that means nothing in a state (a late or repeated answer) changes nothing.
    """
    match state:
        case Building():
            return _building(state, event)
        case Moving():
            return _moving(state, event)
        case Active():
            return _active(state, event)
        case Failed() if isinstance(event, DeleteRequested):
            return _recorded(Deleted(), "release")
        case Deleting():
            return _deleting(state, event)
        case Cleaning():
            return _cleaning(state, event)
        case _:
            return state, ()


def _building(state: Building, event: Event) -> Step:
    host = state.selection.host
    match event:
        case Resumed():
            return state, (SendBuild(host, state.attempt),)
        case Built():
            return _recorded(Active(host, state.attempt), "keep")
        case NotBuilt(reason):
            return _move_on(state, reason, leftover=None)
        case AgentSilent(reason, gone):
            return _move_on(state, reason, leftover=Leftover(host, state.attempt, gone))
        case DeleteRequested():
            return _recorded(Deleting(host, state.attempt), "keep")
        case _:
            return state, ()


def _moving(state: Moving, event: Event) -> Step:
    match event:
        case ClaimWon():
            return state.next, (SendBuild(state.next.selection.host, state.next.attempt),)
        case ClaimRefused(reason):
            return _move_on(state.next, f"claim refused: {reason}", leftover=state.leftover)
        case _:
            return state, ()


def _active(state: Active, event: Event) -> Step:
    if not isinstance(event, DeleteRequested):
        return state, ()
    if state.attempt == 0:
        return _recorded(Deleted(), "release")
    return _recorded(Deleting(state.host, state.attempt), "keep")


def _deleting(state: Deleting, event: Event) -> Step:
    match event:
        case Resumed():
            return state, (SendDestroy(state.host, state.attempt),)
        case Destroyed():
            return _recorded(Deleted(), "release")
        case AgentSilent(reason):
            return state, (Wait(reason),)
        case _:
            return state, ()


def _cleaning(state: Cleaning, event: Event) -> Step:
    match event:
        case Resumed():
            return state, (SendDestroy(state.leftover.host, state.leftover.attempt),)
        case Destroyed():
            return Cleaned(), (Forget(),)
        case AgentSilent(reason):
            return state, (Wait(reason),)
        case _:
            return state, ()


def _move_on(lost: Building, reason: str, *, leftover: Leftover | None) -> Step:
    """Go to the next alternate after ``lost``, or to the end if there is none."""
    attempts = (*lost.attempts, Attempt(lost.attempt, lost.selection.host, reason))
    if not lost.alternates:
        failed = Failed(_fault(attempts), lost.attempt)
        return failed, (Record(failed, "release", leftover),)
    following = Building(
        lost.alternates[0],
        alternates=lost.alternates[1:],
        attempt=lost.attempt + 1,
        attempts=attempts,
    )
    return Moving(following, leftover), (Record(following, "move", leftover),)


def _recorded(state: Active | Deleting | Deleted, claim: Literal["keep", "release"]) -> Step:
    return state, (Record(state, claim),)


def _fault(attempts: tuple[Attempt, ...]) -> Fault:
    tried = "; ".join(f"{one.number}. {one.host}: {one.reason}" for one in attempts)
    return Fault(
        BuildFailed.code,
        f"The build failed, and no alternate is left. Attempts: {tried}.",
        attempts,
    )
