"""Walking the pages of a list, as far as somebody wants to read."""

from collections.abc import Callable, Sequence
from typing import Annotated, Final, TypeVar

import msgspec
from cyclopts import Parameter
from cyclopts.validators import Number

from innkeeper.api.native.links import Link
from innkeeper.api.native.pages import MAX_PAGE
from innkeeper.cli.source import Source

MAX_SHOWN: Final = 1_000_000
"""Things that one command lists: what a terminal's memory bears."""

Limit = Annotated[
    int, Parameter(validator=Number(gte=1, lte=MAX_SHOWN), help="How many to list at most.")
]

Page = TypeVar("Page", bound=msgspec.Struct)
Thing = TypeVar("Thing")


async def walk(
    source: Source,
    first: str,
    kind: type[Page],
    *,
    read: Callable[[Page], tuple[Sequence[Thing], Sequence[Link]]],
    limit: int,
    **query: object,
) -> tuple[list[Thing], bool]:
    """Give up to ``limit`` things, and whether there are more.

    ``read`` gives the things and the links of a page.
    """
    things: list[Thing] = []
    page = await source.get(first, kind, limit=min(limit, MAX_PAGE), **query)
    while True:
        found, links = read(page)
        things.extend(found)
        following = next((link.href for link in links if link.rel == "next"), None)
        if following is None or len(things) >= limit:
            return things[:limit], following is not None or len(things) > limit
        page = await source.get(following, kind)
