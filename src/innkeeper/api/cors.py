"""Cross-origin requests (the CORS protocol of the Fetch standard), as OpenStack answers them.

An OPTIONS request is always answered 200 once CORS is on, with or without leave.
"""

from typing import Final

import msgspec

from innkeeper.api.http import Request, Response

_SIMPLE_HEADERS: Final = frozenset(
    {"accept", "accept-language", "content-type", "content-language", "expires"}
    | {"cache-control", "last-modified", "pragma"}
)
_METHODS: Final = frozenset({"OPTIONS", "GET", "HEAD", "POST", "PUT", "DELETE", "TRACE", "PATCH"})
_ANY: Final = "*"


class Cors(msgspec.Struct, frozen=True):
    """Which origins may call, and with which headers beyond the simple ones."""

    origins: frozenset[str] = frozenset()
    """Such as https://horizon.example.com; * is any."""
    headers: frozenset[str] = frozenset()
    """Headers that a page may send; lower case."""
    methods: frozenset[str] = _METHODS
    exposed: tuple[str, ...] = ()
    """Headers of an answer that a page may read."""
    credentials: bool = True
    """Whether a page may send credentials."""
    max_age_s: int = 3600
    """How long a browser may remember a preflight's answer; 0: nothing is said."""

    def apply(self, request: Request, response: Response) -> Response:
        """Give the response with what CORS adds to it; without origins, the response itself."""
        if not self.origins:
            return response
        if request.method == "OPTIONS":
            return self._preflight(request)
        leave = self._leave(request)
        response.headers += leave
        if leave and self.exposed:
            response.headers.append(("access-control-expose-headers", ",".join(self.exposed)))
        return response

    def _preflight(self, request: Request) -> Response:
        response = Response(200)
        leave = self._leave(request)
        method = request.headers.get("access-control-request-method", "")
        asked = request.headers.get("access-control-request-headers", "")
        wanted = [name.strip() for name in asked.split(",") if name.strip()]
        allowed = self.headers | _SIMPLE_HEADERS
        if not leave or method not in self.methods:
            return response
        if any(name.lower() not in allowed for name in wanted):
            return response
        response.headers += leave
        if self.max_age_s:
            response.headers.append(("access-control-max-age", str(self.max_age_s)))
        response.headers.append(("access-control-allow-methods", method))
        if wanted:
            response.headers.append(("access-control-allow-headers", ",".join(wanted)))
        return response

    def _leave(self, request: Request) -> list[tuple[str, str]]:
        """Give the headers that let the request's origin call; none if it may not."""
        origin = request.headers.get("origin")
        if origin is None:
            return []
        if origin not in self.origins:
            if _ANY not in self.origins:
                return []
            origin = _ANY
        leave = [("vary", "origin"), ("access-control-allow-origin", origin)]
        if self.credentials:
            leave.append(("access-control-allow-credentials", "true"))
        return leave
