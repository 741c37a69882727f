"""Whether the server is well, as it is shown.

A command that asks a server imports this and no more of the API: it must stay light.
"""

import msgspec


class Health(msgspec.Struct, frozen=True):
    """Whether the server is well."""

    status: str
    server: str
    """Id of this run of the server: another run has another."""
