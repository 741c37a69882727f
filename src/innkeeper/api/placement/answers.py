"""The few shapes that responses of this API have."""

from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import Final

import msgspec

from innkeeper.api.http import JSON, Response
from innkeeper.api.placement.call import CACHE_HEADERS_SINCE, Call

_CACHED_DATES: Final = 1024
"""Seconds whose date is kept in words: many answers name the present one, or the time when a
provider that is often asked for was last changed."""


def cache_headers(call: Call, modified: datetime | None) -> list[tuple[str, str]]:
    """Give Last-Modified and Cache-Control, which exist from 1.15. None: modified just now."""
    if call.version < CACHE_HEADERS_SINCE:
        return []
    moment = modified or call.placement.clock()
    return [
        ("last-modified", _http_date(int(moment.timestamp()))),
        ("cache-control", "no-cache"),
    ]


@lru_cache(maxsize=_CACHED_DATES)
def _http_date(timestamp: int) -> str:
    return format_datetime(datetime.fromtimestamp(timestamp, UTC), usegmt=True)


def json_answer(
    call: Call, content: object, *, status: int = 200, modified: datetime | None = None
) -> Response:
    """Give ``content`` as JSON, with the headers for caches."""
    return encoded_answer(call, msgspec.json.encode(content), status=status, modified=modified)


def encoded_answer(
    call: Call, body: bytes, *, status: int = 200, modified: datetime | None = None
) -> Response:
    """Give a body that is JSON already, with the headers for caches."""
    headers = [("content-type", JSON), *cache_headers(call, modified)]
    return Response(status, body, headers)


def empty(status: int = 204) -> Response:
    """Give a response without a body."""
    return Response(status)


def located(call: Call, response: Response, path: str) -> Response:
    """Add the absolute Location of ``path`` (from the root of the server)."""
    response.headers.append(("location", call.request.absolute(path)))
    return response
