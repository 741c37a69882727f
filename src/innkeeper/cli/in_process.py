"""What an HTTP client sends through when the application is in this very process."""

import httpx2

from innkeeper.api.http import App, Request

HERE = "127.0.0.1"


class InProcess(httpx2.AsyncBaseTransport):
    """Hands each request to an application."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request; give its answer."""
        response = await self._app(
            Request(
                method=request.method,
                path=request.url.path,
                headers={name.lower(): value for name, value in request.headers.items()},
                query=request.url.query.decode("ascii"),
                read=request.aread,
                client=HERE,
            )
        )
        return httpx2.Response(response.status, headers=response.headers, content=response.body)
