"""Which of the media types on offer a client accepts (RFC 9110, section 12.5.1)."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import msgspec

_CACHED_HEADERS: Final = 256
"""Clients send few different Accept headers; a hostile one cannot fill the memory."""


class _Range(msgspec.Struct, frozen=True):
    """One element of an Accept header."""

    kind: str
    subtype: str
    quality: float

    def specificity(self, kind: str, subtype: str) -> int:
        """Tell how exactly it names kind/subtype: 0 not at all, 3 exactly."""
        if (self.kind, self.subtype) == (kind, subtype):
            return 3
        if (self.kind, self.subtype) == (kind, "*"):
            return 2
        return 1 if (self.kind, self.subtype) == ("*", "*") else 0


def _parse(header: str) -> tuple[_Range, ...] | None:
    """Read an Accept header; None if it is malformed."""
    ranges = []
    for element in header.split(","):
        if not element.strip():
            continue
        media, *parameters = (part.strip() for part in element.split(";"))
        kind, slash, subtype = media.lower().partition("/")
        if not (kind and slash and subtype):
            return None
        quality = 1.0
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip().lower() == "q":
                try:
                    quality = float(value)
                except ValueError:
                    return None
        ranges.append(_Range(kind, subtype, quality))
    return tuple(ranges)


@lru_cache(maxsize=_CACHED_HEADERS)
def best_offer(accept: str, offers: Sequence[str]) -> str | None:
    """Give the offer that the client likes best, the first of equals; None if it likes none.

    An Accept header that is empty or malformed accepts everything. ``offers`` is a tuple.
    """
    ranges = _parse(accept)
    if not ranges:
        return offers[0]
    best, best_quality = None, 0.0
    for offer in offers:
        kind, _, subtype = offer.partition("/")
        matches = [(r.specificity(kind, subtype), r.quality) for r in ranges]
        specificity, quality = max(matches)
        if specificity and quality > best_quality:
            best, best_quality = offer, quality
    return best
