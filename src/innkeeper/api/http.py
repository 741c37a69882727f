"""Request and response as values, so that a handler is a function from one to the other.

Nothing here reads a socket: ``asgi`` does.
"""

from http import HTTPStatus
from typing import Final

import msgspec

JSON: Final = "application/json"


class Request(msgspec.Struct, frozen=True):
    """One HTTP request, read whole."""

    method: str
    path: str
    """Below ``root_path``, percent-decoded; "" or starting with a slash."""
    headers: dict[str, str]
    """By lower-case name; repeated ones are joined by commas."""
    query: str = ""
    """The raw query string, still percent-encoded."""
    body: bytes = b""
    root_path: str = ""
    """Where the application is mounted, without a trailing slash."""
    scheme: str = "http"
    server: str = "localhost"
    """What to call this server when the client did not say: host or host:port."""
    target_bytes: int = 0
    """Length of path and query as they were sent."""
    header_bytes: int = 0
    """Length of all headers as they were sent."""

    @property
    def media_type(self) -> str:
        """The media type of the body without its parameters; "" if not said."""
        return self.headers.get("content-type", "").partition(";")[0].strip()

    def absolute(self, path: str) -> str:
        """Give the absolute URL of ``path`` (which starts with root_path) for a Location."""
        return f"{self.scheme}://{self.headers.get('host') or self.server}{path}"


class Response(msgspec.Struct):
    """One HTTP response. Middleware may still add to ``headers``."""

    status: int
    body: bytes = b""
    headers: list[tuple[str, str]] = msgspec.field(default_factory=list)


def title(status: int) -> str:
    """Give the reason phrase of a status."""
    return HTTPStatus(status).phrase
