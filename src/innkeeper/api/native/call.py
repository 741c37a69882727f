"""Operation, Call, Answer: what an operation of the native API is given, and gives.

Handlers see these and never the HTTP framework, so that the table of operations alone
says what exists, what it reads and what it answers; routes and the OpenAPI document are
both made from it.
"""

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Final, TypeVar

import msgspec

from innkeeper.api.native.service import Service
from innkeeper.api.native.versions import MINIMUM, Microversion
from innkeeper.core.errors import InvalidInput

READ_RULE: Final = "innkeeper:read"
WRITE_RULE: Final = "innkeeper:write"

Read = TypeVar("Read", bound=msgspec.Struct)


class Answer(msgspec.Struct, frozen=True):
    """What an operation answers. ``body`` is None for 204."""

    body: msgspec.Struct | msgspec.Raw | None = None
    status: int = HTTPStatus.OK
    location: str | None = None


class Call(msgspec.Struct, frozen=True):
    """One request as a handler sees it."""

    path: Mapping[str, str]
    """Parts of the path that the operation's template names."""
    query: Mapping[str, str]
    content: bytes
    url: str
    """Path of the request without the query: what a page's links lead back to."""

    def body(self, kind: type[Read]) -> Read:
        """Give the body as ``kind``. Raises InvalidInput naming the field that does not fit."""
        try:
            return msgspec.json.decode(self.content or b"{}", type=kind)
        except msgspec.ValidationError as error:
            raise InvalidInput(f"Invalid body: {_readable(error)}.") from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidInput(f"The body is not valid JSON: {error}.") from error

    def asked(self, kind: type[Read]) -> Read:
        """Give the query as ``kind``. Raises InvalidInput naming the parameter."""
        try:
            return msgspec.convert(dict(self.query), kind, strict=False)
        except msgspec.ValidationError as error:
            raise InvalidInput(f"Invalid query: {_readable(error)}.") from error


Handler = Callable[[Service, Call], Awaitable[Answer]]


class Operation(msgspec.Struct, frozen=True):
    """One thing that can be asked: a method on a path."""

    method: str
    path: str
    """Below ``/v1``; ``{name}`` is one part of the path."""
    handler: Handler
    summary: str
    answer: type[msgspec.Struct] | None = None
    status: int = HTTPStatus.OK
    body: type[msgspec.Struct] | None = None
    query: type[msgspec.Struct] | None = None
    errors: tuple[int, ...] = ()
    """Statuses of the errors it may answer besides 400, 401, 403, 406 and 5xx."""
    since: Microversion = MINIMUM
    """The first microversion that has it; at an older one there is nothing (404)."""
    discovery: bool = False
    """Whether it says what the API is, and nothing about the cloud: anybody may ask."""

    @property
    def rule(self) -> str | None:
        """Name of the policy rule that gives leave; None: anybody has it."""
        if self.discovery:
            return None
        return READ_RULE if self.method == "GET" else WRITE_RULE


def _readable(error: msgspec.ValidationError) -> str:
    """Put the place first, and without its ``$.``: ``instance.name: Expected `str`, ...``."""
    text, _, place = str(error).partition(" - at `")
    field = place.rstrip("`").removeprefix("$").removeprefix(".")
    return f"{field}: {text}" if field else text
