"""A host as it is shown.

A command that asks a server imports this and no more of the API: it must stay light.
"""

import msgspec

from innkeeper.api.native.links import Link


class Amounts(msgspec.Struct, frozen=True):
    """One resource class of a host: what all its providers have together."""

    capacity: int
    used: int


class HostView(msgspec.Struct, frozen=True):
    """A host as it is shown."""

    name: str
    cell: str
    zone: str
    enabled: bool
    """What the operator wants."""
    up: bool
    """Whether its agent was heard of, and its cell is up."""
    disabled_reason: str
    provider: str
    """Uuid of the root of its provider tree."""
    resources: dict[str, Amounts]
    links: tuple[Link, ...]


class HostShown(msgspec.Struct, frozen=True):
    """One host."""

    host: HostView


class HostList(msgspec.Struct, frozen=True):
    """A page of hosts, by name."""

    hosts: tuple[HostView, ...]
    links: tuple[Link, ...] = ()
