"""Where the server of a data directory can be reached: written by it, read by commands.

Light: a command that asks a server imports it, and no more.
"""

import contextlib
from pathlib import Path
from typing import Final

import msgspec

ENDPOINT_NAME: Final = "server.json"
"""Where the server that runs on the directory can be reached."""


class Endpoint(msgspec.Struct, frozen=True):
    """A server, as it wrote itself down."""

    url: str
    server: str
    """Id of its run."""
    database: str = ""
    """What it serves, without a password: as ``store.dialects.backend.shown`` gives it."""


def write_endpoint(directory: Path, endpoint: Endpoint) -> None:
    """Write down who serves this directory."""
    (directory / ENDPOINT_NAME).write_bytes(msgspec.json.encode(endpoint))


def read_endpoint(directory: Path) -> Endpoint | None:
    """Give what the last server wrote down; it may be long gone. None if there is nothing."""
    try:
        return msgspec.json.decode((directory / ENDPOINT_NAME).read_bytes(), type=Endpoint)
    except (OSError, msgspec.MsgspecError):
        return None


def remove_endpoint(directory: Path) -> None:
    """Strike out who served this directory."""
    with contextlib.suppress(OSError):
        (directory / ENDPOINT_NAME).unlink()
