"""Credentials: who is asking, as far as policy rules look at it."""

import msgspec


class ServiceCredentials(msgspec.Struct, frozen=True):
    """The service through which a user asks: what the second token of a request says."""

    user_id: str = ""
    user_domain_id: str | None = None
    project_id: str | None = None
    project_domain_id: str | None = None
    roles: frozenset[str] = frozenset()


class Credentials(msgspec.Struct, frozen=True):
    """The caller of one request. Without a user: somebody who gave no token."""

    user_id: str = ""
    project_id: str | None = None
    roles: frozenset[str] = frozenset()
    """Lower case; implied roles are already among them."""
    system_scope: str = ""
    """"all" for a token of the whole system; "" for any other."""
    domain_id: str | None = None
    """The domain that a token is of; None for any other."""
    user_domain_id: str | None = None
    project_domain_id: str | None = None
    is_admin_project: bool = True
    service: ServiceCredentials | None = None

    @property
    def scope(self) -> str:
        """What the caller's token is of: system, domain or project."""
        if self.system_scope:
            return "system"
        return "domain" if self.domain_id else "project"

    @property
    def own(self) -> dict[str, str]:
        """What a rule is asked about where there is nothing else: the caller's own things."""
        return {"user_id": self.user_id, "project_id": self.project_id or ""}
