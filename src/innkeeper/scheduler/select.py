"""The scheduler: chooses hosts for instances, and claims them before it gives them out.

Belongs to the loop thread. The claim itself is the claimer's, which the caller brings.
"""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from types import MappingProxyType
from typing import Final

from innkeeper.core.cell import Cell
from innkeeper.core.decision import Decision
from innkeeper.core.errors import CellDown, ClaimLost, NoValidHost, UnknownName
from innkeeper.core.ids import CellName, InstanceUuid
from innkeeper.core.request_spec import RequestSpec
from innkeeper.core.selection import Selection
from innkeeper.index.index import Index
from innkeeper.scheduler.asked import asked_by
from innkeeper.scheduler.claimer import Claimer, Placed
from innkeeper.scheduler.desk import Desk
from innkeeper.scheduler.flight import Flight, Flights
from innkeeper.scheduler.group_picks import GroupPicks
from innkeeper.scheduler.picking import Job, Picker
from innkeeper.scheduler.profile import Profile, built_in_filters, built_in_profiles
from innkeeper.scheduler.settings import SchedulerSettings
from innkeeper.scheduler.slot import MAX_LOST_CLAIMS, Slot

MAX_WAITS: Final = 3
"""How often a request that fits nowhere waits for claims in flight before it is refused."""

PICKS_PER_TURN: Final = 16
"""Instances of one request picked before other requests get a turn on the loop."""


def _unheard(_outcome: str) -> None:
    """Take no note of a claim."""


NO_CELLS: Final[Mapping[CellName, Cell]] = MappingProxyType({})


class Scheduler:
    """Chooses hosts from an index.

    ``cells`` is what the process knows of cells; whoever gives it keeps it up to date.
    ``profiles`` are added to the built-in ones, or replace those of the same name. ``tally`` is
    told of each claim whether it was won or lost.
    """

    def __init__(
        self,
        index: Index,
        *,
        settings: SchedulerSettings,
        random: Random,
        cells: Mapping[CellName, Cell] = NO_CELLS,
        profiles: Sequence[Profile] = (),
        tally: Callable[[str], None] = _unheard,
    ) -> None:
        picks = GroupPicks(index.hosts)
        self._index, self._settings, self._cells = index, settings, cells
        self._profiles = built_in_profiles(
            settings,
            built_in_filters(cells, index.groups, picks),
            groups=index.groups,
            picks=picks,
            random=random,
        ) | {profile.name: profile for profile in profiles}
        self._picker = Picker(index, picks=picks, settings=settings, random=random)
        self._desk = Desk(self._picker)
        self._flights = Flights()
        self._tally = tally

    @property
    def policies(self) -> tuple[str, ...]:
        """Give the names of the profiles."""
        return tuple(self._profiles)

    async def select_destinations(
        self,
        spec: RequestSpec,
        instances: Sequence[InstanceUuid],
        *,
        alternates: int,
        claimer: Claimer,
    ) -> tuple[Placed, ...]:
        """Choose and claim a host for every instance, or for none of them.

        Raises NoValidHost with the decision about the instance that found no place, CellDown,
        UnknownName, and whatever the claimer raises but a ClaimLost that another host may cure.
        """
        job = self._job(spec)
        slots = [Slot(instance, job.profile.name) for instance in instances]
        waits = 0
        for _ in range(1 + MAX_WAITS + MAX_LOST_CLAIMS * len(slots)):
            flight = Flight(self._flights)
            try:
                failed = await self._pick_all(job, slots, flight, alternates=alternates)
                if failed is None:
                    placed = tuple(_placed(slot) for slot in slots)
                    if await self._claim(slots, placed, claimer=claimer, flight=flight):
                        return placed
            finally:
                flight.settle()
            if failed is not None:
                waits += 1
                if waits > MAX_WAITS or not await self._others_settled():
                    raise NoValidHost(failed)
                for slot in slots:
                    slot.pick = None
        raise NoValidHost(slots[0].record.decision())

    def plan(
        self, spec: RequestSpec, instances: Sequence[InstanceUuid], *, alternates: int
    ) -> tuple[Placed, ...]:
        """Choose as ``select_destinations`` would now, and claim nothing.

        Raises NoValidHost, CellDown, UnknownName.
        """
        job = self._job(spec)
        slots = [Slot(instance, job.profile.name) for instance in instances]
        flight = Flight(self._flights)
        try:
            try:
                found = self._picker.pick_all(job, slots)
            finally:
                for slot in slots:
                    if slot.pick is not None:
                        flight.carry(slot.pick)
            if found < len(slots):
                raise NoValidHost(slots[found].record.decision())
            self._add_alternates(job, slots, count=alternates)
            return tuple(
                Placed(slot.instance, _selections(slot), slot.record.decision()) for slot in slots
            )
        finally:
            flight.settle()

    def _job(self, spec: RequestSpec) -> Job:
        profile = self._profiles.get(spec.policy or self._settings.policy)
        if profile is None:
            raise UnknownName(
                f"There is no policy '{spec.policy or self._settings.policy}'."
                f" Choose one of {', '.join(self._profiles)}."
            )
        if spec.group is not None and spec.group not in self._index.groups:
            raise UnknownName(f"There is no server group {spec.group}.")
        cell = None if spec.cell is None else self._cells.get(spec.cell)
        if cell is not None and not cell.up:
            raise CellDown(f"Cell {cell.name} is down. Try again later, or without naming it.")
        return Job(asked=asked_by(spec, self._settings.gpu), profile=profile)

    async def _pick_all(
        self, job: Job, slots: Sequence[Slot], flight: Flight, *, alternates: int
    ) -> Decision | None:
        """Give every slot a pick that is held; or give the decision about the one without."""
        # Those that were picked before are held first, so that nobody else picks their places.
        for slot in slots:
            if slot.pick is not None:
                self._picker.hold_again(job, slot.pick)
                flight.carry(slot.pick)
        sought = [slot for slot in slots if slot.pick is None]
        for first in range(0, len(sought), PICKS_PER_TURN):
            some = sought[first : first + PICKS_PER_TURN]
            if not await self._desk.serve(job, some, flight):
                return next(slot for slot in some if slot.pick is None).record.decision()
        self._add_alternates(job, slots, count=alternates)
        return None

    def _add_alternates(self, job: Job, slots: Sequence[Slot], *, count: int) -> None:
        """Give every slot alternates; none is a host that the request itself chose."""
        chosen = [slot.pick.position for slot in slots if slot.pick is not None]
        for slot in slots:
            if slot.pick is not None:
                slot.alternates = tuple(
                    self._picker.alternates(job, slot.pick, count=count, taken=chosen)
                )

    async def _claim(
        self,
        slots: Sequence[Slot],
        placed: Sequence[Placed],
        *,
        claimer: Claimer,
        flight: Flight,
    ) -> bool:
        """Try to claim all; if a host refuses, take note of it and give False."""
        try:
            await claimer(placed, settle=flight.settle)
        except ClaimLost as lost:
            slot = slots[lost.position]
            if slot.pick is None:
                raise
            self._tally("lost")
            slot.lose(slot.pick, lost.cause)
            return False
        self._tally("won")
        return True

    async def _others_settled(self) -> bool:
        """Wait for claims in flight; False if there are none that could give a place back."""
        return await self._flights.settled(timeout_s=self._settings.settle_timeout_s)


def _selections(slot: Slot) -> tuple[Selection, ...]:
    return () if slot.pick is None else (slot.pick.selection, *slot.alternates)


def _placed(slot: Slot) -> Placed:
    """Give what is to be claimed; its decision counts only if the claim is won."""
    selections = _selections(slot)
    return Placed(slot.instance, selections, slot.record.decision(won=selections[0].host))
