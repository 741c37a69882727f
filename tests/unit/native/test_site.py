"""Health, readiness and metrics: who may ask, and what they say when something is wrong."""

from collections.abc import Callable
from typing import Any, cast

import msgspec
import pytest

from innkeeper.api.http import Request, Response
from innkeeper.api.native.readiness import Readiness
from innkeeper.api.native.site import site
from innkeeper.core.errors import Unavailable
from innkeeper.obs.metrics import GAUGES, Metrics
from innkeeper.obs.tallies import Tallies
from innkeeper.store.open_store import OpenStore


class Broken:
    """A store that cannot commit, by an error or by silence."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error

    async def write(self, _op: object) -> None:
        if self.error is not None:
            raise self.error

    async def fresh(self) -> None:
        await self.write(None)


async def ask(
    path: str,
    *,
    error: Exception | None = None,
    started: Callable[[], bool] = lambda: True,
    client: str = "127.0.0.1",
    remote: bool = False,
) -> tuple[int, Any]:
    async def nothing(_request: Request) -> Response:
        return Response(204)

    app = site(
        placement=nothing,
        native=nothing,
        placement_versions=("1.0", "1.39"),
        server="s",
        readiness=Readiness(cast("OpenStore", Broken(error)), started=started),
        metrics=Metrics(Tallies(), dict.fromkeys(GAUGES, lambda: 0.0)),
        remote_metrics=remote,
        new_uuid=lambda: "1",
    )
    answer = await app(Request("GET", path, client=client))
    return answer.status, answer.body


async def conditions(**how: Any) -> tuple[int, str, dict[str, tuple[bool, str]]]:
    status, body = await ask("/readyz", **how)
    shown = msgspec.json.decode(body)
    told = {each["name"]: (each["holds"], each["detail"]) for each in shown["conditions"]}
    return status, shown["status"], told


async def test_ready() -> None:
    status, word, told = await conditions()
    assert (status, word) == (200, "ready")
    assert told == {"started": (True, ""), "store_writable": (True, ""), "index_fresh": (True, "")}


async def test_not_started_yet() -> None:
    status, word, told = await conditions(started=lambda: False)
    assert (status, word) == (503, "unready")
    assert told == {"started": (False, "the index is being loaded")}


@pytest.mark.parametrize(
    ("error", "words"), [(Unavailable("The disk is full."), "full"), (TimeoutError(), "no commit")]
)
async def test_a_store_that_cannot_commit(error: Exception, words: str) -> None:
    status, word, told = await conditions(error=error)
    assert (status, word) == (503, "unready")
    assert not told["store_writable"][0]
    assert words in told["store_writable"][1]
    assert (await ask("/healthz", error=error))[0] == 200


@pytest.mark.parametrize(
    ("client", "remote", "status"),
    [
        ("127.0.0.1", False, 200),
        ("::1", False, 200),
        ("192.0.2.1", False, 403),
        ("192.0.2.1", True, 200),
        ("", False, 403),
    ],
)
async def test_metrics_are_for_this_machine(client: str, remote: bool, status: int) -> None:  # noqa: FBT001 - a case of the table
    assert (await ask("/metrics", client=client, remote=remote))[0] == status


@pytest.mark.parametrize(("path", "status"), [("/nothing", 404), ("/metrics", 403)])
async def test_what_is_refused_has_an_id(path: str, status: int) -> None:
    refused, body = await ask(path, client="192.0.2.1")
    assert refused == status
    (problem,) = msgspec.json.decode(body)["errors"]
    assert problem["request_id"] == "req-1"
