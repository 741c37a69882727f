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

    @property
    def own(self) -> dict[str, str]:
        """What a rule is asked about where there is nothing else: the caller's own things."""
        return {"user_id": self.user_id, "project_id": self.project_id or ""}
