"""Agents: how a conductor asks the agents of its cell. Every answer, and silence, is an event."""

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


class Agents(msgspec.Struct, frozen=True):
    """The agents of one cell, over its bus."""

    bus: CellBus
    build_timeout_s: float
    destroy_timeout_s: float

    async def build(self, host: HostName, instance: InstanceUuid, *, attempt: int) -> Event:
        """Ask for a guest. Gives Built, NotBuilt or AgentSilent."""
        asked = Build(host, instance=instance, attempt=attempt)
        return await self._ask(host, asked, timeout_s=self.build_timeout_s)

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
