"""The application: what happens to every request before and after its handler.

The order of the checks is part of the contract: token, version, content headers, route,
version window, media types, leave, and only then what the request says.
"""

from collections.abc import Callable
from typing import Final

import structlog

from innkeeper.api.cors import Cors
from innkeeper.api.fence import fenced
from innkeeper.api.http import GONE, JSON, ClientGone, Request, Response
from innkeeper.api.limits import OverLimit
from innkeeper.api.media import best_offer
from innkeeper.api.nul import NUL_REFUSED, has_nul
from innkeeper.api.placement.call import Call, Endpoint
from innkeeper.api.placement.error_body import Asked, render
from innkeeper.api.placement.errors import HttpError, bad_request, refusal
from innkeeper.api.placement.routes import ROUTES
from innkeeper.api.placement.versions import (
    HEADER,
    LATEST,
    OLDEST,
    SERVICE_TYPE,
    MalformedVersion,
    UnacceptableVersion,
    Version,
    negotiate,
    text,
)
from innkeeper.api.routing import Match, RouteTable
from innkeeper.auth.credentials import Credentials
from innkeeper.auth.policy import Policy
from innkeeper.auth.strategy import Asking, Authenticator
from innkeeper.core.errors import InnkeeperError
from innkeeper.placement.service import Placement

REQUEST_ID_HEADER: Final = "x-openstack-request-id"
_OFFERS: Final = (JSON,)
_VERSION_HEADERS: Final = {
    version: ((HEADER, f"{SERVICE_TYPE} {text(version)}"), ("vary", HEADER))
    for version in ((OLDEST[0], minor) for minor in range(LATEST[1] + 1))
}

_Match = Match[dict[str, tuple[Endpoint, ...]]]

_log = structlog.get_logger("innkeeper.api.placement")


class PlacementApp:
    """The Placement API, for a mount at any path or at the root."""

    def __init__(
        self,
        placement: Placement,
        *,
        authenticator: Authenticator,
        policy: Policy,
        cors: Cors,
        new_uuid: Callable[[], str],
        read_within_s: float = 0.0,
    ) -> None:
        """Answer from ``placement``.

        What a request that only reads is shown may be ``read_within_s`` old, where other
        processes write too.
        """
        self._read_within_s = read_within_s
        self._placement = placement
        self._authenticator = authenticator
        self._policy = policy
        self._cors = cors
        self._new_uuid = new_uuid
        self._routes = RouteTable(ROUTES, forgives_slash=False)

    async def __call__(self, request: Request) -> Response:
        """Serve one request."""
        asked = Asked(
            method=request.method,
            accept=request.headers.get("accept", ""),
            request_id=f"req-{self._new_uuid()}",
            media_type=request.headers.get("content-type", ""),
        )
        match = self._routes.find(request.path)

        def failed(error: Exception) -> Response:
            return self._refused(error, asked)

        response = await fenced(self._respond(request, match, asked), failed=failed)
        if asked.version is not None:
            response.headers += _VERSION_HEADERS[asked.version]
        response = self._cors.apply(request, response)
        response.headers.append((REQUEST_ID_HEADER, asked.request_id))
        response.route = "" if match is None else match.template
        return response

    async def _respond(self, head: Request, match: _Match | None, asked: Asked) -> Response:
        """Find out who asks and in which version; from then on errors have the form of that."""
        credentials = await self._authenticate(head)
        asked.version = version = _version(head)
        return await self._handle(head, match, version=version, credentials=credentials)

    async def _authenticate(self, head: Request) -> Credentials:
        if head.path in ("", "/"):
            return Credentials()
        asking = Asking(head.headers, method=head.method, path=head.root_path + head.path)
        credentials = await self._authenticator.authenticate(asking)
        if credentials is None:
            raise HttpError(401, "", headers=self._authenticator.challenge)
        return credentials

    def _refused(self, error: Exception, asked: Asked) -> Response:
        if isinstance(error, ClientGone):
            return Response(GONE)
        return render(self._refusal(error, asked.request_id), asked)

    def _refusal(self, error: Exception, request_id: str) -> HttpError:
        if isinstance(error, HttpError):
            return error
        if isinstance(error, OverLimit):
            return HttpError(error.status, error.detail)
        if isinstance(error, InnkeeperError):
            return refusal(error)
        _log.error("a request failed", request_id=request_id, exc_info=error)
        return HttpError(500, f"Unexpected error; the server's log has it under {request_id}.")

    async def _handle(
        self, head: Request, match: _Match | None, *, version: Version, credentials: Credentials
    ) -> Response:
        if head.over is not None:
            raise head.over
        _check_content_headers(head)
        if match is None:
            raise HttpError(404, "")
        endpoint = _endpoint(match.target, head, version)
        if endpoint.rule is not None:
            target = endpoint.target(head) if endpoint.target else credentials.own
            if not self._policy.allows(endpoint.rule, credentials, target):
                raise HttpError(403, f"Policy does not allow {endpoint.rule} to be performed.")
        content = await head.read()
        if has_nul(head, content):
            raise bad_request(NUL_REFUSED)
        call = Call(
            request=head,
            content=content,
            version=version,
            segments=match.params,
            placement=self._placement,
            credentials=credentials,
        )
        if endpoint.rule is not None:
            # Handlers look at the index, which other processes may have left behind.
            within_s = self._read_within_s if head.method == "GET" else 0.0
            await self._placement.store.fresh(within_s=within_s)
        return await endpoint.handler(call)


def _version(head: Request) -> Version:
    try:
        return negotiate(head.headers)
    except UnacceptableVersion as error:
        raise HttpError(406, str(error)) from error
    except MalformedVersion as error:
        raise bad_request(str(error)) from error


def _check_content_headers(head: Request) -> None:
    length = head.headers.get("content-length", "")
    if not length:
        return
    if not (length.isascii() and length.isdecimal()):
        raise bad_request("content-length header must be an integer")
    if length.strip("0") and not head.media_type:
        raise bad_request("content-type header required when content-length > 0")


def _endpoint(
    methods: dict[str, tuple[Endpoint, ...]], head: Request, version: Version
) -> Endpoint:
    """Give what answers this method at this version; raise HttpError if nothing does."""
    endpoints = methods.get(head.method)
    if endpoints is None:
        allow = ", ".join(methods)
        raise HttpError(
            405,
            "The method specified is not allowed for this resource.",
            headers=(("allow", allow),),
        )
    if endpoints[0].media_first:
        _check_media(endpoints[0], head)
    for endpoint in endpoints:
        if endpoint.since <= version <= endpoint.until:
            _check_media(endpoint, head)
            return endpoint
    raise HttpError(endpoints[0].missing, "")


def _check_media(endpoint: Endpoint, head: Request) -> None:
    if endpoint.reads_json and head.media_type != JSON:
        found = head.media_type or "None"
        raise HttpError(415, f"The media type {found} is not supported, use {JSON}")
    accept = head.headers.get("accept", "")
    if endpoint.gives_json and best_offer(accept, _OFFERS) is None:
        raise HttpError(406, f"Only {JSON} is provided")
