"""The root: which versions of the API there are."""

from innkeeper.api.http import Response
from innkeeper.api.placement.answers import json_answer
from innkeeper.api.placement.call import Call
from innkeeper.api.placement.versions import LATEST, OLDEST, text


async def show_root(call: Call) -> Response:
    """GET /: version discovery, for anybody."""
    version = {
        "id": f"v{text(OLDEST)}",
        "max_version": text(LATEST),
        "min_version": text(OLDEST),
        "status": "CURRENT",
        "links": [{"rel": "self", "href": ""}],
    }
    return json_answer(call, {"versions": [version]})
