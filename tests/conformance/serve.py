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
from pathlib import Path

import uvicorn

from innkeeper.api.cors import Cors
from innkeeper.api.placement.app import PlacementApp
from innkeeper.auth.noauth2 import NoAuth2
from innkeeper.auth.policy import RulePolicy
from innkeeper.auth.policy_file import read_policy_file
from innkeeper.index.index import Index
from innkeeper.placement.service import Placement
from innkeeper.store.store import Store


def new_uuid() -> str:
    return str(uuid.uuid4())


def now() -> datetime:
    return datetime.now(UTC)


def words(text: str) -> frozenset[str]:
    return frozenset(word.strip() for word in text.split(",") if word.strip())


def placement_app(placement: Placement, environment: Mapping[str, str]) -> PlacementApp:
    policy_file = environment.get("GABBI_POLICY_FILE", "")
    return PlacementApp(
        placement,
        authenticator=NoAuth2(),
        policy=RulePolicy(
            read_policy_file(Path(policy_file)) if policy_file else {},
            secure=environment.get("GABBI_SECURE_RBAC") == "1",
        ),
        cors=Cors(
            origins=words(environment.get("GABBI_CORS_ALLOWED_ORIGIN", "")),
            headers=words(environment.get("GABBI_CORS_ALLOW_HEADERS", "").lower()),
        ),
        new_uuid=new_uuid,
    )


async def serve(port: int, data_dir: Path) -> None:
    store = Store.open(f"sqlite:///{data_dir}/placement.db", clock=now, writer_id="conformance")
    index = Index()
    index.apply(store.load())
    store.start(index.apply)
    placement = Placement(store, index, clock=now, new_uuid=new_uuid)
    config = uvicorn.Config(
        placement_app(placement, os.environ),
        host="127.0.0.1",
        port=port,
        log_level="warning",
        lifespan="off",
    )
    try:
        await uvicorn.Server(config).serve()
    finally:
        await store.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("data_dir", type=Path)
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.port, arguments.data_dir))


if __name__ == "__main__":
    main()
