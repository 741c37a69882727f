"""Metered: an API whose requests are counted and timed, by route and never by path.

A path may name anything; the routes of an API are few, so that the counts stay few.
"""

from collections.abc import Callable, Iterable
from typing import Final

from innkeeper.api.asgi import App, Message, Receive, Scope, Send
from innkeeper.api.routing import RouteTable
from innkeeper.obs.tallies import Tallies

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER: Final = "other"
"""Any other method, and any path that leads nowhere."""
GONE: Final = 499
"""Status of a request whose client went away before the answer, as proxies have it."""


class Metered:
    """An ASGI application around another."""

    def __init__(
        self,
        app: App,
        *,
        api: str,
        routes: Iterable[str],
        tallies: Tallies,
        clock: Callable[[], float],
    ) -> None:
        """Count requests of ``api``, whose path templates are ``routes``."""
        self._app = app
        self._api = api
        self._routes = RouteTable({route: route or "/" for route in routes})
        self._tallies = tallies
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = self._clock()
        status = GONE

        async def observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, observed)
        finally:
            self._count(scope, status, self._clock() - started)

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        found = self._routes.find(path or "/")
        route = OTHER if found is None else found.target
        method = scope["method"] if scope["method"] in METHODS else OTHER
        self._tallies.requests.add(self._api, route, method, str(status))
        self._tallies.request_s.add(seconds, self._api, route, method)
