"""Limits on what one request may be, and the refusals of what goes past them.

Both APIs share them; each says the refusal in its own format. Nothing here reads anything.
"""

from http import HTTPStatus
from typing import ClassVar, Final

import msgspec

HEADER_OVERHEAD_BYTES: Final = 4
"""A colon, a space and the end of a line."""


class Limits(msgspec.Struct, frozen=True):
    """How large a request may be, and how long it may take to arrive."""

    max_body_bytes: int = 16 * 1024 * 1024
    """A reshape of 5,000 providers with 10 consumers each has 14 MB. Decoded, a hostile body
    takes twenty times its size: 350 MB for a moment."""
    max_query_bytes: int = 64 * 1024
    """Of the whole target, path and query: room for 1,500 aggregates."""
    max_header_bytes: int = 64 * 1024
    """Of all headers together. The largest tokens of Keystone (PKI, long gone) had 16 KB."""
    receive_timeout_s: float = 60.0
    """For the head of a request, and for its body again."""


DEFAULT = Limits()


class OverLimit(Exception):
    """A request goes past a limit; ``code`` is the native API's."""

    status: ClassVar[HTTPStatus]
    code: ClassVar[str]

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class BodyTooLarge(OverLimit):
    """The client sent, or announced, a longer body than is read."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    code = "innkeeper.too_large"


class TargetTooLong(OverLimit):
    """Path and query are longer than is read."""

    status = HTTPStatus.REQUEST_URI_TOO_LONG
    code = "innkeeper.target_too_long"


class HeadersTooLarge(OverLimit):
    """The headers are longer than is read."""

    status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
    code = "innkeeper.headers_too_large"


class TooSlow(OverLimit):
    """The body did not arrive in time."""

    status = HTTPStatus.REQUEST_TIMEOUT
    code = "innkeeper.too_slow"


def head_over(limits: Limits, *, target_bytes: int, header_bytes: int) -> OverLimit | None:
    """Give the limit that the head of a request goes past, if there is one."""
    if target_bytes > limits.max_query_bytes:
        return TargetTooLong(
            f"The path and the query are longer than {limits.max_query_bytes} bytes."
        )
    if header_bytes > limits.max_header_bytes:
        return HeadersTooLarge(f"The headers are longer than {limits.max_header_bytes} bytes.")
    return None
