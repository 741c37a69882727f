"""Errors to statuses, in one table; and the body that tells a client about one.

The format is the API-SIG's: ``{"errors": [{status, code, title, detail, request_id,
links}]}``. Nothing here decides what is an error.
"""

from http import HTTPStatus
from typing import Final

import msgspec

from innkeeper.api.native.links import Link
from innkeeper.core import errors

STATUSES: Final[tuple[tuple[type[errors.InnkeeperError], HTTPStatus], ...]] = (
    (errors.InvalidInput, HTTPStatus.BAD_REQUEST),
    (errors.NotFound, HTTPStatus.NOT_FOUND),
    (errors.Conflict, HTTPStatus.CONFLICT),
    (errors.NoValidHost, HTTPStatus.CONFLICT),
    (errors.CellDown, HTTPStatus.SERVICE_UNAVAILABLE),
    (errors.StoreError, HTTPStatus.SERVICE_UNAVAILABLE),
    (errors.IdentityUnavailable, HTTPStatus.SERVICE_UNAVAILABLE),
)
"""The first class that an error is an instance of gives its status; none: 500."""

REQUEST_ID: Final = "x-openstack-request-id"
"""Header that has a request's id, in any answer."""

UNEXPECTED: Final = "innkeeper.unexpected"
NO_SUCH_PATH: Final = "innkeeper.no_such_path"
METHOD_NOT_ALLOWED: Final = "innkeeper.method_not_allowed"
NOT_ACCEPTABLE: Final = "innkeeper.not_acceptable"
UNAUTHENTICATED: Final = "innkeeper.unauthenticated"
FORBIDDEN: Final = "innkeeper.forbidden"
FOREIGN_HOST: Final = "innkeeper.foreign_host"
FOREIGN_ORIGIN: Final = "innkeeper.foreign_origin"
NOT_JSON: Final = "innkeeper.not_json"


class Problem(msgspec.Struct, frozen=True):
    """One error as the wire has it."""

    status: int
    code: str
    title: str
    detail: str
    request_id: str
    links: tuple[Link, ...] = ()


class Problems(msgspec.Struct, frozen=True):
    """Body of every answer that is an error."""

    errors: tuple[Problem, ...]


class Refused(Exception):
    """A request that HTTP itself refuses, before any handler saw it."""

    def __init__(
        self,
        status: HTTPStatus,
        *,
        code: str,
        detail: str,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = headers


def status_of(error: errors.InnkeeperError) -> HTTPStatus:
    """Give the status that answers ``error``."""
    for kind, status in STATUSES:
        if isinstance(error, kind):
            return status
    return HTTPStatus.INTERNAL_SERVER_ERROR


def problems(status: HTTPStatus, *, code: str, detail: str, request_id: str) -> Problems:
    """Give the body for one error."""
    problem = Problem(int(status), code, title=status.phrase, detail=detail, request_id=request_id)
    return Problems(errors=(problem,))
