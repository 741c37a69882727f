"""The edge to the HTTP server: ASGI messages in, ASGI messages out.

What goes past a limit is refused here as soon as that is known, and never read to its end.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from innkeeper.api.http import Request, Response
from innkeeper.api.limits import (
    DEFAULT,
    BodyTooLarge,
    HeadersTooLarge,
    Limits,
    TargetTooLong,
    TooSlow,
)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

HEADER_OVERHEAD_BYTES: Final = 4
"""A colon, a space and the end of a line."""

_CONTROL: Final = {code: None for code in (*range(32), 127) if code != ord("\t")}
"""Characters that no header may have: a name or a path may come from a client."""


class ClientGone(Exception):
    """The client went away before its request was whole; nobody waits for an answer."""


def request_head(scope: Scope) -> Request:
    """Give the request of an ASGI HTTP scope, without its body."""
    headers: dict[str, str] = {}
    header_bytes = 0
    for raw_name, raw_value in scope["headers"]:
        header_bytes += len(raw_name) + len(raw_value) + HEADER_OVERHEAD_BYTES
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1").strip()
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    root_path = scope.get("root_path", "").rstrip("/")
    path = scope["path"]
    query = scope.get("query_string", b"")
    host, port = scope.get("server") or ("localhost", None)
    return Request(
        method=scope["method"],
        path=path.removeprefix(root_path),
        headers=headers,
        query=query.decode("latin-1"),
        root_path=quote(root_path) if root_path else "",
        scheme=scope.get("scheme", "http"),
        server=host if port is None else f"{host}:{port}",
        target_bytes=len(scope.get("raw_path") or path) + bool(query) + len(query),
        header_bytes=header_bytes,
    )


def check_head(request: Request, limits: Limits) -> None:
    """Raise TargetTooLong or HeadersTooLarge."""
    if request.target_bytes > limits.max_query_bytes:
        raise TargetTooLong(
            f"The path and the query are longer than {limits.max_query_bytes} bytes."
        )
    if request.header_bytes > limits.max_header_bytes:
        raise HeadersTooLarge(f"The headers are longer than {limits.max_header_bytes} bytes.")


async def read_body(request: Request, receive: Receive, limits: Limits = DEFAULT) -> bytes:
    """Read the whole body; raise BodyTooLarge, TooSlow or ClientGone."""
    announced = request.headers.get("content-length", "")
    if not announced and "transfer-encoding" not in request.headers:
        return b""
    if announced.isdecimal() and _number(announced) > limits.max_body_bytes:
        raise BodyTooLarge(f"The body is longer than {limits.max_body_bytes} bytes.")
    try:
        async with asyncio.timeout(limits.receive_timeout_s):
            return await _receive_all(receive, limits)
    except TimeoutError as error:
        raise TooSlow(
            f"The body did not arrive within {limits.receive_timeout_s:g} seconds."
        ) from error


def _number(text: str) -> int:
    """Give the number; of one with more digits than any body has bytes, the first digits."""
    return int(text.lstrip("0")[:20] or "0")


async def _receive_all(receive: Receive, limits: Limits) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limits.max_body_bytes:
            raise BodyTooLarge(f"The body is longer than {limits.max_body_bytes} bytes.")
        if chunk:
            chunks.append(chunk)
        if not message.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _clean(value: str) -> str:
    """Give the value of a header without control characters, which hardly any has."""
    return value if value.isprintable() else value.translate(_CONTROL)


async def send_response(response: Response, send: Send, *, head_only: bool = False) -> None:
    """Send a response. One without a body (204) gets no content-length; 408 ends a connection."""
    headers = [
        (name.lower().encode("latin-1"), _clean(value).encode("latin-1", "replace"))
        for name, value in response.headers
    ]
    if response.status == HTTPStatus.REQUEST_TIMEOUT:
        headers.append((b"connection", b"close"))
    if response.status != HTTPStatus.NO_CONTENT:
        headers.append((b"content-length", str(len(response.body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head_only else response.body})
