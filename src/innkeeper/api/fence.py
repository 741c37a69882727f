"""The fence of HTTP: whatever fails inside one request is an answer, never the end of the process.

It is the one place in the HTTP code that may catch every exception.
"""

from collections.abc import Awaitable, Callable

from innkeeper.api.http import Response


async def fenced(work: Awaitable[Response], *, failed: Callable[[Exception], Response]) -> Response:
    """Await ``work``; if it raises, give what ``failed`` makes of the exception."""
    try:
        return await work
    except Exception as error:  # fence: http
        return failed(error)
