"""Microversions of the native API: negotiation by header, and discovery.

A change of any kind raises MAXIMUM; a client that names no version gets MINIMUM.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import microversion_parse
import msgspec

from innkeeper.api.native.faults import NOT_ACCEPTABLE, Refused
from innkeeper.api.native.links import Link

SERVICE_TYPE: Final = "innkeeper"
"""The name before the number in the header ``OpenStack-API-Version: innkeeper 1.0``."""

Microversion = tuple[int, int]

MINIMUM: Final[Microversion] = (1, 0)
REPAIRS_SINCE: Final[Microversion] = (1, 1)
MAXIMUM: Final[Microversion] = (1, 1)

ROOT: Final = "/v1"


class Version(msgspec.Struct, frozen=True):
    """What a root says about itself."""

    id: str
    status: str
    min_version: str
    max_version: str
    links: tuple[Link, ...]


class VersionShown(msgspec.Struct, frozen=True):
    """Answer of the native API's root."""

    version: Version


class VersionList(msgspec.Struct, frozen=True):
    """Answer of the server's root: the APIs that it serves."""

    versions: tuple[Version, ...]


def text(version: Microversion) -> str:
    """Give ``1.0`` for (1, 0)."""
    return f"{version[0]}.{version[1]}"


def here() -> Version:
    """Describe the native API."""
    return Version(
        id="v1",
        status="CURRENT",
        min_version=text(MINIMUM),
        max_version=text(MAXIMUM),
        links=(Link("self", ROOT), Link("describedby", f"{ROOT}/openapi.json")),
    )


def negotiate(headers: Mapping[str, str]) -> Microversion:
    """Give the microversion that a request's headers ask for. Raises Refused (406)."""
    asked = microversion_parse.get_version(dict(headers), service_type=SERVICE_TYPE)
    if asked is None:
        return MINIMUM
    if asked == "latest":
        return MAXIMUM
    try:
        version = microversion_parse.parse_version_string(asked)
    except (TypeError, ValueError) as error:  # A ValueError: more digits than int() reads.
        raise _unacceptable(f"'{asked}' is no version such as {text(MAXIMUM)}.") from error
    pair = (int(version.major), int(version.minor))
    if not MINIMUM <= pair <= MAXIMUM:
        raise _unacceptable(
            f"Version {asked} is not supported: minimum {text(MINIMUM)}, maximum {text(MAXIMUM)}."
        )
    return pair


def _unacceptable(detail: str) -> Refused:
    return Refused(HTTPStatus.NOT_ACCEPTABLE, code=NOT_ACCEPTABLE, detail=detail)
