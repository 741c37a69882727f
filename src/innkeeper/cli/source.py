"""Where a command reads from: a server by HTTP, or, where none runs, the data directory.

Both answer the same paths with the same JSON: without a server, the same API is served
inside this process over a store that is only looked at. So there is one way to show a thing.
"""

import os
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Final, TypeVar
from urllib.parse import urlsplit

import msgspec
from cyclopts import Parameter

from innkeeper.api.native.faults import Problems
from innkeeper.api.native.health_view import Health
from innkeeper.api.native.versions import MAXIMUM, SERVICE_TYPE, text
from innkeeper.cli.options import SETTINGS, Settings, configured
from innkeeper.config import Config
from innkeeper.core.errors import InnkeeperError, SetupError
from innkeeper.wiring.endpoint import Endpoint, read_endpoint

if TYPE_CHECKING:
    import httpx2

    from innkeeper.api.http import App

TIMEOUT_S: Final = 60.0
"""Longest wait for one answer; what takes longer is asked for step by step."""
PROBE_TIMEOUT_S: Final = 2.0
"""Longest wait for a sign of life of a server on this machine."""

Shown = TypeVar("Shown", bound=msgspec.Struct)


@Parameter(name="*", group=SETTINGS)
@dataclass(frozen=True, slots=True)
class Where:
    """What to read from."""

    url: Annotated[str | None, Parameter(show_default=False)] = None
    """Server to ask, such as http://127.0.0.1:8778 [default: the one that runs on the data
    directory; if none does, the directory itself is read]."""
    token: Annotated[str | None, Parameter(show_default=False)] = None
    """Token to send as X-Auth-Token [default: INNKEEPER_TOKEN, or OS_TOKEN]."""
    user: Annotated[str | None, Parameter(show_default=False)] = None
    """NAME:PASSWORD to send, if the server wants that [default: INNKEEPER_USER]."""


class RequestFailed(InnkeeperError):
    """The server answered with an error; ``detail`` is what it said."""

    code = "innkeeper.request_failed"


class Source:
    """Something that answers the native API."""

    def __init__(self, client: "httpx2.AsyncClient", name: str) -> None:
        self._client = client
        self.name = name
        """For people: what is read."""

    async def get(self, path: str, kind: type[Shown], **query: object) -> Shown:
        """Give what is at ``path``; a part of the query that is None is left out."""
        return await self.ask("GET", path, kind, query=query)

    async def ask(
        self,
        method: str,
        path: str,
        kind: type[Shown],
        *,
        query: dict[str, object] | None = None,
        body: object = None,
    ) -> Shown:
        """Ask, and give the answer. Raises RequestFailed, or SetupError if nobody answers."""
        import httpx2

        asked = {name: str(value) for name, value in (query or {}).items() if value is not None}
        try:
            content = None if body is None else msgspec.json.encode(body)
            headers = {"openstack-api-version": f"{SERVICE_TYPE} {text(MAXIMUM)}"}
            if body is not None:
                headers["content-type"] = "application/json"
            response = await self._client.request(
                method, path, params=asked or None, content=content, headers=headers
            )
        except (httpx2.TransportError, httpx2.InvalidURL) as error:
            raise SetupError(
                f"No server answers at {self.name} ({str(error) or type(error).__name__}). Start"
                " one with `innkeeper up`, or leave --url out to read the data directory."
            ) from error
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            from innkeeper.cli.identity import who_to_be

            wanted = response.headers.get("www-authenticate", "")
            raise SetupError(
                f"{self.name} does not know who asks, or refuses what it was given."
                f" {who_to_be(wanted)}"
            )
        if response.status_code >= HTTPStatus.BAD_REQUEST:
            raise RequestFailed(_complaint(response))
        return msgspec.json.decode(response.content, type=kind)


@asynccontextmanager
async def opened(
    where: Where | None, settings: Settings | None, *, to_write: bool = False
) -> AsyncIterator[Source]:
    """Open what the options name; to be changed too, if asked. Raises SetupError: what to do."""
    async with AsyncExitStack() as stack:
        source = await stack.enter_async_context(opened_server(where, settings))
        if source is None:
            from innkeeper.wiring.reading import reading, writing

            config = configured(settings)
            site = writing(config) if to_write else reading(config)
            source = await stack.enter_async_context(_directory(config, site))
        yield source


@asynccontextmanager
async def opened_server(
    where: Where | None, settings: Settings | None
) -> AsyncIterator[Source | None]:
    """Open the server that the options name or that runs on the data directory, if one does.

    Raises SetupError if they name a database as well that is not the server's.
    """
    where = where or Where()
    if where.url is not None:
        if settings is not None and settings.database_url is not None:
            raise SetupError("--url and --database-url: give one; the server has its own database.")
        url: str | None = _checked(where.url)
    else:
        config = configured(settings)
        endpoint = await _alive(read_endpoint(config.data_path))
        if endpoint is not None and config.store.url:
            _check_same(config, endpoint)
        url = None if endpoint is None else endpoint.url
    if url is None:
        yield None
        return
    import httpx2

    from innkeeper.cli.identity import identity

    who = identity(where.token, where.user, os.environ)
    async with httpx2.AsyncClient(base_url=url, timeout=TIMEOUT_S, auth=who) as client:
        yield Source(client, url)


@asynccontextmanager
async def _directory(
    config: Config, site: "AbstractAsyncContextManager[App]"
) -> AsyncIterator[Source]:
    import httpx2

    from innkeeper.store.dialects.backend import shown

    name = shown(config.store.url) if config.store.url else str(config.data_path)
    async with site as app:
        from innkeeper.cli.in_process import InProcess

        transport = InProcess(app)
        async with httpx2.AsyncClient(base_url="http://localhost", transport=transport) as client:
            yield Source(client, name)


def _check_same(config: Config, endpoint: Endpoint) -> None:
    """Raise SetupError if the database that is named is not the one that the server has."""
    from innkeeper.store.dialects.backend import shown

    named = shown(config.store.url)
    if named != endpoint.database:
        raise SetupError(
            f"The server that runs on {config.data_path} serves {endpoint.database}, not {named}."
            " Leave --database-url (store.url) out to ask it, stop it, or name another directory"
            " with --data-dir to read the database itself."
        )


def _checked(url: str) -> str:
    refused = SetupError(f"--url: '{url}' is no URL such as http://127.0.0.1:8778.")
    try:
        parts = urlsplit(url)
        # To ask for the port is to have it checked.
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0:
            raise refused
    except ValueError as error:
        raise refused from error
    return url


async def _alive(endpoint: Endpoint | None) -> Endpoint | None:
    """Give the endpoint if the server that wrote it still answers there."""
    if endpoint is None:
        return None
    import httpx2

    try:
        async with httpx2.AsyncClient(timeout=PROBE_TIMEOUT_S) as client:
            response = await client.get(f"{endpoint.url}/healthz")
        health = msgspec.json.decode(response.content, type=Health)
    except (httpx2.HTTPError, msgspec.MsgspecError):
        return None
    # Another server may have got the port since.
    return endpoint if health.server == endpoint.server else None


def _complaint(response: "httpx2.Response") -> str:
    try:
        problems = msgspec.json.decode(response.content, type=Problems).errors
    except msgspec.MsgspecError:
        return f"The server answered {response.status_code}: is it an Innkeeper?"
    return " ".join(problem.detail for problem in problems)
