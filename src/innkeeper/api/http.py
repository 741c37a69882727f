"""Request and response as values, so that an API is a function from one to the other.

Nothing here reads a socket: the HTTP server does.
"""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

import msgspec

from innkeeper.api.limits import OverLimit

JSON: Final = "application/json"
GONE: Final = 499
"""Status of a request whose client went away before the answer, as proxies have it."""


class ClientGone(Exception):
    """The client went away before its request was whole; nobody waits for an answer."""


async def no_body() -> bytes:
    """Give the body of a request that has none."""
    return b""


class Request(msgspec.Struct, frozen=True):
    """One HTTP request, of which the body may be still to come."""

    method: str
    path: str
    """Below ``root_path``, percent-decoded; "" or starting with a slash."""
    headers: dict[str, str] = {}
    """By lower-case name; repeated ones are joined by commas."""
    query: str = ""
    """The raw query string, still percent-encoded."""
    read: Callable[[], Awaitable[bytes]] = no_body
    """Gives the whole body. Raises BodyTooLarge, TooSlow, ClientGone."""
    over: OverLimit | None = None
    """The limit that its target or its headers go past: to be raised when it is time."""
    root_path: str = ""
    """Where the application is mounted, without a trailing slash."""
    server: str = "localhost"
    """What to call this server when the client did not say: host or host:port."""
    client: str = ""
    """Address of the client."""

    @property
    def media_type(self) -> str:
        """The media type of the body without its parameters; "" if not said."""
        return self.headers.get("content-type", "").partition(";")[0].strip()

    def absolute(self, path: str) -> str:
        """Give the absolute URL of ``path`` (which starts with root_path) for a Location."""
        return f"http://{self.headers.get('host') or self.server}{path}"

    def below(self, mount: str) -> "Request":
        """Give the request as what is mounted at ``mount`` sees it."""
        return msgspec.structs.replace(
            self, path=self.path.removeprefix(mount), root_path=self.root_path + mount
        )


class Response(msgspec.Struct):
    """One HTTP response. Middleware may still add to ``headers``."""

    status: int
    body: bytes = b""
    headers: list[tuple[str, str]] = msgspec.field(default_factory=list)
    route: str = ""
    """Template of the path that led to it; "" if none did."""


App = Callable[[Request], Awaitable[Response]]
"""An API, or any part of one. It answers each request; what it raises is a defect."""


def title(status: int) -> str:
    """Give the reason phrase of a status."""
    return HTTPStatus(status).phrase
