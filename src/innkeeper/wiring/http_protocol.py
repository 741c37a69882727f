"""One connection of a client: requests in, answers out, within limits on what it may send.

httptools parses; all else is here, as a server made for any application cost more than the whole
API behind it. What is too long is cut, so that the application can refuse it in its own format;
what goes far beyond is refused with a few plain words. A request that was answered before its body
had arrived is read on, within the same limits, so that the client sees the answer and the
connection can go on. Requests that are sent at once are answered one after the other.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from http import HTTPStatus
from math import inf
from typing import Final, cast
from urllib.parse import unquote

import httptools
import structlog

from innkeeper.api.fence import fenced
from innkeeper.api.http import GONE, App, ClientGone, Request, Response
from innkeeper.api.limits import HEADER_OVERHEAD_BYTES, Limits, head_over
from innkeeper.wiring.eager import begin
from innkeeper.wiring.exchange import Exchange
from innkeeper.wiring.http_answer import WORDS_TYPE, Dates, answer_head, plain, words

KEEP_ALIVE_S: Final = 75.0
"""How long an idle connection stays open: clients pool them, and mind when one is closed."""
HEAD_FACTOR: Final = 8
"""A head is read on past its limits, to be refused well, until it is this many times as long."""
DRAIN_FACTOR: Final = 4
"""A body that was refused is thrown away up to this many times its limit, so that a client which
sends all before it reads sees the answer; whoever sends more finds the connection closed."""
JOINED_BYTES: Final = 16_384
"""A body up to this is copied behind its head."""

_log = structlog.get_logger(__name__)


def _nothing() -> None:
    """Take no note."""


class Open:
    """The connections of one server that are open, and the requests that are under way."""

    def __init__(self, dropped: Callable[[], None] = _nothing) -> None:
        """Begin without any; ``dropped`` is told of each that has ended."""
        self._dropped = dropped
        self.connections: set[Connection] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        self.all_closed = asyncio.Event()
        self.all_closed.set()
        self.dates = Dates()

    def add(self, connection: "Connection") -> None:
        """Count one more connection."""
        self.connections.add(connection)
        self.all_closed.clear()

    def drop(self, connection: "Connection") -> None:
        """Count one less."""
        self.connections.discard(connection)
        self._dropped()
        if not self.connections:
            self.all_closed.set()


class Connection(asyncio.Protocol):
    """A connection of one client."""

    def __init__(self, app: App, limits: Limits, among: Open) -> None:
        self._app = app
        self._limits = limits
        self._among = among
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        # What follows a request that ends its connection is not looked at, and no error.
        self._parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self._most_drained_bytes = DRAIN_FACTOR * limits.max_body_bytes
        self._most_head_bytes = HEAD_FACTOR * (limits.max_query_bytes + limits.max_header_bytes)
        self._client = self._server = ""
        self._is_over = False
        """Whether nothing more is to be read from this connection."""
        self._is_stopping = False
        self._is_writable = self._is_reading = True
        # The head that is arriving.
        self._is_begun = False
        self._head_bytes = self._header_bytes = 0
        self._url = b""
        self._headers: dict[str, str] = {}
        self._expects = False
        # Requests: whose body is arriving, which is being answered, which wait for that.
        self._arriving: Exchange | None = None
        self._current: Exchange | None = None
        self._waiting: deque[Exchange] = deque()
        # One timer for all that may take too long; it is moved only where it is set too late.
        self._timer: asyncio.TimerHandle | None = None
        self._due_at = inf

    # -- what the loop calls ---------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a first request."""
        self._transport = cast("asyncio.Transport", transport)
        self._client, _ = _address(transport.get_extra_info("peername"))
        host, port = _address(transport.get_extra_info("sockname"))
        self._server = f"{host}:{port}" if port else host
        self._among.add(self)
        self._due(self._limits.receive_timeout_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client."""
        del exc
        self._is_over = True
        self._among.drop(self)
        if self._timer is not None:
            self._timer.cancel()
        if self._current is not None:
            self._current.fail(ClientGone())
        self._waiting.clear()

    def data_received(self, data: bytes) -> None:
        """Take what the client has sent."""
        if self._is_over:
            return
        self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._ignore_upgrade()
        except httptools.HttpParserError:
            self._refuse(HTTPStatus.BAD_REQUEST)
        else:
            if self._arriving is None and self._head_bytes > self._most_head_bytes:
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        # Only now: with a body that came along, most need not wait for anything.
        self._answer_next()

    def pause_writing(self) -> None:
        """Answer no more until the client has taken what is there."""
        self._is_writable = False

    def resume_writing(self) -> None:
        """Go on."""
        self._is_writable = True
        self._answer_next()

    # -- what the parser calls -------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._is_begun = True
        self._head_bytes = self._header_bytes = 0
        self._url, self._headers, self._expects = b"", {}, False
        self._due(self._limits.receive_timeout_s)

    def on_url(self, url: bytes) -> None:
        """Keep the target up to its limit and one byte more, which tells that it is too long."""
        self._url += url[: self._limits.max_query_bytes + 1 - len(self._url)]

    def on_header(self, raw_name: bytes, raw_value: bytes) -> None:
        """Keep headers up to their limit, and the one that goes past it."""
        most = self._limits.max_header_bytes
        if self._header_bytes > most:
            return
        self._header_bytes += len(raw_name) + len(raw_value) + HEADER_OVERHEAD_BYTES
        name = raw_name.decode("latin-1").lower()
        value = raw_value[: most + 1].decode("latin-1").strip()
        headers = self._headers
        headers[name] = f"{headers[name]},{value}" if name in headers else value
        if name == "expect":
            self._expects = value.lower() == "100-continue"

    def on_headers_complete(self) -> None:
        """Hand the request to the application, or let it wait for those before."""
        self._is_begun = False
        self._due_at = inf
        parser = self._parser
        exchange = self._arriving = Exchange(
            self,
            self._limits,
            announced=self._headers.get("content-length", ""),
            # Refused, the client may send the body or leave it out: only closing is safe.
            keep_alive=not self._expects
            and not self._is_stopping
            and parser.should_keep_alive()
            and parser.get_http_version() == "1.1",
            expects=self._expects,
        )
        exchange.request = self._request(exchange)
        self._waiting.append(exchange)

    def on_body(self, body: bytes) -> None:
        """Hand a part of the body on; if it is answered already, throw the part away."""
        exchange = self._arriving
        if exchange is not None:
            exchange.take(body)
            if exchange.drained_bytes > self._most_drained_bytes:
                self._close()

    def on_message_complete(self) -> None:
        """End a request."""
        exchange, self._arriving = self._arriving, None
        self._head_bytes = 0
        if exchange is not None:
            exchange.end()
            self._due(KEEP_ALIVE_S if exchange.is_answered else inf)

    # -- requests --------------------------------------------------------------------------

    def _request(self, exchange: Exchange) -> Request:
        url = self._url
        if not url.startswith(b"/"):
            # In its absolute form, which proxies are sent; what is neither makes a 400.
            parsed = httptools.parse_url(url)
            url = parsed.path + (b"?" + parsed.query if parsed.query else b"")
        raw_path, _, query = url.partition(b"#")[0].partition(b"?")
        path = raw_path.decode("ascii")
        return Request(
            method=self._parser.get_method().decode("ascii"),
            path=unquote(path) if "%" in path else path,
            headers=self._headers,
            query=query.decode("latin-1"),
            read=exchange.read,
            over=head_over(
                self._limits, target_bytes=len(self._url), header_bytes=self._header_bytes
            ),
            server=self._server,
            client=self._client,
        )

    def _answer_next(self) -> None:
        """Begin to answer the next request, if there is one and its turn has come."""
        if self._transport.is_closing():
            return
        if self._current is None and self._waiting and self._is_writable:
            exchange = self._current = self._waiting.popleft()
            task = begin(self._answer(exchange), self._loop)
            if task is not None:
                self._among.tasks.add(task)
                task.add_done_callback(self._among.tasks.discard)
        self.read_on()

    def read_on(self) -> None:
        """Read, unless there is more than enough to do already."""
        is_full = self._arriving is not None and self._arriving.is_full
        may_read = not (self._waiting or is_full) and self._is_writable
        if may_read == self._is_reading or self._is_over or self._transport.is_closing():
            return
        self._is_reading = may_read
        if may_read:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    async def _answer(self, exchange: Exchange) -> None:
        response = await fenced(self._app(exchange.request), failed=self._defect)
        exchange.is_answered = True
        if response.status == GONE or self._transport.is_closing():
            return
        keep_alive = exchange.keep_alive and response.status != HTTPStatus.REQUEST_TIMEOUT
        head = answer_head(response, date=self._among.dates.now(), keep_alive=keep_alive)
        body = b"" if exchange.request.method == "HEAD" else response.body
        # To copy a small body costs less than to send two pieces.
        pieces = (head + body,) if len(body) <= JOINED_BYTES else (head, body)
        self._transport.writelines(pieces)
        self._current = None
        if not keep_alive:
            self._close()
            return
        if self._arriving is exchange:
            # What is left of its body has some time to arrive.
            self._due(self._limits.receive_timeout_s)
        elif not self._is_begun:
            self._due(KEEP_ALIVE_S)
        if self._waiting:
            # After others had their turn.
            self._loop.call_soon(self._answer_next)
        else:
            self.read_on()

    def _defect(self, error: Exception) -> Response:
        """Give an answer of a few words, after which the connection ends."""
        _log.error("an application raised", exc_info=error)
        if self._current is not None:
            self._current.keep_alive = False
        return Response(
            HTTPStatus.INTERNAL_SERVER_ERROR,
            words(HTTPStatus.INTERNAL_SERVER_ERROR),
            [("content-type", WORDS_TYPE)],
        )

    # -- limits and ends -------------------------------------------------------------------

    def wait_for_body(self, exchange: Exchange) -> None:
        """Let the rest of a body come, which is now needed."""
        if exchange.expects and not self._transport.is_closing():
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._due(self._limits.receive_timeout_s)
        self.read_on()

    def finish(self) -> None:
        """End the connection, after the answers that are due."""
        self._is_stopping = True
        latest = self._latest()
        if latest is None:
            self._transport.close()
        else:
            latest.keep_alive = False

    def abort(self) -> None:
        """End the connection at once."""
        self._transport.abort()

    def _latest(self) -> Exchange | None:
        """Give the last of the requests that are still to be answered."""
        return self._waiting[-1] if self._waiting else self._current

    def _ignore_upgrade(self) -> None:
        """Answer as if no upgrade had been asked for, and close: the parser has lost its place."""
        self._end_after_answers()

    def _refuse(self, status: HTTPStatus) -> None:
        """Say why in plain words, and close; if an answer is due to an earlier request, wait."""
        if self._arriving is None and self._latest() is not None:
            self._end_after_answers()
            return
        self._transport.write(plain(status, date=self._among.dates.now()))
        self._close()

    def _end_after_answers(self) -> None:
        self._is_over = True
        latest = self._latest()
        if latest is None:
            self._close()
        else:
            latest.keep_alive = False

    def _close(self) -> None:
        self._is_over = True
        self._transport.close()

    def _due(self, after_s: float) -> None:
        """Set when what comes next must have come."""
        loop = self._loop
        self._due_at = loop.time() + after_s
        if self._timer is not None:
            if self._timer.when() <= self._due_at:
                return
            self._timer.cancel()
            self._timer = None
        if after_s < inf:
            self._timer = loop.call_at(self._due_at, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        if self._transport.is_closing():
            return
        left_s = self._due_at - self._loop.time()
        if left_s > 0:
            self._due(left_s)
        elif self._is_begun:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)
        elif self._arriving is None or not self._arriving.time_is_up():
            self._close()


def _address(name: object) -> tuple[str, int]:
    """Give host and port of a socket's name; of one that has none, nothing."""
    return (str(name[0]), int(name[1])) if isinstance(name, tuple) else ("", 0)
