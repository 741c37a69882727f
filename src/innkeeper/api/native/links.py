"""Links: where something is, as every answer of the native API says it."""

import msgspec


class Link(msgspec.Struct, frozen=True):
    """Where something is."""

    rel: str
    href: str
    """Path on this server, from ``/``."""
