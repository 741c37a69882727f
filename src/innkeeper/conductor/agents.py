"""Agents: how a conductor asks the agents of its cell. Every answer, and silence, is an event."""

from collections.abc import Callable
from typing import Final

import msgspec

from innkeeper.bus.cell import CellBus, host_subject
from innkeeper.bus.messages import (
    Build,
    Destroy,
    FromAgent,
    GuestBuilt,
    GuestDestroyed,
    GuestRefused,
    ToAgent,
    decode_from_agent,
    encode,
)
from innkeeper.core.build import AgentSilent, Built, Destroyed, Event, NotBuilt
from innkeeper.core.errors import BusError, NoResponders
from innkeeper.core.ids import HostName, InstanceUuid

MAX_REASON: Final = 1_000
"""Characters kept of what a driver says, so that a fault stays readable."""


BuildTally = Callable[[str, str], None]
"""Told of each build: built, failed or silent; and whether on the first host or an alternate."""
_OUTCOMES: Final[dict[type[Event], str]] = {
    Built: "built",
    NotBuilt: "failed",
    AgentSilent: "silent",
}


def unheard(_outcome: str, _place: str) -> None:
    """Take no note of a build."""


class Agents(msgspec.Struct, frozen=True):
    """The agents of one cell, over its bus."""

    bus: CellBus
    build_timeout_s: float
    destroy_timeout_s: float
    tally: BuildTally = unheard

    async def build(self, host: HostName, instance: InstanceUuid, *, attempt: int) -> Event:
        """Ask for a guest. Gives Built, NotBuilt or AgentSilent."""
        asked = Build(host, instance=instance, attempt=attempt)
        event = await self._ask(host, asked, timeout_s=self.build_timeout_s)
        outcome = _OUTCOMES.get(type(event), "other")
        self.tally(outcome, "alternate" if attempt > 1 else "first")
        return event

    async def destroy(self, host: HostName, instance: InstanceUuid, *, attempt: int) -> Event:
        """Ask for no guest. Gives Destroyed or AgentSilent."""
        asked = Destroy(host, instance=instance, attempt=attempt)
        return await self._ask(host, asked, timeout_s=self.destroy_timeout_s)

    async def _ask(self, host: HostName, asked: ToAgent, *, timeout_s: float) -> Event:
        subject = host_subject(self.bus.cell, host)
        try:
            payload = await self.bus.request(subject, encode(asked), timeout_s=timeout_s)
            return _event(decode_from_agent(payload))
        except NoResponders as error:
            return AgentSilent(error.detail, gone=True)
        except BusError as error:
            return AgentSilent(error.detail)


def _event(answer: FromAgent) -> Event:
    match answer:
        case GuestBuilt():
            return Built()
        case GuestRefused(reason):
            return NotBuilt(reason[:MAX_REASON])
        case GuestDestroyed():
            return Destroyed()
