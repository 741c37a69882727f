r"""NUL characters, which no API takes: some databases refuse them, others end a text there.

Looked for before anything is decoded, in one place for all that a request may hold.
"""

import re
from typing import Final

from innkeeper.api.http import Request

NUL_REFUSED: Final = "A NUL character is part of no name, id or text."

_ESCAPED: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
r"""In JSON: ``\u0000``, unless the backslash is itself escaped."""


def has_nul(request: Request, content: bytes) -> bool:
    """Tell whether path, query or body, which is JSON in UTF-8, has a NUL character."""
    return (
        "\0" in request.path
        or "%00" in request.query
        or (rb"\u0000" in content and _ESCAPED.search(content) is not None)
    )
