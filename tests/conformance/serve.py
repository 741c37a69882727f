"""Serve the Placement API alone, at the root of a loopback port, with fresh state.

    serve.py PORT DATA_DIR

How it is configured by the environment is said in gabbi_live/README.md.
"""

import argparse
import asyncio
import os
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path

from innkeeper.api.http import Request, Response
from innkeeper.api.placement.app import PlacementApp
from innkeeper.config import AuthSettings, Config, CorsSettings
from innkeeper.index.index import Index
from innkeeper.placement.service import Placement
from innkeeper.store.store import Store
from innkeeper.wiring.access import make_access, make_cors
from innkeeper.wiring.serve import HttpServer, stop_signals


def new_uuid() -> str:
    return str(uuid.uuid4())


def now() -> datetime:
    return datetime.now(UTC)


def words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def config_of(environment: Mapping[str, str]) -> Config:
    """Give the settings that the environment's variables ask for."""
    return Config(
        auth=AuthSettings(
            strategy="noauth2",
            policy_file=environment.get("GABBI_POLICY_FILE", ""),
            enforce_new_defaults=environment.get("GABBI_SECURE_RBAC") == "1",
        ),
        cors=CorsSettings(
            allowed_origins=words(environment.get("GABBI_CORS_ALLOWED_ORIGIN", "")),
            allow_headers=words(environment.get("GABBI_CORS_ALLOW_HEADERS", "")),
        ),
    )


async def serve(port: int, data_dir: Path, config: Config) -> None:
    url = os.environ.get("GABBI_STORE_URL") or f"sqlite:///{data_dir}/placement.db"
    beside = int(os.environ.get("GABBI_STORES", "1"))
    stores = [Store.open(url, clock=now, writer_id="conformance")]
    if beside > 1:
        await stores.pop().close()
        stores = [Store.share(url, clock=now, new_writer_id=new_uuid) for _ in range(beside)]
    apps = cycle([app_over(store, config) for store in stores])

    async def app(request: Request) -> Response:
        return await next(apps)(request)

    server = HttpServer.bind("127.0.0.1", port)
    try:
        with stop_signals() as told:
            await server.start(app)
            await told.wait()
        await server.stop()
    finally:
        for store in stores:
            await store.close()


def app_over(store: Store, config: Config) -> PlacementApp:
    """Start a store, and give what answers from it."""
    access = make_access(config, late=True)
    index = Index()
    index.apply(store.load())
    store.start(index.apply)
    return PlacementApp(
        Placement(store, index, clock=now, new_uuid=new_uuid),
        authenticator=access.authenticator,
        policy=access.policy,
        cors=make_cors(config.cors),
        new_uuid=new_uuid,
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("data_dir", type=Path)
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.port, arguments.data_dir, config_of(os.environ)))


if __name__ == "__main__":
    main()
