"""Metered: an API whose requests are counted and timed, by route and never by path.

A path may name anything; the routes of an API are few, so that the counts stay few.
"""

from collections.abc import Callable
from typing import Final

from innkeeper.api.http import App, Request, Response
from innkeeper.obs.tallies import Tallies

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER: Final = "other"
"""Any other method, and any path that leads nowhere."""


class Metered:
    """An application around another."""

    def __init__(self, app: App, *, api: str, tallies: Tallies, clock: Callable[[], float]) -> None:
        """Count requests of ``api``."""
        self._app = app
        self._api = api
        self._tallies = tallies
        self._clock = clock

    async def __call__(self, request: Request) -> Response:
        """Serve one request."""
        started = self._clock()
        response = await self._app(request)
        route = response.route or OTHER
        method = request.method if request.method in METHODS else OTHER
        self._tallies.requests.add(self._api, route, method, str(response.status))
        self._tallies.request_s.add(self._clock() - started, self._api, route, method)
        return response
