"""The simulated driver: hosts that exist in name only, with builds that take time and fail.

Whether a build fails, and how long it takes, depends on the seed and the build alone, never
on the order of events. Guests are kept in a journal: kill the process, and they are there
when it is back.
"""

import asyncio
import math
from collections import defaultdict
from collections.abc import Collection, Mapping
from pathlib import Path
from random import Random

import msgspec

from innkeeper.compute.drivers.port import Guest
from innkeeper.compute.journal import Journal
from innkeeper.core.errors import BuildFailed
from innkeeper.core.ids import HostName, InstanceUuid


class Behaviour(msgspec.Struct, frozen=True):
    """How builds go on a host."""

    build_s: float = 0.0
    """Median time of a build, in seconds."""
    build_sigma: float = 0.0
    """Spread: the standard deviation of the logarithm of the time; 0: all take the same."""
    failure_rate: float = 0.0
    """Share of builds that fail, after they took their time."""


class GuestMade(msgspec.Struct, frozen=True, tag="made"):
    """A journal record: the guest is there."""

    guest: Guest


class GuestGone(msgspec.Struct, frozen=True, tag="gone"):
    """A journal record: the guest is no longer there."""

    host: HostName
    instance: InstanceUuid


class SimulatedDriver:
    """A driver for any number of simulated hosts."""

    def __init__(
        self,
        behaviour: Behaviour,
        *,
        seed: int,
        of_host: Mapping[HostName, Behaviour] | None = None,
        journal: Path | None = None,
    ) -> None:
        """Bring the guests back from ``journal``. ``of_host`` has the hosts that differ."""
        self._behaviour = behaviour
        self._of_host = dict(of_host or {})
        self._seed = seed
        self._guests: defaultdict[HostName, dict[InstanceUuid, Guest]] = defaultdict(dict)
        self._journal: Journal[GuestMade | GuestGone] = Journal(
            journal,
            GuestMade | GuestGone,  # type: ignore[arg-type]  # a union is a type to msgspec
        )
        for record in self._journal.records():
            self._apply(record)
        self._compact()

    async def build(self, guest: Guest) -> None:
        """Take the host's time, then make the guest or raise BuildFailed."""
        if self.guest(guest.host, guest.instance) is None:
            behaviour = self._of_host.get(guest.host, self._behaviour)
            chance = Random(f"{self._seed}/{guest.host}/{guest.instance}/{guest.attempt}")
            # Both are drawn every time, so that one setting does not change the other's luck.
            failed = chance.random() < behaviour.failure_rate
            took_s = behaviour.build_s * math.exp(chance.gauss(0.0, behaviour.build_sigma))
            if took_s > 0.0:
                await asyncio.sleep(took_s)
            if failed:
                raise BuildFailed("simulated failure")
        self._write(GuestMade(guest))

    async def destroy(self, host: HostName, instance: InstanceUuid) -> None:
        """Remove the guest of an instance, if there is one."""
        if self.guest(host, instance) is not None:
            self._write(GuestGone(host, instance))

    def guest(self, host: HostName, instance: InstanceUuid) -> Guest | None:
        """Give the guest of an instance, if there is one."""
        guests = self._guests.get(host)
        return None if guests is None else guests.get(instance)

    def guests(self, host: HostName) -> Collection[Guest]:
        """Give all guests of a host."""
        return tuple(self._guests.get(host, {}).values())

    def close(self) -> None:
        """Let go of the journal."""
        self._journal.close()

    def _write(self, record: GuestMade | GuestGone) -> None:
        self._journal.append(record)
        self._apply(record)
        if self._journal.is_long:
            self._compact()

    def _compact(self) -> None:
        self._journal.rewrite(
            GuestMade(guest) for guests in self._guests.values() for guest in guests.values()
        )

    def _apply(self, record: GuestMade | GuestGone) -> None:
        match record:
            case GuestMade(guest):
                self._guests[guest.host][guest.instance] = guest
            case GuestGone(host, instance):
                self._guests[host].pop(instance, None)
