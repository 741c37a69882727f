"""Origins: which web pages may have a browser ask the native API, and by which names of ours.

A browser sends a request for any page, from inside the network and with the passwords that it
remembers. What it says of the page (Origin) and of the name that led here (Host) tells them apart;
other clients say no Origin. Never look at who asks: that is the business of ``auth``.
"""

from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import msgspec

from innkeeper.api.http import JSON, Request
from innkeeper.api.native import faults
from innkeeper.api.native.faults import Refused
from innkeeper.config import is_loopback

_ANY: Final = "*"
_READS: Final = frozenset({"GET", "HEAD"})
"""Methods that change nothing; what they answer, a browser shows no page of another origin."""


class Origins(msgspec.Struct, frozen=True):
    """Whose pages may change things, beside our own."""

    allowed: frozenset[str] = frozenset()
    """Such as https://horizon.example.com; * is any."""
    only_loopback: bool = False
    """Whether only names of the loopback are ours: where whoever reaches us may do anything, a
    page must not reach us by a name of its own that leads here (DNS rebinding)."""

    def check(self, request: Request) -> None:
        """Raise Refused if it is for a name that is not ours, or a foreign page's to change."""
        host = request.headers.get("host", "")
        if self.only_loopback and host and not is_loopback(_name(host)):
            raise Refused(
                HTTPStatus.FORBIDDEN,
                code=faults.FOREIGN_HOST,
                detail=f"Nobody is asked who he is here, so only this machine is answered, and"
                f" {host} is no name of it. Ask 127.0.0.1, choose another auth.strategy, or set"
                f" api.allow_remote.",
            )
        origin = request.headers.get("origin")
        if (
            request.method in _READS
            or origin is None
            or not self.allowed.isdisjoint((origin, _ANY))
        ):
            return
        if not host or origin.rpartition("/")[2].lower() != host.lower():
            raise Refused(
                HTTPStatus.FORBIDDEN,
                code=faults.FOREIGN_ORIGIN,
                detail=f"Pages of {origin} may not change anything here: it is not in"
                " cors.allowed_origins.",
            )


def check_media(request: Request, content: bytes) -> None:
    """Raise Refused if there is a body that is not said to be JSON: any page may send such."""
    if content and request.media_type.lower() != JSON:
        raise Refused(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            code=faults.NOT_JSON,
            detail=f"The content-type of a body must be {JSON}.",
        )


def _name(host: str) -> str:
    """Give the name of a Host header, without the port; "" if it makes no sense."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
