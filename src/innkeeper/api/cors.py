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
_MAX_AGE_S: Final = 3600
"""How long a browser may remember a preflight's answer."""


class Cors(msgspec.Struct, frozen=True):
    """Which origins may call, and with which headers beyond the simple ones."""

    origins: frozenset[str] = frozenset()
    headers: frozenset[str] = frozenset()
    """Lower case."""

    def apply(self, request: Request, response: Response) -> Response:
        """Give the response with what CORS adds to it; without origins, the response itself."""
        if not self.origins:
            return response
        if request.method == "OPTIONS":
            return self._preflight(request)
        origin = request.headers.get("origin", "")
        if origin in self.origins:
            response.headers += _leave(origin)
        return response

    def _preflight(self, request: Request) -> Response:
        response = Response(200)
        origin = request.headers.get("origin", "")
        method = request.headers.get("access-control-request-method", "")
        asked = request.headers.get("access-control-request-headers", "")
        wanted = [name.strip() for name in asked.split(",") if name.strip()]
        allowed = self.headers | _SIMPLE_HEADERS
        if origin not in self.origins or method not in _METHODS:
            return response
        if any(name.lower() not in allowed for name in wanted):
            return response
        response.headers += _leave(origin)
        response.headers.append(("access-control-max-age", str(_MAX_AGE_S)))
        response.headers.append(("access-control-allow-methods", method))
        if wanted:
            response.headers.append(("access-control-allow-headers", ",".join(wanted)))
        return response


def _leave(origin: str) -> list[tuple[str, str]]:
    return [
        ("vary", "origin"),
        ("access-control-allow-origin", origin),
        ("access-control-allow-credentials", "true"),
    ]
