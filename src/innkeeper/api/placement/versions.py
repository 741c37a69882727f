"""Microversions of the Placement API: which there are, and which one a request asks for."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

import microversion_parse

Version = tuple[int, int]

SERVICE_TYPE: Final = "placement"
HEADER: Final = microversion_parse.STANDARD_HEADER
OLDEST: Final[Version] = (1, 0)
LATEST: Final[Version] = (1, 39)
VERSIONS: Final = tuple(f"1.{minor}" for minor in range(LATEST[1] + 1))

_CACHED_HEADERS: Final = 256
"""Clients send few different headers; a hostile one cannot fill the memory."""


class UnacceptableVersion(Exception):
    """There is no such microversion here."""


class MalformedVersion(Exception):
    """What was sent is no microversion."""


def text(version: Version) -> str:
    """Give a version as it is written: ``1.39``."""
    return f"{version[0]}.{version[1]}"


def negotiate(headers: Mapping[str, str]) -> Version:
    """Give the version that ``headers`` (lower-case names) ask for; 1.0 if they do not say.

    Raises UnacceptableVersion or MalformedVersion.
    """
    return _parse(headers.get(HEADER, ""))


@lru_cache(maxsize=_CACHED_HEADERS)
def _parse(header: str) -> Version:
    try:
        found = microversion_parse.extract_version({HEADER: header}, SERVICE_TYPE, VERSIONS)
    except ValueError as error:
        raise UnacceptableVersion(f"Invalid microversion: {error}") from error
    except TypeError as error:
        raise MalformedVersion(f"Invalid microversion: {error}") from error
    return (found.major, found.minor)
