"""Applications side by side, told apart by the first segment of the path."""

from collections.abc import Mapping

from innkeeper.api.asgi import App, Receive, Scope, Send


class Mounts:
    """An ASGI application that hands ``/prefix`` and all below it to the application there.

    The bare prefix, without a slash, is handed over as well: it is where clients look for the
    versions of an API.
    """

    def __init__(self, apps: Mapping[str, App], *, otherwise: App) -> None:
        self._apps = dict(apps)
        self._otherwise = otherwise

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or websocket; the server's lifespan goes to ``otherwise``."""
        if scope["type"] == "lifespan":
            await self._otherwise(scope, receive, send)
            return
        root_path = scope.get("root_path", "")
        below = scope["path"].removeprefix(root_path)
        prefix = "/" + below[1:].partition("/")[0]
        app = self._apps.get(prefix)
        if app is None:
            await self._otherwise(scope, receive, send)
        else:
            await app({**scope, "root_path": root_path + prefix}, receive, send)
