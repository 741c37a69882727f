"""`innkeeper api`: the APIs without cells, and the Placement API at the root of its own port."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import httpx2
import msgspec
import pytest

from innkeeper.config import Config, PlacementSettings
from innkeeper.core.errors import SetupError
from innkeeper.wiring.parts import scheduler_settings
from innkeeper.wiring.system import System, running
from tests.e2e.conftest import Innkeeper, Server

RP = "5d3f0d8e-0a8e-4a86-9d7e-000000000001"


def config_for(tmp_path: Path, **placement: object) -> Config:
    return msgspec.structs.replace(
        Config(),
        data_dir=str(tmp_path / "inn"),
        api=msgspec.structs.replace(Config().api, port=0),
        placement=msgspec.convert(
            {"listen": "127.0.0.1:0", **placement}, PlacementSettings, strict=True
        ),
    )


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    config = config_for(tmp_path)
    async with running(config, {}, scheduling=scheduler_settings(config), random=Random(1)) as one:
        yield one


async def test_both_ports_serve_the_same_store(system: System) -> None:
    async with (
        httpx2.AsyncClient(base_url=system.url) as all_apis,
        httpx2.AsyncClient(base_url=system.placement_url) as alone,
    ):
        made = await alone.post(
            "/resource_providers",
            json={"name": "one", "uuid": RP},
            headers={"openstack-api-version": "placement 1.20"},
        )
        assert made.status_code == 200
        assert made.json()["links"][0]["href"] == f"/resource_providers/{RP}"
        seen = await all_apis.get(f"/placement/resource_providers/{RP}")
        assert seen.json()["name"] == "one"
        assert seen.json()["links"][0]["href"] == f"/placement/resource_providers/{RP}"
        # Nothing of ours is at the port that stands in the place of openstack-placement.
        for path in ("/v1", "/healthz", "/metrics", "/placement"):
            assert (await alone.get(path)).status_code == 404
        assert (await alone.get("/")).json()["versions"][0]["max_version"] == "1.39"
        assert (await all_apis.get("/v1/cells")).json()["cells"] == []


async def test_a_taken_placement_port_is_refused_by_its_option(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = config_for(tmp_path, listen=f"127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(SetupError, match="--placement-listen"):
            async with (
                asyncio.timeout(60),
                running(
                    config,
                    {},
                    scheduling=scheduler_settings(config),
                    random=Random(1),
                ),
            ):
                pass


@pytest.mark.slow
def test_the_command_announces_serves_and_stops(tmp_path: Path, innkeeper: Innkeeper) -> None:
    server = Server(tmp_path / "inn", "--placement-listen", "127.0.0.1:0", command="api")
    server.start()
    try:
        assert server.said["url"] == server.url
        alone = server.said["placement_url"]
        assert httpx2.get(f"{alone}/").json()["versions"][0]["id"] == "v1.0"
        again = innkeeper("api", "--port", 0, "--data-dir", tmp_path / "inn")
        assert again.returncode == 2
        assert "in use" in again.stderr
        # Other commands find it by the directory.
        assert innkeeper("audit", "--data-dir", tmp_path / "inn").returncode == 0
        assert server.stop() == 0
    finally:
        server.kill()
    assert not (tmp_path / "inn" / "server.json").exists()
