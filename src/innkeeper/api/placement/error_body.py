"""The body of an error: JSON in the format of the API-SIG, or HTML or plain text if preferred.

A 401 has the form of what checks identity before upstream's API, which is not that of the API.
"""

from html import escape
from http import HTTPStatus
from typing import Final

import msgspec

from innkeeper.api.http import JSON, Response, title
from innkeeper.api.media import best_offer
from innkeeper.api.placement.errors import HttpError
from innkeeper.api.placement.versions import OLDEST, VERSIONS, Version, text

_HTML: Final = "text/html"
_FORMATS: Final = (_HTML, JSON)
CODES_SINCE: Final[Version] = (1, 23)

# These sentences are part of what clients of the API read, like the names of its fields.
_LEADS: Final = {
    400: (
        "The server could not comply with the request since it is either malformed or otherwise"
        " incorrect."
    ),
    401: (
        "This server could not verify that you are authorized to access the document you requested."
        " Either you supplied the wrong credentials (e.g., bad password), or your browser does not"
        " understand how to supply the credentials required."
    ),
    403: "Access was denied to this resource.",
    404: "The resource could not be found.",
    405: "The method {method} is not allowed for this resource. ",
    406: (
        "The resource could not be generated that was acceptable to your browser\n(content of type"
        " {accept}. "
    ),
    408: "The request did not arrive in time.",
    409: "There was a conflict when trying to complete your request.",
    413: "The body of the request is too large.",
    414: "The URI of the request is too long.",
    415: "The request media type {media_type} is not supported by this server.\n",
    431: "The headers of the request are too large.",
    500: "The server has either erred or is incapable of performing the requested operation.",
    503: "The server is currently unavailable. Please try again at a later time.",
}
# Upstream, identity is checked by what stands before the API, which has forms of its own: this is
# that of Keystone's middleware, whatever the client accepts.
_TOKEN_WANTED: Final = msgspec.json.encode(
    {
        "error": {
            "code": 401,
            "title": "Unauthorized",
            "message": "The request you have made requires authentication.",
        }
    }
)
_TERSE: Final = frozenset({405, 406, 415})
"""Statuses whose errors end with the detail; after others there is room for a comment."""


class Asked(msgspec.Struct):
    """What of a request the form of an error depends on, as far as it is known."""

    method: str
    accept: str
    request_id: str
    media_type: str = ""
    """As sent, with its parameters."""
    version: Version | None = None
    """None until it is known, or if it is unacceptable."""


def render(error: HttpError, asked: Asked) -> Response:
    """Give the response that says ``error``."""
    if _wants_token(error):
        return Response(error.status, _TOKEN_WANTED, [("content-type", JSON), *error.headers])
    accept = "" if asked.accept == "*/*" else asked.accept
    lead = _LEADS.get(error.status, title(error.status)).format(
        method=asked.method, accept=accept or JSON, media_type=asked.media_type or "None"
    )
    match JSON if not accept else best_offer(accept, _FORMATS):
        case "application/json":
            kind, body = JSON, _json(error, asked, lead)
        case "text/html":
            kind, body = f"{_HTML}; charset=UTF-8", _html(error, lead)
        case _:
            kind = "text/plain; charset=UTF-8"
            body = f"{_heading(error)}\n\n{_plain(error, lead)}".encode()
    return Response(error.status, body, [("content-type", kind), *error.headers])


def _wants_token(error: HttpError) -> bool:
    return any(value.startswith("Keystone ") for _, value in error.headers)


def _json(error: HttpError, asked: Asked, lead: str) -> bytes:
    if error.status == HTTPStatus.UNAUTHORIZED:
        message = f"{lead}<br /><br />\n{error.detail}\n\n"
        name = title(error.status)
        return msgspec.json.encode({"message": message, "code": f"401 {name}", "title": name})
    entry: dict[str, str | int] = {
        "status": error.status,
        "title": title(error.status),
        "detail": _plain(error, lead),
        "request_id": asked.request_id,
    }
    if asked.version is not None and asked.version >= CODES_SINCE:
        entry["code"] = error.code
    if asked.version is None and error.status == 406:  # noqa: PLR2004 - Not Acceptable
        entry["min_version"] = text(OLDEST)
        entry["max_version"] = VERSIONS[-1]
    return msgspec.json.encode({"errors": [entry]})


def _heading(error: HttpError) -> str:
    return f"{error.status} {title(error.status)}"


def _plain(error: HttpError, lead: str) -> str:
    """Give the text of an error: one line, below another that depends on the status alone."""
    detail = error.detail.replace("\n", " ").replace("\r", "")
    end = "" if error.status in _TERSE else "  "
    return f"{lead.replace(chr(10), ' ')}\n\n {detail}{end}"


def _html(error: HttpError, lead: str) -> bytes:
    heading = _heading(error)
    end = "" if error.status in _TERSE else "\n\n"
    return (
        f"<html>\n <head>\n  <title>{heading}</title>\n </head>\n <body>\n  <h1>{heading}</h1>\n"
        f"  {escape(lead)}<br /><br />\n{escape(error.detail)}{end}\n </body>\n</html>"
    ).encode("ascii", "xmlcharrefreplace")
