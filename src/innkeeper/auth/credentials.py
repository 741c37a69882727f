"""Credentials: who is asking, as far as policy rules look at it."""

import msgspec


class Credentials(msgspec.Struct, frozen=True):
    """The caller of one request. Without a user: somebody who gave no token."""

    user_id: str = ""
    project_id: str | None = None
    roles: frozenset[str] = frozenset()
    """Lower case; implied roles are already among them."""
    system_scope: str = ""
    """"all" for a token of the whole system; "" for one of a project."""
