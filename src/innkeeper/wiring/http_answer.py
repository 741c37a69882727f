"""An answer as it goes over the wire."""

import time
from collections.abc import Callable
from email.utils import formatdate
from http import HTTPStatus
from typing import Final

from innkeeper.api.http import Response

_CONTROL: Final = {code: None for code in (*range(32), 127) if code != ord("\t")}
"""Characters that no header may have: a name or a path may come from a client."""
WORDS_TYPE: Final = "text/plain; charset=utf-8"
_STATUS_LINES: Final = {
    int(status): f"HTTP/1.1 {int(status)} {status.phrase}\r\n" for status in HTTPStatus
}


class Dates:
    """The time in words, made once a second."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._second = 0
        self._text = ""

    def now(self) -> str:
        """Give the value of a Date header."""
        second = int(self._clock())
        if second != self._second:
            self._second, self._text = second, formatdate(second, usegmt=True)
        return self._text


def answer_head(response: Response, *, date: str, keep_alive: bool) -> bytes:
    """Give all that comes before the body. An answer without one (204) gets no content-length."""
    headers = [
        f"{name}: {value if value.isprintable() else value.translate(_CONTROL)}\r\n"
        for name, value in response.headers
    ]
    if response.status != HTTPStatus.NO_CONTENT:
        headers.append(f"content-length: {len(response.body)}\r\n")
    if not keep_alive:
        headers.append("connection: close\r\n")
    head = f"{_STATUS_LINES[response.status]}date: {date}\r\n{''.join(headers)}\r\n"
    return head.encode("latin-1", "replace")


def words(status: HTTPStatus) -> bytes:
    """Give the few plain words of a status."""
    return f"{status} {status.phrase}\n".encode()


def plain(status: HTTPStatus, *, date: str) -> bytes:
    """Give an answer of a few plain words, after which the connection ends."""
    response = Response(status, words(status), [("content-type", WORDS_TYPE)])
    return answer_head(response, date=date, keep_alive=False) + response.body
