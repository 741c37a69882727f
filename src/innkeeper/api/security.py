"""How callers may say who they are, as the OpenAPI documents tell it.

A document says what the API is, not how one server is set up: so it names what each strategy of
authentication takes, as alternatives. Which of them a server wants is what its 401 says.
"""

from typing import Any, Final

SCHEMES: Final[dict[str, dict[str, str]]] = {
    "token": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Auth-Token",
        "description": (
            "Strategy keystone: a token of Keystone. Strategy noauth2: USER or USER:PROJECT, which"
            " is believed."
        ),
    },
    "password": {
        "type": "http",
        "scheme": "basic",
        "description": "Strategy http_basic: a user of the password file.",
    },
}
"""Value of ``components.securitySchemes``."""

ANY: Final[list[dict[str, Any]]] = [{"token": []}, {"password": []}, {}]
"""Value of ``security``: one of these will do; the last one, nothing, is strategy none."""

NONE: Final[list[dict[str, Any]]] = []
"""Value of ``security`` of an operation that anybody may ask for, whatever the strategy."""
