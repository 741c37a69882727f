"""The edge to the HTTP server: ASGI messages in, ASGI messages out."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final
from urllib.parse import quote

from innkeeper.api.http import Request, Response

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_BODY_BYTES: Final = 16 * 1024 * 1024
"""Largest body that is read. A reshape of 10,000 providers needs about 5 MB."""


class BodyTooLarge(Exception):
    """The client sent, or announced, more than MAX_BODY_BYTES."""


class ClientGone(Exception):
    """The client went away before its request was whole; nobody waits for an answer."""


def request_head(scope: Scope) -> Request:
    """Give the request of an ASGI HTTP scope, without its body."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1").strip()
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    root_path = scope.get("root_path", "").rstrip("/")
    path = scope["path"]
    host, port = scope.get("server") or ("localhost", None)
    return Request(
        method=scope["method"],
        path=path.removeprefix(root_path),
        headers=headers,
        query=scope.get("query_string", b"").decode("latin-1"),
        root_path=quote(root_path),
        scheme=scope.get("scheme", "http"),
        server=host if port is None else f"{host}:{port}",
    )


async def read_body(request: Request, receive: Receive) -> bytes:
    """Read the whole body; raise BodyTooLarge or ClientGone."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > MAX_BODY_BYTES:
        raise BodyTooLarge
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            raise BodyTooLarge
        chunks.append(chunk)
        if not message.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def send_response(response: Response, send: Send, *, head_only: bool = False) -> None:
    """Send a response. One without a body (204) gets no content-length."""
    headers = [
        (name.lower().encode("latin-1"), value.encode("latin-1", "replace"))
        for name, value in response.headers
    ]
    if response.status != 204:  # noqa: PLR2004 - the one status that has no length at all
        headers.append((b"content-length", str(len(response.body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head_only else response.body})
