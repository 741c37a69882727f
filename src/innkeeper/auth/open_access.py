"""Strategy ``none``: whoever reaches the server may do everything.

Only for a server that listens on a loopback address; the configuration sees to that.
"""

import msgspec

from innkeeper.auth.credentials import Credentials
from innkeeper.auth.strategy import Asking


class OpenAccess(msgspec.Struct, frozen=True):
    """Everybody is the same administrator."""

    challenge: tuple[tuple[str, str], ...] = ()
    everybody: Credentials = Credentials(
        user_id="admin",
        project_id="admin",
        roles=frozenset({"admin", "service", "member", "reader"}),
    )

    async def authenticate(self, asking: Asking) -> Credentials:
        """Give the one administrator."""
        return self.everybody

    async def close(self) -> None:
        """Nothing was opened."""
