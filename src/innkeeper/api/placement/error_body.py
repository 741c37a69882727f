"""The body of an error: JSON in the format of the API-SIG, or HTML or plain text if preferred."""

from html import escape
from typing import Final

import msgspec

from innkeeper.api.http import JSON, Response, title
from innkeeper.api.media import best_offer
from innkeeper.api.placement.errors import HttpError
from innkeeper.api.placement.versions import OLDEST, VERSIONS, Version, text

_HTML: Final = "text/html"
_FORMATS: Final = (_HTML, JSON)
CODES_SINCE: Final[Version] = (1, 23)

_EXPLANATIONS: Final = {
    400: "The server could not comply with the request since it is malformed or incorrect.",
    401: "This server could not verify that you may do this: the request has no valid token.",
    403: "Access was denied to this resource.",
    404: "The resource could not be found.",
    405: "The method {method} is not allowed for this resource.",
    406: "The resource could not be generated in a form that is acceptable to the client.",
    409: "There was a conflict when trying to complete your request.",
    413: "The body of the request is too large.",
    415: "The request media type is not supported by this server.",
    500: "The server has either erred or is incapable of performing the requested operation.",
    503: "The server is currently unavailable. Please try again at a later time.",
}


class Asked(msgspec.Struct, frozen=True):
    """What of a request the form of an error depends on."""

    method: str
    accept: str
    request_id: str
    version: Version | None
    """None until it is known, or if it is unacceptable."""


def render(error: HttpError, asked: Asked) -> Response:
    """Give the response that says ``error``."""
    lead = _EXPLANATIONS.get(error.status, title(error.status)).format(method=asked.method)
    detail = " ".join(error.detail.splitlines()) if error.detail else ""
    accept = "" if asked.accept == "*/*" else asked.accept
    match JSON if not accept else best_offer(accept, _FORMATS):
        case "application/json":
            kind, body = JSON, _json(error, asked, detail=f"{lead}\n\n {detail}".strip())
        case "text/html":
            kind, body = f"{_HTML}; charset=UTF-8", _html(error.status, lead, detail)
        case _:
            kind = "text/plain; charset=UTF-8"
            body = f"{error.status} {title(error.status)}\n\n{lead}\n\n{detail}\n".encode()
    return Response(error.status, body, [("content-type", kind), *error.headers])


def _json(error: HttpError, asked: Asked, *, detail: str) -> bytes:
    entry: dict[str, str | int] = {
        "status": error.status,
        "title": title(error.status),
        "detail": detail,
        "request_id": asked.request_id,
    }
    if asked.version is not None and asked.version >= CODES_SINCE:
        entry["code"] = error.code
    if asked.version is None and error.status == 406:  # noqa: PLR2004 - Not Acceptable
        entry["min_version"] = text(OLDEST)
        entry["max_version"] = VERSIONS[-1]
    return msgspec.json.encode({"errors": [entry]})


def _html(status: int, lead: str, detail: str) -> bytes:
    heading = f"{status} {title(status)}"
    return (
        f"<html>\n <head>\n  <title>{heading}</title>\n </head>\n <body>\n  <h1>{heading}</h1>\n"
        f"  {escape(lead)}<br /><br />\n{escape(detail)}\n </body>\n</html>"
    ).encode()
