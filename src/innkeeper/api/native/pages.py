"""Keyset pages: lists that a client walks by the key of the last thing it saw.

A walk returns each thing that existed throughout exactly once, whatever comes and goes
meanwhile; so there is no offset here, and there must never be one.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import urlencode

from msgspec import Meta

from innkeeper.api.native.links import Link

if TYPE_CHECKING:
    # Commands walk pages without all that serves a call.
    from innkeeper.api.native.call import Call

MAX_PAGE: Final = 1000
"""Things on one page: some hundred kilobytes of answer."""

Limit = Annotated[int, Meta(ge=1, le=MAX_PAGE, description="Things on a page.")]
Marker = Annotated[str, Meta(description="Begin after this: the last thing of the page before.")]


def next_links(call: "Call", *, marker: str | None) -> tuple[Link, ...]:
    """Give the link to the next page; nothing for ``marker`` None, which means the last page."""
    if marker is None:
        return ()
    asked: Mapping[str, str] = {**call.query, "marker": marker}
    return (Link("next", f"{call.url}?{urlencode(asked)}"),)
