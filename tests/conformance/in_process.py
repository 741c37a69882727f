"""The Placement API without a socket: requests go straight into the application."""

import itertools
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote
from uuid import UUID

from innkeeper.api.cors import Cors
from innkeeper.api.http import Request
from innkeeper.api.placement.app import PlacementApp
from innkeeper.auth.noauth2 import NoAuth2
from innkeeper.auth.policy import Policy
from innkeeper.auth.rule_policy import RulePolicy
from innkeeper.index.index import Index
from innkeeper.placement.service import Placement, Searching
from innkeeper.store.store import Store

ADMIN = {"x-auth-token": "admin", "x-roles": "admin,service"}


class Answer:
    """One response, read whole."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def detail(self) -> str:
        return str(self.json["errors"][0]["detail"])


class Client:
    """Asks one application."""

    def __init__(self, app: PlacementApp, store: Store, index: Index, searches: list[str]) -> None:
        self.app = app
        self.store = store
        self.index = index
        self.searches = searches
        """How each search ended."""

    async def __call__(
        self,
        method: str,
        target: str,
        *,
        body: object = None,
        raw: bytes | None = None,
        version: str = "1.39",
        headers: Mapping[str, str] | None = None,
        root_path: str = "",
    ) -> Answer:
        content = b"" if body is None else json.dumps(body).encode()
        content = content if raw is None else raw
        sent = {
            "host": "inn.example:8080",
            "openstack-api-version": f"placement {version}",
            **ADMIN,
        }
        if content:
            sent |= {"content-type": "application/json", "content-length": str(len(content))}
        sent |= headers or {}
        path, _, query = target.partition("?")
        quoted = quote(query, safe="=&%+:,!-_.~")
        return await self.exchange(
            method, f"{path}?{quoted}", headers=sent, content=content, root_path=root_path
        )

    async def exchange(
        self,
        method: str,
        target: str,
        *,
        headers: Mapping[str, str],
        content: bytes = b"",
        root_path: str = "",
    ) -> Answer:
        """Send exactly this, and nothing that is not said."""
        path, _, query = target.partition("?")

        async def read() -> bytes:
            return content

        request = Request(
            method=method,
            path=path,
            headers=dict(headers),
            query=query,
            read=read,
            root_path=root_path,
            server="127.0.0.1:8080",
        )
        response = await self.app(request)
        return Answer(response.status, dict(response.headers), response.body)


def _ticking() -> Callable[[], datetime]:
    seconds = itertools.count()
    return lambda: datetime.fromtimestamp(1_800_000_000 + next(seconds), UTC)


@asynccontextmanager
async def client_of(
    data_dir: Path,
    *,
    policy: Policy | None = None,
    clock: Callable[[], datetime] | None = None,
    shuffle: Random | None = None,
) -> AsyncIterator[Client]:
    """Give a client of a new, empty Placement that keeps its state in ``data_dir``.

    Unless another ``clock`` is given, a second passes whenever somebody asks for the time.
    """
    uuids = itertools.count(1)
    clock = clock or _ticking()

    def new_uuid() -> str:
        return str(UUID(int=next(uuids)))

    store = Store.open(f"sqlite:///{data_dir}/placement.db", clock=clock, writer_id="test")
    index = Index()
    searches: list[str] = []
    index.apply(store.load())
    store.start(index.apply)
    app = PlacementApp(
        Placement(
            store,
            index,
            clock=clock,
            new_uuid=new_uuid,
            searching=Searching(
                clock_s=lambda: clock().timestamp(), tally=searches.append, shuffle=shuffle
            ),
        ),
        authenticator=NoAuth2(),
        policy=policy or RulePolicy(),
        cors=Cors(),
        new_uuid=new_uuid,
    )
    try:
        yield Client(app, store, index, searches)
    finally:
        await store.close()
