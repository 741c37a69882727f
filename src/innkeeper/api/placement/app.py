"""The application: what happens to every request before and after its handler.

The order of the checks is part of the contract: token, version, content headers, route,
version window, media types, leave, and only then what the request says.
"""

from collections.abc import Callable
from typing import Final

import msgspec
import structlog

from innkeeper.api.asgi import (
    ClientGone,
    Receive,
    Scope,
    Send,
    check_head,
    read_body,
    request_head,
    send_response,
)
from innkeeper.api.cors import Cors
from innkeeper.api.fence import fenced
from innkeeper.api.http import JSON, Request, Response
from innkeeper.api.limits import DEFAULT, Limits, OverLimit
from innkeeper.api.media import best_offer
from innkeeper.api.placement.call import Call, Endpoint
from innkeeper.api.placement.error_body import Asked, render
from innkeeper.api.placement.errors import HttpError, bad_request, refusal
from innkeeper.api.placement.routes import ROUTES
from innkeeper.api.placement.versions import (
    HEADER,
    SERVICE_TYPE,
    MalformedVersion,
    UnacceptableVersion,
    Version,
    negotiate,
    text,
)
from innkeeper.api.routing import RouteTable
from innkeeper.auth.credentials import Credentials
from innkeeper.auth.policy import Policy
from innkeeper.auth.strategy import Asking, Authenticator
from innkeeper.core.errors import InnkeeperError
from innkeeper.placement.service import Placement

REQUEST_ID_HEADER: Final = "x-openstack-request-id"
_OFFERS: Final = (JSON,)

_log = structlog.get_logger("innkeeper.api.placement")


class PlacementApp:
    """The Placement API as an ASGI application, for a mount at any path or at the root."""

    def __init__(
        self,
        placement: Placement,
        *,
        authenticator: Authenticator,
        policy: Policy,
        cors: Cors,
        new_uuid: Callable[[], str],
        limits: Limits = DEFAULT,
        read_within_s: float = 0.0,
    ) -> None:
        """Answer from ``placement``.

        What a request that only reads is shown may be ``read_within_s`` old, where other
        processes write too.
        """
        self._limits = limits
        self._read_within_s = read_within_s
        self._placement = placement
        self._authenticator = authenticator
        self._policy = policy
        self._cors = cors
        self._new_uuid = new_uuid
        self._routes = RouteTable(ROUTES, forgives_slash=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        head = request_head(scope)
        request_id = f"req-{self._new_uuid()}"
        try:
            response = await self.respond(head, receive, request_id=request_id)
        except ClientGone:
            return
        response = self._cors.apply(head, response)
        response.headers.append((REQUEST_ID_HEADER, request_id))
        await send_response(response, send)

    async def respond(self, head: Request, receive: Receive, *, request_id: str) -> Response:
        """Give the response to a request whose body is still to be received."""
        asked = Asked(
            method=head.method,
            accept=head.headers.get("accept", ""),
            request_id=request_id,
            version=None,
            media_type=head.headers.get("content-type", ""),
        )

        def failed(error: Exception) -> Response:
            return render(self._refusal(error, request_id), asked)

        return await fenced(self._admit(head, receive, asked), failed=failed)

    async def _admit(self, head: Request, receive: Receive, asked: Asked) -> Response:
        """Find out who asks and in which version; then answer in the form of that version."""
        credentials = await self._authenticate(head)
        version = _version(head)
        asked = msgspec.structs.replace(asked, version=version)

        def failed(error: Exception) -> Response:
            return render(self._refusal(error, asked.request_id), asked)

        response = await fenced(
            self._handle(head, receive, version=version, credentials=credentials), failed=failed
        )
        response.headers += [(HEADER, f"{SERVICE_TYPE} {text(version)}"), ("vary", HEADER)]
        return response

    async def _authenticate(self, head: Request) -> Credentials:
        if head.path in ("", "/"):
            return Credentials()
        asking = Asking(head.headers, method=head.method, path=head.root_path + head.path)
        credentials = await self._authenticator.authenticate(asking)
        if credentials is None:
            raise HttpError(401, "", headers=self._authenticator.challenge)
        return credentials

    def _refusal(self, error: Exception, request_id: str) -> HttpError:
        if isinstance(error, ClientGone):
            raise error
        if isinstance(error, HttpError):
            return error
        if isinstance(error, OverLimit):
            return HttpError(error.status, error.detail)
        if isinstance(error, InnkeeperError):
            return refusal(error)
        _log.error("a request failed", request_id=request_id, exc_info=error)
        return HttpError(500, f"Unexpected error; the server's log has it under {request_id}.")

    async def _handle(
        self, head: Request, receive: Receive, *, version: Version, credentials: Credentials
    ) -> Response:
        check_head(head, self._limits)
        _check_content_headers(head)
        match = self._routes.find(head.path)
        if match is None:
            raise HttpError(404, "")
        endpoint = _endpoint(match.target, head, version)
        if endpoint.rule is not None:
            target = endpoint.target(head) if endpoint.target else credentials.own
            if not self._policy.allows(endpoint.rule, credentials, target):
                raise HttpError(403, f"Policy does not allow {endpoint.rule} to be performed.")
        call = Call(
            request=_with_body(head, await read_body(head, receive, self._limits)),
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


def _with_body(head: Request, body: bytes) -> Request:
    return Request(
        method=head.method,
        path=head.path,
        headers=head.headers,
        query=head.query,
        body=body,
        root_path=head.root_path,
        scheme=head.scheme,
        server=head.server,
    )


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
