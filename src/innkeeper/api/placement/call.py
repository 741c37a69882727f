"""Call: one request at one microversion, as a handler sees it; Endpoint: what a route leads to."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import msgspec

from innkeeper.api.http import Request, Response
from innkeeper.api.placement.errors import bad_request
from innkeeper.api.placement.params import Params
from innkeeper.api.placement.versions import LATEST, OLDEST, Version
from innkeeper.api.validation import (
    Document,
    InvalidDocument,
    MalformedJson,
    Schema,
    decode_json,
)
from innkeeper.auth.credentials import Credentials
from innkeeper.placement.service import Placement

T = TypeVar("T")

CACHE_HEADERS_SINCE: Final[Version] = (1, 15)


class Call(msgspec.Struct, frozen=True):
    """One request, after version and leave have been settled."""

    request: Request
    content: bytes
    """Its body."""
    version: Version
    segments: dict[str, str]
    """The named segments of the path."""
    placement: Placement
    credentials: Credentials

    def document(self, schema: Schema) -> Document:
        """Give the body decoded and valid; raise HttpError 400 if it is not."""
        try:
            document = decode_json(self.content)
        except MalformedJson as error:
            raise bad_request(f"Malformed JSON: {error}") from error
        check(schema, document)
        return document

    def body(self, schema: Schema, kind: type[T]) -> T:
        """Give the body, valid by ``schema``, as a value of ``kind``."""
        return typed(self.document(schema), kind)

    def params(self, schema: Schema) -> Params:
        """Give the query, valid by ``schema``; raise HttpError 400 if it is not."""
        return valid_params(self.request.query, schema)

    def path(self, *parts: str) -> str:
        """Give the path of a thing, from the root of the server."""
        return "/".join((self.request.root_path, *parts))


def valid_params(query: str, schema: Schema) -> Params:
    """Give a query, valid by ``schema``; raise HttpError 400 if it is not."""
    params = Params.parse(query)
    try:
        schema.check(params.last())
    except InvalidDocument as error:
        raise bad_request(f"Invalid query string parameters: {error}") from error
    return params


def check(schema: Schema, document: Document) -> None:
    """Raise HttpError 400 if the document does not fit."""
    try:
        schema.check(document)
    except InvalidDocument as error:
        raise bad_request(f"JSON does not validate: {error}") from error


def typed(document: Document, kind: type[T]) -> T:
    """Give a document that its schema has accepted as a value of ``kind``.

    Lenient, because to a schema 1.0 is an integer.
    """
    try:
        return msgspec.convert(document, kind, strict=False)
    except msgspec.ValidationError as error:
        raise bad_request(f"JSON does not validate: {error}") from error


Handler = Callable[[Call], Awaitable[Response]]


class Endpoint(msgspec.Struct, frozen=True):
    """What one method of one path does, within a window of microversions."""

    handler: Handler
    rule: str | None
    """Name of the policy rule that gives leave; None: anybody."""
    since: Version = OLDEST
    until: Version = LATEST
    missing: int = 404
    """Status outside of the window."""
    reads_json: bool = False
    """Its body must be JSON: 415 otherwise."""
    gives_json: bool = False
    """It answers JSON: 406 to a client that does not accept that."""
    media_first: bool = False
    """Whether media types are checked before the version."""
    target: Callable[[Request], dict[str, str]] | None = None
    """What the policy rule is asked about, beyond the caller."""


def pick(version: Version, *choices: tuple[Version, T]) -> T:
    """Give the choice of the newest version that is not newer than ``version``.

    ``choices`` go from new to old, and the last one is for all versions.
    """
    for since, choice in choices:
        if version >= since:
            return choice
    return choices[-1][1]
