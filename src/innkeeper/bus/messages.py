"""The messages of a cell, and their bytes."""

from typing import Final, TypeVar

import msgspec

from innkeeper.core.errors import BusError
from innkeeper.core.ids import HostName, InstanceUuid
from innkeeper.core.report import HostReport

# --- to a conductor --------------------------------------------------------------------


class TasksWaiting(msgspec.Struct, frozen=True, tag="tasks"):
    """A hint: there are new tasks of the cell in the store."""


class HostReports(msgspec.Struct, frozen=True, tag="reports"):
    """What hosts have. Answered with Noted once it is in the store, or with ReportsRefused."""

    reports: tuple[HostReport, ...]


class Noted(msgspec.Struct, frozen=True, tag="noted"):
    """The answer to HostReports."""


class ReportsRefused(msgspec.Struct, frozen=True, tag="reports refused"):
    """The answer to HostReports that the store cannot hold: sent again, they are refused again."""

    reason: str


FromConductor = Noted | ReportsRefused
ToConductor = TasksWaiting | HostReports

# --- to an agent -----------------------------------------------------------------------


class Build(msgspec.Struct, frozen=True, tag="build"):
    """Build the guest of an instance. Answered with GuestBuilt or GuestRefused."""

    host: HostName
    instance: InstanceUuid
    attempt: int


class Destroy(msgspec.Struct, frozen=True, tag="destroy"):
    """Undo builds up to ``attempt``, and never carry one out any more. GuestDestroyed."""

    host: HostName
    instance: InstanceUuid
    attempt: int


ToAgent = Build | Destroy


class GuestBuilt(msgspec.Struct, frozen=True, tag="built"):
    """The guest is there."""


class GuestRefused(msgspec.Struct, frozen=True, tag="refused"):
    """The build failed or came too late; it left no guest."""

    reason: str


class GuestDestroyed(msgspec.Struct, frozen=True, tag="destroyed"):
    """No guest of these builds is there, nor will be."""


FromAgent = GuestBuilt | GuestRefused | GuestDestroyed

# --- bytes -----------------------------------------------------------------------------

_Message = TypeVar("_Message")

_encoder: Final = msgspec.msgpack.Encoder()
_to_conductor: Final[msgspec.msgpack.Decoder[ToConductor]] = msgspec.msgpack.Decoder(ToConductor)
_from_conductor: Final[msgspec.msgpack.Decoder[FromConductor]] = msgspec.msgpack.Decoder(
    FromConductor
)
_to_agent: Final[msgspec.msgpack.Decoder[ToAgent]] = msgspec.msgpack.Decoder(ToAgent)
_from_agent: Final[msgspec.msgpack.Decoder[FromAgent]] = msgspec.msgpack.Decoder(FromAgent)


def encode(message: ToConductor | FromConductor | ToAgent | FromAgent) -> bytes:
    """Give the bytes of a message."""
    return _encoder.encode(message)


def decode_to_conductor(payload: bytes) -> ToConductor:
    """Read a message to a conductor; BusError if it is none."""
    return _decode(_to_conductor, payload)


def decode_from_conductor(payload: bytes) -> FromConductor:
    """Read a conductor's answer; BusError if it is none."""
    return _decode(_from_conductor, payload)


def decode_to_agent(payload: bytes) -> ToAgent:
    """Read a message to an agent; BusError if it is none."""
    return _decode(_to_agent, payload)


def decode_from_agent(payload: bytes) -> FromAgent:
    """Read an agent's answer; BusError if it is none."""
    return _decode(_from_agent, payload)


def _decode(decoder: msgspec.msgpack.Decoder[_Message], payload: bytes) -> _Message:
    try:
        return decoder.decode(payload)
    except msgspec.MsgspecError as error:
        raise BusError(f"A message cannot be read: {error}") from error
