"""The native API as an application: negotiation, reading, answering.

Every operation of the table gets a route here; nothing else has one. This file must never
know a noun.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl

import msgspec
import structlog

from innkeeper.api.cors import Cors
from innkeeper.api.fence import fenced
from innkeeper.api.http import GONE, JSON, App, ClientGone, Request, Response
from innkeeper.api.limits import OverLimit
from innkeeper.api.native import faults, versions
from innkeeper.api.native.call import Answer, Call, Operation
from innkeeper.api.native.faults import Refused
from innkeeper.api.native.operations import OPERATIONS
from innkeeper.api.native.origins import Origins, check_media
from innkeeper.api.native.service import Service
from innkeeper.api.nul import NUL_REFUSED, has_nul
from innkeeper.api.routing import Match, RouteTable
from innkeeper.auth.access import Access
from innkeeper.auth.strategy import Asking
from innkeeper.core.errors import InnkeeperError, InvalidInput

VERSION_HEADER: Final = "openstack-api-version"

_log = structlog.get_logger("innkeeper.api.native")

Methods = Mapping[str, Operation]


def native_app(
    service: Service,
    access: Access,
    cors: Cors,
    *,
    origins: Origins,
    read_within_s: float = 0.0,
) -> App:
    """Give the application that answers at and below its mount, ``/v1``.

    What a request that only reads is shown may be ``read_within_s`` old, where other processes
    write too.
    """
    by_path: dict[str, dict[str, Operation]] = {}
    for operation in OPERATIONS:
        by_path.setdefault(operation.path, {})[operation.method] = operation
    return _NativeApp(
        service,
        RouteTable(by_path),
        access=access,
        cors=cors,
        origins=origins,
        read_within_s=read_within_s,
    )


class _NativeApp:
    def __init__(
        self,
        service: Service,
        routes: RouteTable[Methods],
        *,
        access: Access,
        cors: Cors,
        origins: Origins,
        read_within_s: float,
    ) -> None:
        self._read_within_s = read_within_s
        self._service = service
        self._routes = routes
        self._access = access
        self._cors = cors
        self._origins = origins

    async def __call__(self, request: Request) -> Response:
        request_id = f"req-{self._service.new_uuid()}"
        found = self._routes.find(request.path)

        def failed(error: Exception) -> Response:
            return _failure(error, path=request.path, request_id=request_id)

        response = await fenced(self._respond(request, found), failed=failed)
        response = self._cors.apply(request, response)
        response.headers += [(faults.REQUEST_ID, request_id), ("vary", VERSION_HEADER)]
        response.route = "" if found is None else found.template
        return response

    async def _respond(self, request: Request, found: Match[Methods] | None) -> Response:
        if request.over is not None:
            raise request.over
        self._origins.check(request)
        if found is None:
            raise _nothing(request)
        operation = found.target.get("GET" if request.method == "HEAD" else request.method)
        if operation is None:
            allowed = ", ".join(sorted(found.target))
            raise Refused(
                HTTPStatus.METHOD_NOT_ALLOWED,
                code=faults.METHOD_NOT_ALLOWED,
                detail=f"This path answers {allowed}, not {request.method}.",
                headers=(("allow", allowed),),
            )
        if operation.rule is not None:
            await self._admit(request, operation.rule)
        version = versions.negotiate(request.headers)
        if version < operation.since:
            raise _nothing(request, since=operation.since)
        content = await request.read()
        check_media(request, content)
        if has_nul(request, content):
            raise InvalidInput(NUL_REFUSED)
        call = Call(
            path=found.params,
            query=dict(parse_qsl(request.query, keep_blank_values=True)),
            content=content,
            url=request.root_path + request.path,
        )
        if operation.rule is not None:
            # Handlers look at the index, which other processes may have left behind.
            within_s = self._read_within_s if operation.method == "GET" else 0.0
            await self._service.store.fresh(within_s=within_s)
        response = _answered(await operation.handler(self._service, call))
        response.headers.append(
            (VERSION_HEADER, f"{versions.SERVICE_TYPE} {versions.text(version)}")
        )
        return response

    async def _admit(self, request: Request, rule: str) -> None:
        """Raise Refused if nobody knows who asks (401), or he has no leave (403)."""
        asking = Asking(
            request.headers,
            method=request.method,
            path=request.root_path + request.path,
            service=versions.SERVICE_TYPE,
        )
        credentials = await self._access.authenticator.authenticate(asking)
        if credentials is None:
            raise Refused(
                HTTPStatus.UNAUTHORIZED,
                code=faults.UNAUTHENTICATED,
                detail="The request does not say who asks, or nobody can confirm it.",
                headers=self._access.authenticator.challenge,
            )
        if not self._access.policy.allows(rule, credentials, credentials.own):
            raise Refused(
                HTTPStatus.FORBIDDEN,
                code=faults.FORBIDDEN,
                detail=f"Policy does not allow {rule} to be performed.",
            )


def _nothing(request: Request, *, since: versions.Microversion | None = None) -> Refused:
    """Give the error of a path that does not exist, or not before microversion ``since``."""
    known = "" if since is None else f" before microversion {versions.text(since)}"
    detail = f"There is nothing at {request.root_path}{request.path}{known}."
    return Refused(HTTPStatus.NOT_FOUND, code=faults.NO_SUCH_PATH, detail=detail)


def _answered(answer: Answer) -> Response:
    response = Response(int(answer.status))
    if answer.body is not None:
        response.body = msgspec.json.encode(answer.body)
        response.headers.append(("content-type", JSON))
    if answer.location is not None:
        response.headers.append(("location", answer.location))
    return response


def _failure(error: Exception, *, path: str, request_id: str) -> Response:
    """Give the answer to a request that came to nothing; log what nobody foresaw."""
    if isinstance(error, ClientGone):
        return Response(GONE)
    refused = _refusal(error)
    if refused is None:
        _log.error("a request failed", request_id=request_id, path=path, exc_info=error)
        refused = Refused(
            HTTPStatus.INTERNAL_SERVER_ERROR,
            code=faults.UNEXPECTED,
            detail=f"An unexpected error; the server's log has it under {request_id}.",
        )
    body = faults.problems(
        refused.status, code=refused.code, detail=refused.detail, request_id=request_id
    )
    return Response(
        int(refused.status),
        body=msgspec.json.encode(body),
        headers=[("content-type", JSON), *refused.headers],
    )


def _refusal(error: Exception) -> Refused | None:
    match error:
        case Refused():
            return error
        case InnkeeperError():
            return Refused(faults.status_of(error), code=error.code, detail=error.detail)
        case OverLimit():
            return Refused(error.status, code=error.code, detail=error.detail)
        case _:
            return None
