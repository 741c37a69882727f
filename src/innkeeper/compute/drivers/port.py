"""The port of drivers."""

from collections.abc import Collection
from typing import Protocol

import msgspec

from innkeeper.core.ids import HostName, InstanceUuid


class Guest(msgspec.Struct, frozen=True):
    """What an instance is on its host."""

    host: HostName
    instance: InstanceUuid
    attempt: int
    """Number of the build that made it, or last asked for it."""


class Driver(Protocol):
    """Makes and removes guests. The agent sees to it that calls for one guest never overlap."""

    async def build(self, guest: Guest) -> None:
        """Make a guest that survives this process. One that is there is only marked anew.

        Raises BuildFailed; then, and when it is cancelled, nothing is left of it.
        """
        ...

    async def destroy(self, host: HostName, instance: InstanceUuid) -> None:
        """Remove the guest of an instance, if there is one."""
        ...

    def guest(self, host: HostName, instance: InstanceUuid) -> Guest | None:
        """Give the guest of an instance, if there is one."""
        ...

    def guests(self, host: HostName) -> Collection[Guest]:
        """Give all guests of a host."""
        ...
