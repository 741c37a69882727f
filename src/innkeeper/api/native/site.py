"""The root of the server: which APIs there are, and whether it is alive and ready.

Everything below the mounts of the APIs belongs to them.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final

import msgspec

from innkeeper.api.asgi import App, Receive, Scope, Send, request_head, send_response
from innkeeper.api.http import JSON, Request, Response
from innkeeper.api.native import faults, versions
from innkeeper.api.native.links import Link
from innkeeper.api.native.versions import Version, VersionList

PLACEMENT_ROOT: Final = "/placement"


class Health(msgspec.Struct, frozen=True):
    """Whether the server is well."""

    status: str
    server: str
    """Id of this run of the server: another run has another."""


def site(
    *,
    placement: App,
    native: App,
    placement_versions: tuple[str, str],
    server: str,
    is_ready: Callable[[], bool],
) -> App:
    """Give the whole server as an ASGI application."""
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
    return _Site(mounts, apis, server=server, is_ready=is_ready)


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
        is_ready: Callable[[], bool],
    ) -> None:
        self._mounts = mounts
        self._apis = apis
        self._server = server
        self._is_ready = is_ready

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        prefix = "/" + scope["path"][1:].partition("/")[0]
        app = self._mounts.get(prefix)
        if app is not None:
            await app({**scope, "root_path": prefix}, receive, send)
            return
        request = request_head(scope)
        await send_response(self._respond(request), send, head_only=request.method == "HEAD")

    def _respond(self, request: Request) -> Response:
        match request.path:
            case "" | "/":
                return _json(HTTPStatus.OK, self._apis)
            case "/healthz":
                return _json(HTTPStatus.OK, Health("ok", self._server))
            case "/readyz" if self._is_ready():
                return _json(HTTPStatus.OK, Health("ready", self._server))
            case "/readyz":
                return _json(HTTPStatus.SERVICE_UNAVAILABLE, Health("starting", self._server))
            case _:
                missing = faults.problems(
                    HTTPStatus.NOT_FOUND,
                    code=faults.NO_SUCH_PATH,
                    detail=f"There is nothing at {request.path}. See / for what there is.",
                    request_id="",
                )
                return _json(HTTPStatus.NOT_FOUND, missing)


def _json(status: HTTPStatus, body: msgspec.Struct) -> Response:
    return Response(int(status), msgspec.json.encode(body), [("content-type", JSON)])
