"""Strategy ``noauth2``: the request itself says who is asking, and is believed.

For tests and for development. It must never guard anything.
"""

from typing import Final

import msgspec

from innkeeper.auth.credentials import Credentials
from innkeeper.auth.strategy import Asking

_ADMIN: Final = "admin"


class NoAuth2(msgspec.Struct, frozen=True):
    """The token is ``USER`` or ``USER:PROJECT``; roles, project and scope may come as headers."""

    challenge: tuple[tuple[str, str], ...] = ()

    async def authenticate(self, asking: Asking) -> Credentials | None:
        """Give what the token and the headers say; None without a token."""
        headers = asking.headers
        token = headers.get("x-auth-token")
        if token is None:
            return None
        user_id, _, project = token.partition(":")
        system_scope = headers.get("openstack-system-scope", "")
        project_id = headers.get("x-project-id")
        if project_id is None and not system_scope:
            project_id = project or user_id
        said = headers.get("x-roles")
        if said is None:
            said = _ADMIN if user_id == _ADMIN else ""
        roles = frozenset(role.strip().lower() for role in said.split(",") if role.strip())
        return Credentials(
            user_id=user_id, project_id=project_id, roles=roles, system_scope=system_scope
        )

    async def close(self) -> None:
        """Nothing was opened."""
