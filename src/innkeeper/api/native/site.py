"""The root of the server: which APIs there are, and whether it is alive and ready.

Everything below the mounts of the APIs belongs to them.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final

import msgspec

from innkeeper.api.http import JSON, App, Request, Response
from innkeeper.api.native import faults, versions
from innkeeper.api.native.health_view import Health
from innkeeper.api.native.links import Link
from innkeeper.api.native.readiness import Condition, Readiness
from innkeeper.api.native.versions import Version, VersionList
from innkeeper.config import is_loopback
from innkeeper.obs.metrics import CONTENT_TYPE, Metrics

PLACEMENT_ROOT: Final = "/placement"


class Ready(msgspec.Struct, frozen=True):
    """Whether the server can serve, and what of it cannot."""

    status: str
    """ready, or unready."""
    server: str
    conditions: tuple[Condition, ...]


def site(
    *,
    placement: App,
    native: App,
    placement_versions: tuple[str, str],
    server: str,
    readiness: Readiness,
    metrics: Metrics,
    remote_metrics: bool,
    new_uuid: Callable[[], str],
) -> App:
    """Give the whole server as one application.

    Metrics are for clients on this machine, unless ``remote_metrics``: nobody is asked who he is.
    """
    apis = VersionList(
        versions=(
            versions.here(),
            Version(
                id="placement",
                status="CURRENT",
                min_version=placement_versions[0],
                max_version=placement_versions[1],
                links=(Link("self", PLACEMENT_ROOT),),
            ),
        )
    )
    mounts = {PLACEMENT_ROOT: placement, versions.ROOT: native}
    return _Site(
        mounts,
        apis,
        server=server,
        readiness=readiness,
        metrics=metrics,
        remote_metrics=remote_metrics,
        new_uuid=new_uuid,
    )


class _Site:
    """Hands ``/prefix`` and all below it to the API there, and answers the rest itself.

    The bare prefix, without a slash, is handed over as well: it is where clients look for the
    versions of an API.
    """

    def __init__(
        self,
        mounts: Mapping[str, App],
        apis: VersionList,
        *,
        server: str,
        readiness: Readiness,
        metrics: Metrics,
        remote_metrics: bool,
        new_uuid: Callable[[], str],
    ) -> None:
        self._mounts = mounts
        self._apis = apis
        self._server = server
        self._readiness = readiness
        self._metrics = metrics
        self._remote_metrics = remote_metrics
        self._new_uuid = new_uuid

    async def __call__(self, request: Request) -> Response:
        prefix = "/" + request.path[1:].partition("/")[0]
        app = self._mounts.get(prefix)
        return await (self._respond(request) if app is None else app(request.below(prefix)))

    async def _respond(self, request: Request) -> Response:
        match request.path:
            case "" | "/":
                return _json(HTTPStatus.OK, self._apis)
            case "/healthz":
                return _json(HTTPStatus.OK, Health("ok", self._server))
            case "/readyz":
                return await self._ready()
            case "/metrics":
                return self._scraped(request.client)
            case _:
                return self._refused(
                    HTTPStatus.NOT_FOUND,
                    code=faults.NO_SUCH_PATH,
                    detail=f"There is nothing at {request.path}. See / for what there is.",
                )

    async def _ready(self) -> Response:
        conditions = await self._readiness.conditions()
        if all(each.holds for each in conditions):
            return _json(HTTPStatus.OK, Ready("ready", self._server, conditions))
        return _json(HTTPStatus.SERVICE_UNAVAILABLE, Ready("unready", self._server, conditions))

    def _scraped(self, client: str) -> Response:
        if not self._remote_metrics and not is_loopback(client):
            return self._refused(
                HTTPStatus.FORBIDDEN,
                code=faults.FORBIDDEN,
                detail="Metrics are for clients on this machine, unless api.remote_metrics is set.",
            )
        return Response(200, self._metrics.text(), [("content-type", CONTENT_TYPE)])

    def _refused(self, status: HTTPStatus, *, code: str, detail: str) -> Response:
        request_id = f"req-{self._new_uuid()}"
        problems = faults.problems(status, code=code, detail=detail, request_id=request_id)
        response = _json(status, problems)
        response.headers.append((faults.REQUEST_ID, request_id))
        return response


def _json(status: HTTPStatus, body: msgspec.Struct) -> Response:
    return Response(int(status), msgspec.json.encode(body), [("content-type", JSON)])
